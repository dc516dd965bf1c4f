//! What the program does, one module a command.

pub(crate) mod evaluate;
pub(crate) mod predict;
pub(crate) mod run;
mod settings;
pub(crate) mod train;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::TrainError;

/// Turns a panic, which is a defect, into an error with a reason, so that the operator and the user learn of it.
fn guarded<T>(work: impl FnOnce() -> Result<T, TrainError>) -> Result<T, TrainError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(TrainError::Internal(format!(
            "the trainer stopped: {}",
            message.unwrap_or("no message")
        )))
    })
}
