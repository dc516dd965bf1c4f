//! Lists captured answers that wait for a person.
//!
//! Servers share no state but the store, so the list is read from there: the segments of all of them, the newest days first, up to a
//! number of bytes. Answers that a correction decides are left out. What a server has queued and not yet written is missing.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use complaint_contract::captured::CapturedKind;
use complaint_contract::segments::{CapturedAnswer, Kind, day_of, text_id};
use complaint_model::Sha256Digest;
use complaint_store::segments::members_of;
use complaint_store::{Entry, Store, StoreError};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::core::refusal::Refusal;

/// Bytes of segments of one kind that are read, compressed: the last segment may exceed them.
const READ_BYTES: u64 = 32 << 20;
/// Most bytes of a member of a segment, unpacked. Servers write smaller ones.
const MEMBER_BYTES: usize = 24 << 20;
/// No further segment is begun after this time.
const ENOUGH: Duration = Duration::from_secs(8);
/// How long the store may take for all.
const LIMIT: Duration = Duration::from_secs(20);
/// Bytes of the texts of a list.
pub(crate) const TEXT_BYTES: usize = 2 << 20;

/// Reads captured answers, for one client at a time.
#[derive(Debug)]
pub struct Captured {
    store: Store,
    place: Arc<Semaphore>,
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Which answers.
    pub kind: CapturedKind,
    /// How many.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Found {
    /// Those that most need a person.
    pub(crate) rows: Vec<CapturedAnswer>,
    /// How many there are.
    pub(crate) waiting: u64,
    /// Whether everything was read.
    pub(crate) complete: bool,
}

impl Captured {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            place: Arc::new(Semaphore::new(1)),
        }
    }

    /// The answers without a correction, those that most need a person first.
    pub(crate) async fn find(&self, wanted: Wanted) -> Result<Found, Refusal> {
        let busy = |_| Refusal::ReviewBusy;
        let place = Arc::clone(&self.place).try_acquire_owned().map_err(busy)?;
        let failed = |problem| Refusal::NotRead { problem };
        match timeout(LIMIT, self.read(wanted, place)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::warn!(%error, "captured answers can't be listed because the store failed");
                Err(failed(error.fault.problem()))
            }
            Err(_) => {
                let seconds = LIMIT.as_secs();
                tracing::warn!(
                    seconds,
                    "captured answers can't be listed because the store takes too long"
                );
                Err(failed(format!("it took longer than {seconds} s")))
            }
        }
    }

    async fn read(&self, wanted: Wanted, place: OwnedSemaphorePermit) -> Result<Found, StoreError> {
        let begun = Instant::now();
        let (captured, left) = newest(self.store.list(Kind::Capture.folder()).await?, Kind::Capture, "");
        let Some(oldest) = captured.last().map(|segment| segment.day.clone()) else {
            return Ok(Found {
                complete: true,
                ..Found::default()
            });
        };
        let corrections = self.store.list(Kind::Feedback.folder()).await?;
        let (corrections, unread) = newest(corrections, Kind::Feedback, &oldest);
        let mut list = Box::new(List {
            wanted,
            decided: HashSet::new(),
            seen: HashSet::new(),
            rows: BTreeMap::new(),
            bytes: 0,
            complete: !left && !unread,
            _place: place,
        });
        for (segments, take) in [
            (corrections, List::correction as fn(&mut List, &[u8])),
            (captured, List::answer),
        ] {
            for segment in segments {
                if begun.elapsed() > ENOUGH {
                    list.complete = false;
                    break;
                }
                list = self.segment(&segment.path, list, take).await?;
            }
        }
        Ok(list.found())
    }

    /// Gives the lines of a segment to `take`, on a thread for blocking work. A segment may have been deleted meanwhile.
    async fn segment(
        &self,
        path: &str,
        mut list: Box<List>,
        take: fn(&mut List, &[u8]),
    ) -> Result<Box<List>, StoreError> {
        let Some(file) = self.store.open_file(path).await? else {
            return Ok(list);
        };
        let read = spawn_blocking(move || {
            let lines = |member: &[u8], list: &mut List| {
                let lines = member.split(|byte| *byte == b'\n');
                lines
                    .filter(|line| !line.trim_ascii().is_empty())
                    .for_each(|line| take(list, line));
            };
            members_of(file, MEMBER_BYTES).for_each(|member| lines(&member, &mut list));
            list
        });
        Ok(read
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
    }
}

