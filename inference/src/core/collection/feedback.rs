//! Corrections: what people say complaints are about. Who sends one changes what the next model learns, so each is
//! acknowledged only when it is durable in the store.
//!
//! Requests wait in a bounded queue. One task writes all that wait as one member of a segment, so that many small requests
//! cost one flush to disk.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use complaint_contract::limits::ROW_LABEL_BYTES;
use complaint_contract::segments::{Correction, NAME_BYTES, is_drawn, text_id};
use complaint_contract::statistics::FeedbackCounts;
use complaint_model::Sha256Digest;
use complaint_store::segments::{Appender, Member};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;

use crate::core::app::Served;
use crate::core::collection::series::FeedbackSeries;
use crate::core::collection::{CollectionOptions, asked_to_stop};
use crate::core::engine::{Answer, Engine};
use crate::core::memory::{Held, Memory};
use crate::core::refusal::Refusal;
use crate::core::statistics::{now, time_of};
use crate::core::tokens::Tokens;

/// Requests that may wait for the store.
const WAITING: usize = 128;
/// Bytes of rows that may wait, and that one request may hold.
const WAITING_BYTES: usize = 16 << 20;
/// Bytes from which on a member takes no further request.
const MEMBER_BYTES: usize = 4 << 20;
/// Bytes of the categories that a message lists.
const LISTED: usize = 2 << 10;

/// What may be wrong with a new category: it is blank, has a space at an end, is too long.
const CATEGORY: [&str; 3] = [
    "`category` is blank; send its name",
    "`category` begins or ends with a space; send its name alone",
    "`category` has more than 1000 bytes; shorten it",
];
const ALSO: [&str; 3] = [
    "`also` is blank; leave it out, or send the name of the second category",
    "`also` begins or ends with a space; send its name alone",
    "`also` has more than 1000 bytes; shorten it",
];

/// What a client says about a complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The complaint.
    pub text: String,
    /// Its category.
    pub category: String,
    /// A second category that is right, too.
    pub also: Option<String>,
    /// Who says so.
    pub by: Option<String>,
    /// The client's name for the complaint.
    pub id: Option<String>,
}

impl AsRef<str> for Row {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// The model's answer to a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The complaint's name: of two corrections with the same one, the later counts.
    pub id: String,
    /// The model's category, an index into its labels.
    pub answer: usize,
    /// Its probability.
    pub probability: f32,
    /// Whether it is one of the row's.
    pub agrees: bool,
}

/// The rows of a request, ready to be written.
#[derive(Debug)]
pub struct Corrections {
    /// What the model answers, in the order of the rows.
    pub checked: Vec<Checked>,
    counts: FeedbackCounts,
    lines: Vec<u8>,
    model: Arc<Served>,
}

/// Takes corrections.
#[derive(Debug)]
pub struct Feedback {
    /// Who may send them.
    pub tokens: Tokens,
    share: f64,
    new_categories: bool,
    memory: Memory,
    queue: mpsc::Sender<Waiting>,
}

/// A request that waits for the store.
#[derive(Debug)]
struct Waiting {
    counts: FeedbackCounts,
    lines: Vec<u8>,
    model: Arc<Served>,
    /// `Err` says why the store failed.
    done: oneshot::Sender<Result<(), String>>,
    _held: Held,
}

/// Writes corrections.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Receiver<Waiting>,
    appender: Appender,
    series: FeedbackSeries,
}

impl Feedback {
    pub(super) fn new(
        token_file: &Path,
        options: &CollectionOptions,
        appender: Appender,
        series: FeedbackSeries,
    ) -> (Self, Writer) {
        let (queue, waiting) = mpsc::channel(WAITING);
        let feedback = Self {
            tokens: Tokens::await_file(token_file, "--feedback-token-file"),
            share: options.feedback_random_share,
            new_categories: options.feedback_new_categories,
            memory: Memory::new(WAITING_BYTES),
            queue,
        };
        let writer = Writer {
            queue: waiting,
            appender,
            series,
        };
        (feedback, writer)
    }

