//! The context of a write: its user and its options.

use std::sync::Arc;

use crate::error::ApiError;
use crate::field::{FieldError, Path, Problem};
use crate::request::Query;
use crate::user::User;

/// What to do about unknown and duplicated fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// Prune without a warning.
    Ignore,
    /// Prune and warn.
    Warn,
    /// Reject.
    Strict,
}

/// The context of a write.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// Field manager.
    pub(crate) manager: String,
    /// Dry run: answer without storing.
    pub(crate) dry_run: bool,
    /// Treatment of unknown fields.
    pub(crate) validation: FieldValidation,
    /// The user.
    pub(crate) user: Arc<User>,
}

impl Context {
    /// The server's own writes.
    pub(crate) fn internal() -> Self {
        Self {
            manager: "kube-controller-manager".into(),
            dry_run: false,
            validation: FieldValidation::Ignore,
            user: Arc::new(User::server()),
        }
    }

    /// Reads the options of a write; `kind` is the options kind for errors.
    ///
    /// # Errors
    /// 422 if an option has a value that upstream rejects.
    pub(crate) fn from_query(query: &Query, user_agent: &str, kind: &str) -> Result<Self, ApiError> {
        let manager = match query.get("fieldManager") {
            "" => user_agent
                .split('/')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
            given if given.len() > 128 => {
                let error = FieldError::new(&Path::new("fieldManager"), Problem::TooLong(128));
                return Err(ApiError::invalid_options(kind, error));
            }
            given => given.to_owned(),
        };
        let validation = match query.get("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            "Ignore" => FieldValidation::Ignore,
            other => {
                let supported = ["Ignore", "Warn", "Strict"];
                let error = FieldError::unsupported(&Path::new("fieldValidation"), &other.into(), &supported);
                return Err(ApiError::invalid_options(kind, error));
            }
        };
        Ok(Self {
            manager,
            dry_run: query.dry_run(kind)?,
            validation,
            user: Arc::new(User::anonymous()),
        })
    }
}
