//! What a training tells while it runs: JSON lines for the operator, a bar for people.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// The stages of a training, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Stage {
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

/// Which stages a command has, and how its time is shared among them.
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
    /// The share of the command, in percent, at which the stage begins and ends.
    fn range(self, stage: Stage) -> (f64, f64) {
        match (self, stage) {
            (_, Stage::Done) => (100.0, 100.0),
            (Self::Training, Stage::Loading) => (0.0, 5.0),
            (Self::Training, Stage::Preprocessing) => (5.0, 12.0),
            (Self::Training, Stage::Searching) => (12.0, 80.0),
            (Self::Training, Stage::Fitting) => (80.0, 92.0),
            (Self::Training, Stage::Evaluating) => (92.0, 97.0),
            (Self::Training, Stage::Writing) => (97.0, 100.0),
            (Self::Evaluation, Stage::Loading) => (0.0, 20.0),
            (Self::Evaluation, _) => (20.0, 100.0),
            (Self::Profile, Stage::Loading) => (0.0, 50.0),
            (Self::Profile, _) => (50.0, 100.0),
        }
    }
}

/// Where progress goes.
#[derive(Debug)]
enum Sink {
    /// One JSON object a line; `true` for standard output, as the contract has it, else standard error.
    Lines {
        stdout: bool,
    },
    Bar(ProgressBar),
    Silent,
}

/// Tells progress from any thread; never goes back.
#[derive(Debug)]
pub struct Progress {
    sink: Sink,
    plan: Plan,
    last: Mutex<(Stage, u8)>,
}

#[derive(Serialize)]
struct Line<'a> {
    progress: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    stage: Stage,
    percent: u8,
    message: &'a str,
}

impl Progress {
    /// The contract's lines on standard output.
    pub fn contract() -> Self {
        Self::with(Sink::Lines { stdout: true }, Plan::Training)
    }

    /// A bar on a terminal, the contract's lines on standard error elsewhere: standard output is for the result.
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

    /// Nothing.
    pub fn silent() -> Self {
        Self::with(Sink::Silent, Plan::Training)
    }

    fn with(sink: Sink, plan: Plan) -> Self {
        Self {
            sink,
            plan,
            last: Mutex::new((Stage::Loading, u8::MAX)),
        }
    }

    /// Tells that `share` (0 to 1) of a stage is done. Lines are written only when stage or percent change.
    pub fn tell(&self, stage: Stage, share: f64, message: &str) {
        let (from, to) = self.plan.range(stage);
        let percent = (from + (to - from) * share.clamp(0.0, 1.0)) as u8;
        // A poisoned lock means that another thread panicked; its panic is the one to report.
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let first = last.1 == u8::MAX;
        if !first && (stage, percent) <= *last {
            return;
        }
        *last = (stage, percent);
        match &self.sink {
            Sink::Silent => {}
            Sink::Bar(bar) => {
                bar.set_position(u64::from(percent));
                bar.set_message(format!("{stage:?}: {message}"));
                if stage == Stage::Done {
                    bar.finish_and_clear();
                }
            }
            Sink::Lines { stdout } => {
                let line = serde_json::to_string(&Line {
                    progress: Body {
                        stage,
                        percent,
                        message,
                    },
                })
                .expect("plain strings and numbers are JSON");
                // Who does not read progress does not stop the training.
                let _ = if *stdout {
                    writeln!(std::io::stdout(), "{line}")
                } else {
                    writeln!(std::io::stderr(), "{line}")
                };
            }
        }
    }
}
