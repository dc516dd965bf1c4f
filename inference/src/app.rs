//! What all requests share: the model, the limits, the metrics, and whether the server wants more work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderValue;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::{Answer, Engine, Explained};
use crate::http::ApiError;
use crate::metrics::Metrics;
use crate::options::Limits;
use crate::tokens::Tokens;

/// A server's state. One for the life of the process: another model means another process, so that a load balancer
/// never meets two models behind one address.
#[derive(Debug)]
pub struct App {
    /// The model.
    pub engine: Engine,
    /// What clients may ask for at most.
    pub limits: Limits,
    /// What Prometheus may ask.
    pub metrics: Metrics,
    /// The training report, where the model came with one.
    pub report: Option<Bytes>,
    /// Who may ask; everybody when absent.
    pub tokens: Option<Tokens>,
    digest_header: HeaderValue,
    places: Arc<Semaphore>,
    draining: AtomicBool,
}

impl App {
    /// The state of a server for this model, ready from the start; without a report, and open to everybody.
    #[must_use]
    pub fn new(engine: Engine, limits: Limits) -> Self {
        let digest = engine.digest().prefixed();
        Self {
            metrics: Metrics::new(engine.name(), &digest, engine.labels()),
            digest_header: HeaderValue::try_from(digest).expect("a digest is hexadecimal"),
            places: Arc::new(Semaphore::new(limits.max_concurrency.min(Semaphore::MAX_PERMITS))),
            draining: AtomicBool::new(false),
            report: None,
            tokens: None,
            engine,
            limits,
        }
    }

    /// A place among the requests in flight, or the refusal. Nobody waits: a queue that grows only makes every answer
    /// late.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] when all places are taken.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| ApiError::Overloaded {
            limit: self.limits.max_concurrency,
        })
    }

    /// Answers one text; `index` is its place in the request, for messages.
    ///
    /// # Errors
    /// The text is blank, or too long.
    pub fn classify(&self, index: usize, text: &str) -> Result<Answer, ApiError> {
        self.check_text(index, text)?;
        let answer = self.engine.answer(text);
        self.count(&answer);
        Ok(answer)
    }

    /// Answers all texts of a request, or none.
    ///
    /// # Errors
    /// There are too many, or none; or one is blank or too long.
    pub fn classify_all<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<Answer>, ApiError> {
        self.check_texts(texts)?;
        let answer = |text: &T| self.engine.answer(text.as_ref());
        let answers: Vec<Answer> = texts.iter().map(answer).collect();
        answers.iter().for_each(|answer| self.count(answer));
        Ok(answers)
    }

    /// Answers all texts of a request with reasons, or none.
    ///
    /// # Errors
    /// As [`App::classify_all`].
    pub fn explain_all<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<Explained>, ApiError> {
        self.check_texts(texts)?;
        let explained: Vec<Explained> = texts.iter().map(|text| self.engine.explain(text.as_ref())).collect();
        explained.iter().for_each(|explained| self.count(&explained.answer));
        Ok(explained)
    }

    fn check_texts<T: AsRef<str>>(&self, texts: &[T]) -> Result<(), ApiError> {
        if texts.is_empty() {
            return Err(ApiError::InvalidRequest(
                "the request has no text; send one or more".into(),
            ));
        }
        if texts.len() > self.limits.max_texts {
            return Err(ApiError::TooManyTexts {
                count: texts.len(),
                limit: self.limits.max_texts,
            });
        }
        texts
            .iter()
            .enumerate()
            .try_for_each(|(index, text)| self.check_text(index, text.as_ref()))
    }

    fn check_text(&self, index: usize, text: &str) -> Result<(), ApiError> {
        if text.len() > self.limits.max_text_bytes {
            let limit = self.limits.max_text_bytes;
            return Err(ApiError::TextTooLong {
                index,
                bytes: text.len(),
                limit,
            });
        }
        if text.trim().is_empty() {
            return Err(ApiError::InvalidRequest(format!(
                "text {index} is blank; leave it out, or send the complaint's words"
            )));
        }
        Ok(())
    }

    fn count(&self, answer: &Answer) {
        let (category, probability) = answer.ranking[0];
        self.metrics.predicted(
            category,
            probability.into(),
            answer.unknown_word_share.into(),
            answer.needs_review,
        );
    }

    /// Turns readiness off, for good. Requests are still answered.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the server is on its way out.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The served digest as a header's value.
    #[must_use]
    pub fn digest_header(&self) -> HeaderValue {
        self.digest_header.clone()
    }
}
