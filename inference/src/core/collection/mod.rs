//! What the server appends to the store: corrections that clients send ([`feedback`]), and answers with their texts
//! ([`capture`]), which [`captured`] lists for review. Both are off by default, and each has a task that writes. A store that fails or hangs costs what was to be
//! collected, never an answer.

pub mod capture;
pub mod captured;
pub mod feedback;
pub mod series;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use complaint_contract::segments::{CaptureMode, Kind};
use complaint_store::Store;
use complaint_store::segments::Appender;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::core::app::App;
use crate::core::source::parse_fraction;
use capture::Capture;
use captured::Captured;
use feedback::Feedback;

/// How long an append may take.
const APPEND: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the last appends.
const LAST_APPENDS: Duration = Duration::from_secs(4);

/// What to collect, and where.
#[derive(Debug, Clone, Args)]
pub struct CollectionOptions {
    /// The classifier's part of the store, a directory or s3://bucket/path: corrections go to its folder `feedback`, captured
    /// answers to `capture`
    #[arg(long, value_name = "DIR|ADDRESS", value_parser = Store::open)]
    pub store: Option<Store>,

    /// Take corrections at POST /feedback from clients with a bearer token of this file, which has one token per line. The
    /// file is read again when it changes
    #[arg(long, value_name = "FILE", requires = "store")]
    pub feedback_token_file: Option<PathBuf>,

    /// The share of complaints of which people check every answer, drawn by their texts: from 0 to 1. Corrections of these
    /// are counted apart, since they measure the accuracy
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_fraction, requires = "feedback_token_file")]
    pub feedback_random_share: f64,

    /// Take corrections with categories that the model does not have
    #[arg(long, requires = "feedback_token_file")]
    pub feedback_new_categories: bool,

    /// Which answers to append to the store with their texts: disabled, needs-review (those marked `needsReview`, and the
    /// drawn share), or all (the drawn share)
    #[arg(
        long,
        value_name = "MODE",
        default_value_t = CaptureMode::Disabled,
        value_parser = parse_mode,
        requires_ifs = [("needs-review", "store"), ("all", "store")]
    )]
    pub capture: CaptureMode,

    /// The share of complaints that is captured whatever the answer is, drawn by their texts: from 0 to 1. By default 1 with
    /// `--capture all`, and 0 with `--capture needs-review`
    #[arg(long, value_name = "SHARE", value_parser = parse_fraction)]
    pub capture_share: Option<f64>,

    /// Maximum size of what is captured in a day (UTC), compressed
    #[arg(long, value_name = "BYTES", default_value_t = 100 << 20)]
    pub capture_max_bytes_per_day: u64,
}

fn parse_mode(text: &str) -> Result<CaptureMode, String> {
    let mut all = CaptureMode::ALL.into_iter();
    all.find(|mode| mode.as_str() == text)
        .ok_or_else(|| format!("it is one of {}", CaptureMode::ALL.map(CaptureMode::as_str).join(", ")))
}

/// The tasks that write. They end with [`finish`](Self::finish).
#[derive(Debug)]
pub struct Collecting {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Collecting {
    /// Starts to collect what the options ask for. Needs a Tokio runtime.
    pub fn start(options: &CollectionOptions, app: &mut App) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        let instance = format!("{:016x}", rand::random::<u64>());
        let appender = |kind: Kind| {
            let store = options.store.clone()?;
            Some(Appender::new(store, kind.folder(), instance.clone(), APPEND))
        };
        if let (Some(file), Some(appender)) = (&options.feedback_token_file, appender(Kind::Feedback)) {
            let (feedback, writer) = Feedback::new(file, options, appender, app.metrics.feedback.clone());
            tasks.push(tokio::spawn(writer.run(stopped.clone())));
            app.feedback = Some(feedback);
            app.captured = options.store.clone().map(Captured::new);
        }
        let capture = options.capture != CaptureMode::Disabled;
        if let Some(appender) = appender(Kind::Capture).filter(|_| capture) {
            let (capture, writer) = Capture::new(options, appender, app.metrics.capture.clone());
            tasks.push(tokio::spawn(writer.run(stopped)));
            app.capture = Some(capture);
        }
        Self { stop, tasks }
    }

    /// Takes nothing more, and writes what was taken before.
    pub async fn finish(self) {
        let _ = self.stop.send(true);
        let all = futures::future::join_all(self.tasks);
        if tokio::time::timeout(LAST_APPENDS, all).await.is_err() {
            tracing::warn!(
                "the store did not take the last rows in time; corrections among them were not acknowledged"
            );
        }
    }
}

async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody can ask any more.
    let _ = stop.wait_for(|stop| *stop).await;
}
