//! Progress of a training: JSON lines for the operator, a bar for people.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use complaint_contract::{RunResult, TrainingStage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::TrainError;
use crate::terminal::{visible, visible_json};
use crate::trace::Trace;

/// The stages of a command, and their shares of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// All stages.
    Training,
    /// Loading and evaluating.
    Evaluation,
    /// Loading and preprocessing.
    Profile,
}

impl Plan {
    /// The percentages of the command at which the stage begins and ends.
    fn range(self, stage: TrainingStage) -> (f64, f64) {
        match (self, stage) {
            (_, TrainingStage::Done) => (100.0, 100.0),
            (Self::Training, TrainingStage::Loading) => (0.0, 5.0),
            (Self::Training, TrainingStage::Preprocessing) => (5.0, 12.0),
            (Self::Training, TrainingStage::Searching) => (12.0, 80.0),
            (Self::Training, TrainingStage::Fitting) => (80.0, 92.0),
            (Self::Training, TrainingStage::Evaluating) => (92.0, 97.0),
            (Self::Training, TrainingStage::Writing) => (97.0, 100.0),
            (Self::Evaluation, TrainingStage::Loading) => (0.0, 20.0),
            (Self::Evaluation, _) => (20.0, 100.0),
            (Self::Profile, TrainingStage::Loading) => (0.0, 50.0),
            (Self::Profile, _) => (50.0, 100.0),
        }
    }
}

/// The output for progress.
#[derive(Debug)]
enum Sink {
    /// One JSON object per line, to standard output if `stdout` is set, as the contract requires, otherwise to standard
    /// error.
    Lines {
        stdout: bool,
    },
    Bar(ProgressBar),
    Silent,
}

/// Reports progress from any thread. Progress never decreases.
#[derive(Debug)]
pub struct Progress {
    sink: Sink,
    plan: Plan,
    last: Mutex<(TrainingStage, u8)>,
    trace: Option<Trace>,
}

impl Progress {
    /// The contract's lines on standard output.
    pub fn contract() -> Self {
        Self::with(Sink::Lines { stdout: true }, Plan::Training)
    }

    /// A bar if standard error is a terminal, otherwise the contract's lines on standard error. Standard output is for
    /// the result.
    pub fn for_people(plan: Plan) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::with(Sink::Lines { stdout: false }, plan);
        }
        let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{elapsed:>4} [{bar:32}] {percent:>3}% {msg}")
            .expect("the template is well formed");
        bar.set_style(style.progress_chars("=> "));
        Self::with(Sink::Bar(bar), plan)
    }

    /// No output.
    pub fn silent() -> Self {
        Self::with(Sink::Silent, Plan::Training)
    }

    fn with(sink: Sink, plan: Plan) -> Self {
        Self {
            sink,
            plan,
            last: Mutex::new((TrainingStage::Loading, u8::MAX)),
            trace: None,
        }
    }

    /// Begins the spans of a training as well, where the environment asks for traces.
    pub(crate) fn traced(mut self) -> Self {
        self.trace = Trace::begin();
        self
    }

    /// Ends the spans with the training.
    pub(crate) fn end(self, outcome: Result<&RunResult, &TrainError>) {
        if let Some(trace) = self.trace {
            trace.end(outcome);
        }
    }

    /// Reports that `share` (0 to 1) of a stage is done. Writes a line only when the stage or the percentage changes.
    pub fn tell(&self, stage: TrainingStage, share: f64, message: &str) {
        let (from, to) = self.plan.range(stage);
        let percent = (from + (to - from) * share.clamp(0.0, 1.0)) as u8;
        // A poisoned lock means that another thread panicked, and that panic will be reported.
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let first = last.1 == u8::MAX;
        if !first && (stage, percent) <= *last {
            return;
        }
        *last = (stage, percent);
        if let Some(trace) = &self.trace {
            trace.enter(stage);
        }
        match &self.sink {
            Sink::Silent => {}
            Sink::Bar(bar) => {
                bar.set_position(u64::from(percent));
                bar.set_message(visible(&format!("{stage:?}: {message}")).into_owned());
                if stage == TrainingStage::Done {
                    bar.finish_and_clear();
                }
            }
            Sink::Lines { stdout } => {
                let progress = complaint_contract::Progress {
                    stage,
                    percent,
                    message: message.to_owned(),
                };
                let line = visible_json(progress.to_line());
                // A closed output does not stop the training.
                let _ = if *stdout {
                    writeln!(std::io::stdout(), "{line}")
                } else {
                    writeln!(std::io::stderr(), "{line}")
                };
            }
        }
    }
}