    /// Refuses a row that no training could use.
    pub(crate) fn check(&self, engine: &Engine, index: usize, row: &Row) -> Result<(), Refusal> {
        let invalid = |problem| Err(Refusal::InvalidCorrection { index, problem });
        for (name, problems) in [
            (
                &row.id,
                [
                    "`id` is blank; leave it out, or name the complaint",
                    "`id` has more than 256 bytes; shorten it",
                ],
            ),
            (
                &row.by,
                [
                    "`by` is blank; leave it out, or say who decided",
                    "`by` has more than 256 bytes; shorten it",
                ],
            ),
        ] {
            match name {
                Some(name) if name.trim().is_empty() => return invalid(problems[0]),
                Some(name) if name.len() > NAME_BYTES => return invalid(problems[1]),
                _ => {}
            }
        }
        if row.also.as_ref() == Some(&row.category) {
            return invalid("`also` is the same as `category`; leave it out, or name the other one");
        }
        for (category, problems) in [(Some(&row.category), CATEGORY), (row.also.as_ref(), ALSO)] {
            let Some(category) = category.filter(|category| !engine.labels().contains(category)) else {
                continue;
            };
            if !self.new_categories {
                let categories = list(engine.labels());
                return Err(Refusal::UnknownCategory { index, categories });
            }
            match category.as_str() {
                category if category.trim().is_empty() => return invalid(problems[0]),
                category if category.trim() != category => return invalid(problems[1]),
                category if category.len() > ROW_LABEL_BYTES => return invalid(problems[2]),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether corrections may name categories that the model does not have.
    pub(crate) fn takes_new_categories(&self) -> bool {
        self.new_categories
    }

    /// The rows with the answers of `model`, which were checked.
    pub(crate) fn prepare(
        &self,
        model: &Arc<Served>,
        rows: Vec<Row>,
        answers: &[Answer],
    ) -> Result<Corrections, Refusal> {
        let (time, engine) = (time_of(now()), &model.engine);
        let mut corrections = Corrections {
            checked: Vec::with_capacity(rows.len()),
            counts: FeedbackCounts::default(),
            lines: Vec::new(),
            model: Arc::clone(model),
        };
        for (row, answer) in rows.into_iter().zip(answers) {
            let won = answer.ranking[0];
            let of_text: Sha256Digest = text_id(&row.text);
            let correction = Correction {
                time: time.clone(),
                id: row.id.unwrap_or_else(|| of_text.to_string()),
                text: row.text,
                category: row.category,
                also: row.also,
                by: row.by,
                digest: engine.digest(),
                answer: engine.label(won.category).to_owned(),
                drawn: is_drawn(&of_text, self.share),
            };
            // Where two categories are right, either is a right answer.
            let agrees = [Some(&correction.category), correction.also.as_ref()].contains(&Some(&correction.answer));
            let counts = &mut corrections.counts;
            counts.rows += 1;
            counts.correct += u64::from(agrees);
            counts.drawn_rows += u64::from(correction.drawn);
            counts.drawn_correct += u64::from(correction.drawn && agrees);
            serde_json::to_writer(&mut corrections.lines, &correction).expect("memory takes strings");
            corrections.lines.push(b'\n');
            if corrections.lines.len() > WAITING_BYTES {
                return Err(Refusal::CorrectionsTooLarge { limit: WAITING_BYTES });
            }
            corrections.checked.push(Checked {
                id: correction.id,
                answer: won.category,
                probability: won.probability,
                agrees,
            });
        }
        Ok(corrections)
    }

    /// Waits until the rows are durable. Then they are in the statistics of their model, too, even if the client has gone.
    pub(crate) async fn keep(&self, corrections: Corrections) -> Result<Vec<Checked>, Refusal> {
        let full = Refusal::FeedbackQueueFull;
        let mut held = Held::default();
        self.memory
            .grow(&mut held, corrections.lines.len())
            .map_err(|_| full.clone())?;
        let (done, outcome) = oneshot::channel();
        let waiting = Waiting {
            counts: corrections.counts,
            lines: corrections.lines,
            model: corrections.model,
            done,
            _held: held,
        };
        self.queue.try_send(waiting).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => full,
            mpsc::error::TrySendError::Closed(_) => Refusal::ShuttingDown,
        })?;
        match outcome.await {
            Ok(Ok(())) => Ok(corrections.checked),
            Ok(Err(problem)) => Err(Refusal::NotKept { problem }),
            Err(_) => Err(Refusal::ShuttingDown),
        }
    }
}

/// The names of categories for a message: as many as fit.
fn list(labels: &[String]) -> String {
    let (mut names, mut bytes) = (Vec::new(), 0);
    for label in labels {
        bytes += label.len();
        if bytes > LISTED {
            break;
        }
        names.push(format!("`{label}`"));
    }
    if let Some(others) = labels.len().checked_sub(names.len()).filter(|others| *others > 0) {
        names.push(format!("and {others} more"));
    }
    names.join(", ")
}

impl Writer {
    /// Writes until `stop` is true and nothing waits any more.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut stopping = false;
        loop {
            let first = tokio::select! {
                first = self.queue.recv() => first,
                () = asked_to_stop(&mut stop), if !stopping => {
                    stopping = true;
                    self.queue.close();
                    continue;
                }
            };
            let Some(first) = first else { return };
            self.write(first).await;
        }
    }

    /// Writes all that waits as one member.
    async fn write(&mut self, mut first: Waiting) {
        let mut lines = std::mem::take(&mut first.lines);
        let mut all = vec![first];
        while lines.len() < MEMBER_BYTES
            && let Ok(mut next) = self.queue.try_recv()
        {
            lines.append(&mut next.lines);
            all.push(next);
        }
        let outcome = match spawn_blocking(move || Member::pack(&lines)).await {
            Ok(member) => self.appender.append(SystemTime::now(), member).await.map_err(|error| {
                tracing::error!(%error, "corrections were refused because the store failed");
                error.fault.problem()
            }),
            Err(_) => Err("the server is shutting down".into()),
        };
        for waiting in all {
            match &outcome {
                Ok(()) => {
                    waiting.model.tally.corrected(now(), &waiting.counts);
                    self.series.taken(&waiting.counts);
                }
                Err(_) => self.series.failed(waiting.counts.rows),
            }
            // A client that has gone does not hear it.
            let _ = waiting.done.send(outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_lists_as_many_categories_as_fit() {
        let labels = |count: usize, length: usize| vec!["a".repeat(length); count];
        assert_eq!(list(&labels(2, 3)), "`aaa`, `aaa`");
        assert!(list(&labels(5_000, 3)).ends_with("`aaa`, and 4318 more"));
        assert_eq!(list(&labels(7, 4_000)), "and 7 more");
    }
}
