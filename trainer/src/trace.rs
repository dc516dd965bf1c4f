//! The spans of a training: one for all of it, one for each stage.

use std::sync::{Mutex, PoisonError};

use complaint_contract::{RunResult, TrainingStage, variables};
use complaint_telemetry::{Kind, Span, Traces};

use crate::error::TrainError;

/// The spans of a training.
#[derive(Debug)]
pub(crate) struct Trace {
    whole: Span,
    traces: &'static Traces,
    stage: Mutex<Option<(TrainingStage, Span)>>,
}

impl Trace {
    /// Begins the span of a training, where the environment asks for traces. `TRACEPARENT` names the span that it belongs to.
    pub(crate) fn begin() -> Option<Self> {
        let traces = match complaint_telemetry::start("complaint-trainer") {
            Ok(traces) => traces?,
            Err(reason) => {
                use std::io::Write;
                // Without a reader the training goes on as well.
                let _ = writeln!(std::io::stderr(), "there are no traces: {reason}");
                return None;
            }
        };
        let parent = std::env::var(variables::TRACEPARENT).ok();
        let parent = parent.and_then(|parent| parent.parse().ok());
        Some(Self {
            whole: traces.span("train", Kind::Internal, parent)?,
            traces,
            stage: Mutex::new(None),
        })
    }

    /// The training is at this stage: the span of the one before ends.
    pub(crate) fn enter(&self, stage: TrainingStage) {
        let mut current = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_none_or(|(known, _)| *known != stage) {
            // The old one ends first.
            *current = None;
            let name = match stage {
                TrainingStage::Loading => "load",
                TrainingStage::Preprocessing => "preprocess",
                TrainingStage::Searching => "search",
                TrainingStage::Fitting => "fit",
                TrainingStage::Evaluating => "evaluate",
                TrainingStage::Writing => "write",
                TrainingStage::Done => return,
            };
            let span = self.traces.span(name, Kind::Internal, Some(self.whole.place()));
            *current = span.map(|span| (stage, span));
        }
    }

    /// Ends all spans and sends them. Numbers, digests and reasons are attributes; no text and no label is.
    pub(crate) fn end(mut self, outcome: Result<&RunResult, &TrainError>) {
        *self.stage.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        match outcome {
            Ok(RunResult::Trained(result)) => {
                let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
                self.whole
                    .set("complaints.model_digest", result.artifact.sha256.prefixed());
                self.whole.set("complaints.dataset.rows", count(result.dataset.rows));
                self.whole
                    .set("complaints.dataset.digest", result.dataset.sha256.prefixed());
                self.whole.set("complaints.trials", count(result.trials.total));
                self.whole.set("complaints.macro_f1", result.metrics.macro_f1);
            }
            Ok(RunResult::Unchanged(_)) => self.whole.set("complaints.unchanged", true),
            Err(error) => self.whole.fail(error.reason().as_str()),
        }
        drop(self);
        complaint_telemetry::end();
    }
}
