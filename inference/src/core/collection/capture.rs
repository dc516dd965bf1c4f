//! Captured answers: complaints as they come in production, with the model's answers, for people to review.
//!
//! An answer never waits: its row goes into a bounded queue, or is dropped and counted. One task writes the queue's rows every
//! few seconds, and drops them if the store fails or the day's bytes are used up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use complaint_contract::segments::{CaptureMode, CapturedAnswer, is_drawn, text_id};
use complaint_model::Sha256Digest;
use complaint_store::segments::{Appender, Member};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use crate::core::app::Served;
use crate::core::collection::series::{CaptureSeries, Dropped};
use crate::core::collection::{CollectionOptions, asked_to_stop};
use crate::core::engine::Answer;
use crate::core::statistics::{now, time_of};

/// Rows that may wait, and bytes of their texts.
const WAITING: usize = 16_384;
const WAITING_BYTES: usize = 4 << 20;
/// What a row takes besides its text.
const ROW_BYTES: usize = 128;
/// Rows are written after this time at the latest, or when there are so many bytes.
const PAUSE: Duration = Duration::from_secs(10);
const MEMBER_BYTES: usize = 4 << 20;
const DAY_MILLISECONDS: u64 = 86_400_000;

/// Chooses answers and queues them.
#[derive(Debug)]
pub struct Capture {
    /// Whether answers marked `needsReview` are captured in any case.
    reviewed: bool,
    share: f64,
    queue: mpsc::Sender<Row>,
    shared: Arc<Shared>,
    series: CaptureSeries,
}

/// What those who queue and the one who writes tell each other.
#[derive(Debug, Default)]
struct Shared {
    /// Bytes in the queue.
    queued: AtomicUsize,
    /// The day, counted from 1970, whose bytes are used up; one more, since 0 is none.
    used_up: AtomicU64,
}

#[derive(Debug)]
struct Row {
    now: u64,
    text: Box<str>,
    category: usize,
    probability: f32,
    margin: f32,
    second: Option<usize>,
    needs_review: bool,
    drawn: bool,
    /// The text's, if it is known already.
    id: Option<Sha256Digest>,
    model: Arc<Served>,
}

impl Row {
    fn bytes(&self) -> usize {
        self.text.len() + ROW_BYTES
    }
}

/// Writes captured answers.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Receiver<Row>,
    shared: Arc<Shared>,
    series: CaptureSeries,
    appender: Appender,
    most: u64,
    /// The day whose bytes are counted, and how many there are.
    day: u64,
    used: u64,
    lines: Vec<u8>,
    rows: u64,
    due: Instant,
}

impl Capture {
    pub(super) fn new(options: &CollectionOptions, appender: Appender, series: CaptureSeries) -> (Self, Writer) {
        let (queue, waiting) = mpsc::channel(WAITING);
        let shared = Arc::new(Shared::default());
        let reviewed = options.capture == CaptureMode::NeedsReview;
        let capture = Self {
            reviewed,
            share: options.capture_share.unwrap_or(if reviewed { 0.0 } else { 1.0 }),
            queue,
            shared: Arc::clone(&shared),
            series: series.clone(),
        };
        let writer = Writer {
            queue: waiting,
            shared,
            series,
            appender,
            most: options.capture_max_bytes_per_day,
            day: 0,
            used: 0,
            lines: Vec::new(),
            rows: 0,
            due: Instant::now(),
        };
        (capture, writer)
    }

