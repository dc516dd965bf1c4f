//! What a training tells while it runs: one JSON line a step on standard output.

use serde::{Deserialize, Serialize};

/// The stages of a training, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TrainingStage {
    /// The data set is fetched and read.
    Loading,
    /// Texts are split and cut into words.
    Preprocessing,
    /// Trials run on the folds.
    Searching,
    /// The best trial is fitted on all training rows.
    Fitting,
    /// The model is tried on the held-out rows.
    Evaluating,
    /// Artifact and report go to the store.
    Writing,
    /// All is written.
    Done,
}

impl TrainingStage {
    /// The name in progress lines and statuses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loading => "Loading",
            Self::Preprocessing => "Preprocessing",
            Self::Searching => "Searching",
            Self::Fitting => "Fitting",
            Self::Evaluating => "Evaluating",
            Self::Writing => "Writing",
            Self::Done => "Done",
        }
    }
}

/// How far a training is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// The trainer's stage.
    pub stage: TrainingStage,
    /// Percent of the whole run.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percent: u8,
    /// What it is doing.
    #[serde(default)]
    pub message: String,
}

/// A line of the log.
#[derive(Serialize, Deserialize)]
struct Line<P> {
    progress: P,
}

impl Progress {
    /// The line that tells it, without its line feed.
    pub fn to_line(&self) -> String {
        serde_json::to_string(&Line { progress: self }).expect("plain strings and numbers are JSON")
    }

    /// The progress in a line of the trainer's log, if the line tells one.
    pub fn of_line(line: &str) -> Option<Self> {
        let line: Line<Self> = serde_json::from_str(line.trim()).ok()?;
        Some(line.progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let progress = Progress {
            stage: TrainingStage::Searching,
            percent: 42,
            message: "trial 3 of 6".into(),
        };
        let line = r#"{"progress":{"stage":"Searching","percent":42,"message":"trial 3 of 6"}}"#;
        assert_eq!(progress.to_line(), line);
        assert_eq!(Progress::of_line(&format!("{line}\n")), Some(progress));
        assert_eq!(Progress::of_line("a line of another kind"), None);
    }
}
