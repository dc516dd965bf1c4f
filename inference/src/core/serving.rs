//! One request's view of the server: the shared state, and the model that answers this request from beginning to end.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::{App, Served};
use crate::engine::{Answer, Engine, Explained};
use crate::http::ApiError;

/// Text answered before other connections of the same thread get their turn: about a millisecond's work.
const TURN_BYTES: usize = 64 << 10;

/// What a handler works with.
#[derive(Debug, Clone)]
pub struct Serving {
    /// What all requests share.
    pub app: Arc<App>,
    /// The model for this request.
    pub model: Arc<Served>,
}

/// The layer around all routes has put the model into the request.
impl FromRequestParts<Arc<App>> for Serving {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let model = parts
            .extensions
            .get::<Arc<Served>>()
            .map_or_else(|| app.served(), Arc::clone);
        Ok(Self {
            app: Arc::clone(app),
            model,
        })
    }
}

impl Serving {
    /// The prediction core.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.model.engine
    }

    /// Answers one text; `index` is its place in the request, for messages.
    ///
    /// # Errors
    /// The text is blank, or too long.
    pub fn classify(&self, index: usize, text: &str) -> Result<Answer, ApiError> {
        self.check_text(index, text)?;
        let answer = self.engine().answer(text);
        self.app.count(&self.model, &answer);
        Ok(answer)
    }

    /// Answers all texts of a request, or none.
    ///
    /// # Errors
    /// There are too many, or none; or one is blank or too long.
    pub async fn classify_all<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Vec<Answer>, ApiError> {
        self.check_texts(texts)?;
        let answers = in_turns(texts, |text| self.engine().answer(text)).await;
        answers.iter().for_each(|answer| self.app.count(&self.model, answer));
        Ok(answers)
    }

    /// Answers all texts of a request with reasons, or none.
    ///
    /// # Errors
    /// As [`Serving::classify_all`].
    pub async fn explain_all<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Result<Vec<Explained>, ApiError> {
        self.check_texts(texts)?;
        let explained = in_turns(texts, |text| self.engine().explain(text)).await;
        explained
            .iter()
            .for_each(|explained| self.app.count(&self.model, &explained.answer));
        Ok(explained)
    }

    fn check_texts<T: AsRef<str>>(&self, texts: &[T]) -> Result<(), ApiError> {
        if texts.is_empty() {
            return Err(ApiError::InvalidRequest(
                "the request has no text; send one or more".into(),
            ));
        }
        if texts.len() > self.app.limits.max_texts {
            return Err(ApiError::TooManyTexts {
                count: texts.len(),
                limit: self.app.limits.max_texts,
            });
        }
        texts
            .iter()
            .enumerate()
            .try_for_each(|(index, text)| self.check_text(index, text.as_ref()))
    }

    fn check_text(&self, index: usize, text: &str) -> Result<(), ApiError> {
        if text.len() > self.app.limits.max_text_bytes {
            let limit = self.app.limits.max_text_bytes;
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
}

/// `answer` for each text; a long request lets others in between.
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