    /// Queues an answer if it is to be captured. Never waits.
    pub(crate) fn offer(&self, model: &Arc<Served>, text: &str, answer: &Answer) {
        let id = (0.0 < self.share && self.share < 1.0).then(|| text_id(text));
        let drawn = id.map_or(self.share >= 1.0, |id| is_drawn(&id, self.share));
        let is_chosen = drawn || (self.reviewed && answer.needs_review);
        if !is_chosen {
            return;
        }
        let now = now();
        if self.shared.used_up.load(Ordering::Relaxed) == now / DAY_MILLISECONDS + 1 {
            return self.series.dropped(Dropped::budget, 1);
        }
        let won = answer.ranking[0];
        let row = Row {
            now,
            text: text.into(),
            category: won.category,
            probability: won.probability,
            margin: won.probability - answer.ranking.get(1).map_or(0.0, |next| next.probability),
            second: answer.ranking.get(1).map(|next| next.category),
            needs_review: answer.needs_review,
            drawn,
            id,
            model: Arc::clone(model),
        };
        let bytes = row.bytes();
        let queued = self.shared.queued.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if queued > WAITING_BYTES || self.queue.try_send(row).is_err() {
            self.shared.queued.fetch_sub(bytes, Ordering::Relaxed);
            self.series.dropped(Dropped::queue, 1);
        }
    }
}

impl Writer {
    /// Writes until `stop` is true and the queue is empty.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut stopping = false;
        loop {
            let row = tokio::select! {
                row = self.queue.recv() => row,
                () = sleep_until(self.due), if self.rows > 0 => {
                    self.write().await;
                    continue;
                }
                () = asked_to_stop(&mut stop), if !stopping => {
                    stopping = true;
                    self.queue.close();
                    continue;
                }
            };
            let Some(row) = row else { return self.write().await };
            self.take(row);
            if self.lines.len() >= self.enough() {
                self.write().await;
            }
        }
    }

    /// Bytes of a member, so that the day's last ones are not lost to a large one.
    fn enough(&self) -> usize {
        MEMBER_BYTES.min(usize::try_from(self.most / 4).unwrap_or(usize::MAX))
    }

    fn take(&mut self, row: Row) {
        self.shared.queued.fetch_sub(row.bytes(), Ordering::Relaxed);
        if self.rows == 0 {
            self.due = Instant::now() + PAUSE;
        }
        let engine = &row.model.engine;
        let captured = CapturedAnswer {
            time: time_of(row.now),
            id: row.id.unwrap_or_else(|| text_id(&row.text)).to_string(),
            text: row.text.into(),
            category: engine.label(row.category).to_owned(),
            probability: plain(row.probability),
            margin: plain(row.margin),
            second: row.second.map(|next| engine.label(next).to_owned()),
            needs_review: row.needs_review,
            drawn: row.drawn,
            digest: engine.digest(),
        };
        serde_json::to_writer(&mut self.lines, &captured).expect("memory takes strings and numbers");
        self.lines.push(b'\n');
        self.rows += 1;
    }

    /// Appends what was taken, or drops it.
    async fn write(&mut self) {
        let (lines, rows) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.rows));
        if rows == 0 {
            return;
        }
        let now = now();
        let day = now / DAY_MILLISECONDS;
        if day != self.day {
            (self.day, self.used) = (day, 0);
        }
        let Ok(member) = spawn_blocking(move || Member::pack(&lines)).await else {
            return self.series.dropped(Dropped::store, rows);
        };
        if self.used + member.size() > self.most {
            if self.shared.used_up.swap(day + 1, Ordering::Relaxed) != day + 1 {
                tracing::warn!(
                    bytes = self.most,
                    "the bytes of this day are used up: no more answers are captured until midnight UTC"
                );
            }
            return self.series.dropped(Dropped::budget, rows);
        }
        // A failed append may have left its bytes.
        self.used += member.size();
        match self
            .appender
            .append(UNIX_EPOCH + Duration::from_millis(now), member)
            .await
        {
            Ok(()) => self.series.captured(rows),
            Err(error) => {
                tracing::warn!(%error, rows, "answers were not captured because the store failed");
                self.series.dropped(Dropped::store, rows);
            }
        }
    }
}

/// The number as people write it: six decimals.
pub(crate) fn plain(number: f32) -> f64 {
    (f64::from(number) * 1e6).round() / 1e6
}
