//! What can go wrong in a reconcile. The variant's name is the reason in logs and metrics.

/// A failed step of a reconcile; all of them are tried again with growing pauses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to the API server failed.
    #[error("{action} failed: {source}")]
    Api {
        /// What was being done, with the object's kind and name.
        action: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
    /// An object came without a field that the API server always sets.
    #[error("{object} has no {field}")]
    Incomplete {
        /// The object's kind and name.
        object: String,
        /// The missing field.
        field: &'static str,
    },
}

impl Error {
    /// What the API server refused for good, in its own words: a limit, a quota, a policy or a permission stands in the way,
    /// and trying again alone won't help. `None` for conflicts and passing faults.
    pub fn refusal(&self) -> Option<String> {
        match self {
            Self::Api { action, source } => match source.as_ref() {
                kube::Error::Api(status) if [400, 403, 422].contains(&status.code) => {
                    Some(format!("{action} was refused: {}", status.message))
                }
                _ => None,
            },
            Self::Incomplete { .. } => None,
        }
    }

    /// A short name for metrics: one of a fixed set, never an object's name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) if status.code == 409 => "Conflict",
                kube::Error::Api(status) if status.code == 403 => "Forbidden",
                kube::Error::Api(_) => "ApiRefused",
                _ => "ApiUnreachable",
            },
            Self::Incomplete { .. } => "IncompleteObject",
        }
    }
}

/// Adds what was being done to a client's error.
pub trait Doing<T> {
    /// Wraps the error with `action`, made only when there is one.
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, kube::Error> {
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Api {
            action: action(),
            source: Box::new(source),
        })
    }
}
