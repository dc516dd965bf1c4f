//! The progress of a training: one JSON line per step on standard output.

use serde::{Deserialize, Serialize};

/// The stages of a training, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TrainingStage {
    /// The data set is fetched and read.
    Loading,
    /// Rows are split and texts are tokenised.
    Preprocessing,
    /// Trials run on the folds.
    Searching,
    /// The best trial is fitted on all training rows.
    Fitting,
    /// The model is evaluated on the held-out rows.
    Evaluating,
    /// Artifact and report are written to the store.
    Writing,
    /// Everything is written.
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

/// The progress of a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// The trainer's stage.
    pub stage: TrainingStage,
    /// Percent of the whole run.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 100)))]
    pub percent: u8,
    /// What the trainer is doing.
    #[serde(default)]
    pub message: String,
}

/// A line of the log.
#[derive(Serialize, Deserialize)]
struct Line<P> {
    progress: P,
}

impl Progress {
    /// The line of JSON, without a line feed.
    pub fn to_line(&self) -> String {
        serde_json::to_string(&Line { progress: self }).expect("plain strings and numbers are JSON")
    }

    /// Reads a line of the trainer's log; `None` if it is not a progress line.
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
