//! What can go wrong in a reconcile. The variant's name is the reason in logs and metrics.

use kube::core::DynamicObject;

/// A failed step of a reconcile; the reconcile is tried again with growing pauses.
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
    /// An object is not of its kind's form.
    #[error("{object} can't be read: {message}")]
    Unreadable {
        /// The object's kind and name.
        object: String,
        /// Where its form differs.
        message: String,
    },
    /// An object that belongs to something else has the name of one that is to be made.
    #[error("{} {} exists and belongs to something else", .kind, .object.metadata.name.as_deref().unwrap_or_default())]
    Taken {
        /// Its kind.
        kind: String,
        /// The object as it is.
        object: Box<DynamicObject>,
    },
    /// Another hand changed an object between two steps.
    #[error("{action} failed: the object was changed meanwhile")]
    Changed {
        /// What was being done, with the object's kind and name.
        action: String,
    },
}

impl Error {
    /// What the API server refused for good, in its own words: a limit, a quota, a policy or a missing permission is blocking,
    /// and another attempt alone does not help. `None` for conflicts and passing faults.
    pub fn refusal(&self) -> Option<String> {
        match self {
            Self::Api { action, source } => match source.as_ref() {
                kube::Error::Api(status) if [400, 403, 422].contains(&status.code) => {
                    Some(format!("{action} was refused: {}", status.message))
                }
                _ => None,
            },
            Self::Incomplete { .. } | Self::Unreadable { .. } | Self::Taken { .. } | Self::Changed { .. } => None,
        }
    }

    /// Whether the API server refused to create an object because its namespace is being deleted.
    pub fn is_in_terminating_namespace(&self) -> bool {
        let Self::Api { source, .. } = self else { return false };
        let kube::Error::Api(status) = source.as_ref() else {
            return false;
        };
        let causes = status.details.iter().flat_map(|details| &details.causes);
        status.code == 403 && causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// Whether the API server refused an object as invalid.
    pub fn is_invalid(&self) -> bool {
        let Self::Api { source, .. } = self else { return false };
        matches!(source.as_ref(), kube::Error::Api(status) if status.code == 422)
    }

    /// Whether an object that was to be created exists.
    pub fn is_already_exists(&self) -> bool {
        let Self::Api { source, .. } = self else { return false };
        matches!(source.as_ref(), kube::Error::Api(status) if status.reason == "AlreadyExists")
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
            Self::Unreadable { .. } => "UnreadableObject",
            Self::Taken { .. } => "NameTaken",
            Self::Changed { .. } => "Conflict",
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
