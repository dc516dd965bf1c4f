//! The commands of the program, one module each.

pub(crate) mod adapt;
pub(crate) mod adapt_champion;
mod answer;
pub(crate) mod audit;
pub(crate) mod compare;
pub(crate) mod data;
pub(crate) mod delete;
pub(crate) mod dossier;
pub(crate) mod evaluate;
pub(crate) mod expire;
pub(crate) mod explain;
pub(crate) mod job;
pub(crate) mod predict;
pub(crate) mod profile;
pub(crate) mod record;
pub(crate) mod report_schema;
mod reproduce;
pub(crate) mod run;
mod settings;
pub(crate) mod show;
pub(crate) mod sign;
mod table;
pub(crate) mod track;
pub(crate) mod train;
pub(crate) mod verify;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use complaint_contract::{ErrorEnvelope, last_panic};
use serde::Serialize;

use crate::cli::OutputForm;
use crate::error::TrainError;
use crate::terminal;

/// Turns a panic, which is a defect, into an error with a reason, so that the operator and the user see it. The panic's
/// message may quote a complaint, so only its location in the source is reported.
fn guarded<T>(work: impl FnOnce() -> Result<T, TrainError>) -> Result<T, TrainError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let place = last_panic().unwrap_or_else(|| "an unknown place".into());
        Err(TrainError::Internal(format!("the trainer stopped at {place}")))
    })
}

/// Runs `work`. Prints the result on standard output in the given form, or the error on standard error.
fn answer<T: Serialize>(
    form: OutputForm,
    work: impl FnOnce() -> Result<T, TrainError>,
    table: impl FnOnce(&T) -> String,
) -> ExitCode {
    match guarded(work) {
        Ok(result) => {
            print(&match form {
                OutputForm::Json => to_json(&result),
                OutputForm::Table => terminal::visible(&table(&result)).into_owned(),
            });
            ExitCode::SUCCESS
        }
        Err(error) => refuse(form, &error),
    }
}

/// Prints text. A closed pipe does not make the command fail.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// JSON without characters that a terminal would interpret.
fn to_json<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).expect("strings, numbers and lists are JSON");
    terminal::visible_json(json)
}

/// Prints an error: a sentence for people, the contract's error message for scripts.
fn refuse(form: OutputForm, error: &TrainError) -> ExitCode {
    let text = match form {
        OutputForm::Json => to_json(&ErrorEnvelope::new(error.reason().as_str(), error)),
        OutputForm::Table => {
            let message = format!("error ({}): {}", error.reason(), with_flags(&error.to_string()));
            terminal::visible(&message).into_owned()
        }
    };
    // If nobody reads the error, the exit code remains.
    let _ = writeln!(std::io::stderr(), "{text}");
    error.reason().exit_kind().into()
}

/// Settings that messages name, and the arguments that set them.
const FLAGS: [(&str, &str); 19] = [
    ("dataset.format to JsonLines", "--data-format json-lines"),
    ("dataset.format to Json", "--data-format json"),
    ("dataset.format to Csv", "--data-format csv"),
    ("evaluation.holdout.source", "--holdout"),
    ("dataset.source", "--data"),
    ("dataset.textField", "--text-field"),
    ("dataset.labelFields", "--label-field"),
    ("dataset.labelLevels", "--label-level"),
    ("dataset.splitField", "--split-field"),
    ("dataset.timeField", "--time-field"),
    ("evaluation.split", "--split"),
    ("dataset.feedback", "--feedback"),
    ("dataset.filter", "--where"),
    ("dataset.format", "--data-format"),
    ("dataset.labelMap", "--label-map"),
    ("dataset.minSamplesPerClass", "--min-samples-per-class"),
    ("dataset.source.sha256", "--sha256"),
    ("signing.keySecretRef", "--signing-key"),
    ("preprocessing.language", "--language"),
];

/// Replaces a TrainingRun's fields in a message with arguments. A nested field has no argument.
fn with_flags(message: &str) -> String {
    FLAGS.iter().fold(message.to_owned(), |message, (field, flag)| {
        let mut told = String::with_capacity(message.len());
        let mut rest = message.as_str();
        while let Some((before, after)) = rest.split_once(field) {
            let within = after
                .strip_prefix('.')
                .is_some_and(|after| after.starts_with(char::is_alphanumeric));
            told.push_str(before);
            told.push_str(if within { field } else { flag });
            rest = after;
        }
        told + rest
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn messages_name_arguments_where_there_are_some() {
        let cases = [
            ("Check dataset.source, or it", "Check --data, or it"),
            ("Set dataset.textField to one", "Set --text-field to one"),
            ("the fault of dataset.source.", "the fault of --data."),
            ("through dataset.source.secretRef;", "through dataset.source.secretRef;"),
            ("set dataset.format to JsonLines", "set --data-format json-lines"),
        ];
        for (message, told) in cases {
            assert_eq!(super::with_flags(message), told);
        }
    }

    #[test]
    fn a_panic_tells_no_words() {
        complaint_contract::hide_panic_messages(|_| ());
        let error = super::guarded::<()>(|| panic!("my neighbour Mrs. Grey"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("commands/mod.rs:") && !error.contains("Grey"), "{error}");
    }
}
