//! One request's view of the server: the shared state, and the model that answers this request from start to end.

use std::sync::Arc;

use bytes::Bytes;
use complaint_contract::captured::{CapturedList, CapturedRow, DecidingWord, ServedAnswer, WORDS};
use complaint_contract::segments::CapturedAnswer;
use complaint_contract::statistics::ReferenceProfile;
use complaint_model::Sha256Digest;

use crate::core::app::{App, Served};
use crate::core::collection::capture::plain;
use crate::core::collection::captured::{TEXT_BYTES, Wanted};
use crate::core::collection::feedback::{Checked, Corrections, Row};
use crate::core::engine::{Answer, Engine, Explained};
use crate::core::memory::Held;
use crate::core::refusal::{Refusal, shorten};

/// Bytes of text to answer before yielding to other connections of the same thread: about a millisecond of work.
const TURN_BYTES: usize = 64 << 10;

/// Upper bound of an explanation's size, as a multiple of its text's size.
const EXPLANATION_FACTOR: usize = 32;

/// The state and the model that answer one request.
#[derive(Debug, Clone)]
pub struct Serving {
    /// The state that all requests share.
    pub app: Arc<App>,
    /// The model for this request.
    pub model: Arc<Served>,
}

impl Serving {
    /// The prediction core.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.model.engine
    }

    /// Refuses a name that is not the served model's.
    ///
    /// # Errors
    /// [`Refusal::ModelNotFound`].
    pub fn check_model(&self, name: &str) -> Result<(), Refusal> {
        if name == self.engine().name() {
            return Ok(());
        }
        Err(Refusal::ModelNotFound {
            found: shorten(name),
            served: self.engine().name().to_owned(),
        })
    }

    /// Refuses a version that is not the served one, and any other model.
    ///
    /// # Errors
    /// [`Refusal::ModelNotFound`], [`Refusal::VersionNotFound`].
    pub fn check_version(&self, model: &str, version: &str) -> Result<(), Refusal> {
        self.check_model(model)?;
        let served = self.engine().version();
        if version == served {
            return Ok(());
        }
        Err(Refusal::VersionNotFound {
            model: model.to_owned(),
            found: shorten(version),
            served,
        })
    }

    /// Refuses a digest that is not the served model's.
    ///
    /// # Errors
    /// [`Refusal::OtherDigest`].
    pub fn check_digest(&self, asked: Sha256Digest) -> Result<(), Refusal> {
        let served = self.engine().digest();
        if asked == served {
            return Ok(());
        }
        Err(Refusal::OtherDigest { served, asked })
    }

    /// Refuses new work while the server is draining.
    ///
    /// # Errors
    /// [`Refusal::ShuttingDown`].
    pub fn check_ready(&self) -> Result<(), Refusal> {
        if self.app.is_draining() {
            return Err(Refusal::ShuttingDown);
        }
        Ok(())
    }

    /// The model's training report.
    ///
    /// # Errors
    /// [`Refusal::NoReport`].
    pub fn report(&self) -> Result<Bytes, Refusal> {
        self.model.report.clone().ok_or(Refusal::NoReport)
    }

    /// The model's figures on its held-out rows.
    ///
    /// # Errors
    /// [`Refusal::NoReferenceProfile`].
    pub fn reference(&self) -> Result<&ReferenceProfile, Refusal> {
        self.engine().reference().ok_or(Refusal::NoReferenceProfile)
    }

    /// Answers one text. `index` is its position in the request, for messages.
    ///
    /// # Errors
    /// The text is blank, or too long.
    pub fn classify(&self, index: usize, text: &str) -> Result<Answer, Refusal> {
        self.check_text(index, text)?;
        let answer = self.engine().answer(text);
        self.app.count(&self.model, text, &answer);
        Ok(answer)
    }

    /// Answers all texts of a request, or none.
    ///
    /// # Errors
    /// If there is no text, or there are too many, or one is blank or too long.
    pub async fn classify_all<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Vec<Answer>, Refusal> {
        self.check_texts(texts)?;
        let answers = in_turns(texts, |text| self.engine().answer(text)).await;
        let answered = texts.iter().zip(&answers);
        answered.for_each(|(text, answer)| self.app.count(&self.model, text.as_ref(), answer));
        Ok(answers)
    }

    /// Answers and explains all texts of a request, or none.
    ///
    /// # Errors
    /// As [`Serving::classify_all`], or if other large requests leave no memory for the explanations.
    pub async fn explain_all<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Vec<Explained>, Refusal> {
        self.check_texts(texts)?;
        let bytes: usize = texts.iter().map(|text| text.as_ref().len()).sum();
        let mut held = Held::default();
        self.app
            .memory
            .grow(&mut held, bytes.saturating_mul(EXPLANATION_FACTOR))?;
        let explained = in_turns(texts, |text| self.engine().explain(text)).await;
        for (text, explained) in texts.iter().zip(&explained) {
            self.app.count(&self.model, text.as_ref(), &explained.answer);
        }
        Ok(explained)
    }

    /// Checks the corrections of a request, all of them or none, and lets the model answer their texts. These answers are not
    /// counted as such.
    ///
    /// # Errors
    /// As [`Serving::classify_all`], or if the server takes no corrections or one is invalid.
    pub async fn check_corrections(&self, rows: Vec<Row>) -> Result<Corrections, Refusal> {
        let feedback = self.app.feedback.as_ref().ok_or(Refusal::FeedbackOff)?;
        self.check_texts(&rows)?;
        let mut numbered = rows.iter().enumerate();
        numbered.try_for_each(|(index, row)| feedback.check(self.engine(), index, row))?;
        let answers = in_turns(&rows, |text| self.engine().answer(text)).await;
        feedback.prepare(&self.model, rows, &answers)
    }

    /// Waits until the store has the corrections, and returns the model's answers to their texts.
    ///
    /// # Errors
    /// [`Refusal::FeedbackQueueFull`], [`Refusal::NotKept`], [`Refusal::ShuttingDown`].
    pub async fn keep(&self, corrections: Corrections) -> Result<Vec<Checked>, Refusal> {
        let feedback = self.app.feedback.as_ref().ok_or(Refusal::FeedbackOff)?;
        feedback.keep(corrections).await
    }

    /// Captured answers without a correction, those that most need a person first, with the served model's answer to each. These
    /// answers are not counted as such.
    ///
    /// # Errors
    /// [`Refusal::FeedbackOff`], [`Refusal::ReviewBusy`], [`Refusal::NotRead`], or if other large requests leave no memory for the texts.
    pub async fn captured(&self, wanted: Wanted) -> Result<CapturedList, Refusal> {
        let (Some(feedback), Some(captured)) = (&self.app.feedback, &self.app.captured) else {
            return Err(Refusal::FeedbackOff);
        };
        let mut held = Held::default();
        self.app.memory.grow(&mut held, TEXT_BYTES)?;
        let found = captured.find(wanted).await?;
        let texts: Vec<&str> = found.rows.iter().map(|row| row.text.as_str()).collect();
        let served = in_turns(&texts, |text| self.served_answer(text)).await;
        Ok(CapturedList {
            rows: found.rows.into_iter().zip(served).map(row).collect(),
            waiting: found.waiting,
            complete: found.complete,
            categories: self.engine().labels().to_vec(),
            new_categories: feedback.takes_new_categories(),
            model_digest: self.model.digest.clone(),
        })
    }

    fn served_answer(&self, text: &str) -> ServedAnswer {
        let engine = self.engine();
        let explained = engine.explain(text);
        let won = explained.answer.ranking[0];
        let words = explained.terms.into_iter().filter(|term| !term.ranges.is_empty());
        ServedAnswer {
            category: engine.label(won.category).to_owned(),
            probability: plain(won.probability),
            second: engine.label(explained.runner_up).to_owned(),
            words: words
                .take(WORDS)
                .map(|term| DecidingWord {
                    contribution: plain(term.contribution),
                    ranges: term.ranges,
                })
                .collect(),
        }
    }

    fn check_texts<T: AsRef<str>>(&self, texts: &[T]) -> Result<(), Refusal> {
        if texts.is_empty() {
            return Err(Refusal::NoText);
        }
        if texts.len() > self.app.limits.max_texts {
            return Err(Refusal::TooManyTexts {
                count: texts.len(),
                limit: self.app.limits.max_texts,
            });
        }
        texts
            .iter()
            .enumerate()
            .try_for_each(|(index, text)| self.check_text(index, text.as_ref()))
    }

    fn check_text(&self, index: usize, text: &str) -> Result<(), Refusal> {
        if text.len() > self.app.limits.max_text_bytes {
            let limit = self.app.limits.max_text_bytes;
            return Err(Refusal::TextTooLong {
                index,
                bytes: text.len(),
                limit,
            });
        }
        if text.trim().is_empty() {
            return Err(Refusal::BlankText { index });
        }
        Ok(())
    }
}

/// A captured answer beside what the served model answers.
fn row((captured, served): (CapturedAnswer, ServedAnswer)) -> CapturedRow {
    CapturedRow {
        id: captured.id,
        time: captured.time,
        text: captured.text,
        category: captured.category,
        probability: captured.probability,
        margin: captured.margin,
        second: captured.second,
        needs_review: captured.needs_review,
        drawn: captured.drawn,
        digest: captured.digest,
        served,
    }
}

/// Applies `answer` to each text. A long request yields to other requests in between.
async fn in_turns<T: AsRef<str>, A>(texts: &[T], answer: impl Fn(&str) -> A) -> Vec<A> {
    let mut answers = Vec::with_capacity(texts.len());
    let mut done = 0;
    for text in texts {
        let text = text.as_ref();
        if done > 0 && done + text.len() > TURN_BYTES {
            tokio::task::yield_now().await;
            done = 0;
        }
        answers.push(answer(text));
        done += text.len();
    }
    answers
}