/// A segment to read.
struct Segment {
    day: String,
    path: String,
}

/// The segments since `oldest`, the newest day first, up to [`READ_BYTES`]; and whether any are left.
fn newest(entries: Vec<Entry>, kind: Kind, oldest: &str) -> (Vec<Segment>, bool) {
    let mut bytes = 0;
    let mut segments = Vec::new();
    for entry in entries.into_iter().rev() {
        let below = entry.path.strip_prefix(kind.folder()).unwrap_or(&entry.path);
        let Some(day) = day_of(below.trim_start_matches('/')).filter(|day| *day >= oldest) else {
            continue;
        };
        if bytes >= READ_BYTES {
            return (segments, true);
        }
        bytes += entry.size;
        segments.push(Segment {
            day: day.to_owned(),
            path: entry.path,
        });
    }
    (segments, false)
}

/// What a list reads of a correction.
#[derive(Deserialize)]
struct Decided {
    id: String,
    text: String,
}

/// By how much an answer needs a person: the order of a list.
type Need = (bool, u64, Sha256Digest);

/// Captured answers without a correction, as they are read.
struct List {
    wanted: Wanted,
    decided: HashSet<Sha256Digest>,
    /// Those that are in the list, or had no room.
    seen: HashSet<Sha256Digest>,
    rows: BTreeMap<Need, CapturedAnswer>,
    bytes: usize,
    complete: bool,
    /// Held until the last thread that reads has ended.
    _place: OwnedSemaphorePermit,
}

impl List {
    /// A correction decides the text that it names, and the one that it has.
    fn correction(&mut self, line: &[u8]) {
        let Ok(decided) = serde_json::from_slice::<Decided>(line) else {
            return;
        };
        self.decided.insert(text_id(&decided.text));
        self.decided.extend(decided.id.parse::<Sha256Digest>());
    }

    fn answer(&mut self, line: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<CapturedAnswer>(line) else {
            return;
        };
        let wanted = match self.wanted.kind {
            CapturedKind::NeedsReview => answer.needs_review,
            CapturedKind::Drawn => answer.drawn,
            CapturedKind::All => true,
        };
        let id = text_id(&answer.text);
        if !wanted || self.decided.contains(&id) || !self.seen.insert(id) {
            return;
        }
        self.bytes += answer.text.len();
        self.rows.insert(need(&answer, id), answer);
        while self.rows.len() > self.wanted.limit || (self.bytes > TEXT_BYTES && self.rows.len() > 1) {
            if let Some((_, last)) = self.rows.pop_last() {
                self.bytes -= last.text.len();
            }
        }
    }

    fn found(self) -> Found {
        Found {
            waiting: self.seen.len() as u64,
            complete: self.complete,
            rows: self.rows.into_values().collect(),
        }
    }
}

fn need(answer: &CapturedAnswer, id: Sha256Digest) -> Need {
    // The bits of numbers that are not negative are in the order of the numbers.
    (!answer.needs_review, answer.margin.max(0.0).to_bits(), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_days_are_read_first_and_only_so_many_bytes() {
        let entry = |path: &str, size| Entry {
            path: format!("capture/{path}"),
            size,
        };
        let entries = || {
            vec![
                entry("2026-11-27/a-000001.jsonl.gz", 10),
                entry("2026-11-28/a-000001.jsonl.gz", READ_BYTES),
                entry("2026-11-29/a-000001.jsonl.gz", 10),
                entry("notes.txt", 10),
            ]
        };
        let days = |oldest: &str| {
            let (segments, left) = newest(entries(), Kind::Capture, oldest);
            let days: Vec<String> = segments.into_iter().map(|segment| segment.day).collect();
            (days.join(" "), left)
        };
        assert_eq!(days(""), ("2026-11-29 2026-11-28".into(), true));
        assert_eq!(days("2026-11-28"), ("2026-11-29 2026-11-28".into(), false));
        assert_eq!(days("2026-11-30"), (String::new(), false));
    }
}
