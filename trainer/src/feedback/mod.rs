//! Corrections: what people said about complaints, as servers wrote it to a store.
//!
//! The files are listed once and each is read once, so a training has a fixed set of corrections even while servers write
//! more. Of corrections with the same `id`, and of those with the same text, the latest counts. [`Corrections::join`] makes
//! them training rows.

mod join;

use std::collections::{BTreeMap, HashMap};

use complaint_contract::limits::ROW_LABEL_BYTES;
use complaint_contract::segments::{Correction, day_of};
use complaint_contract::{CorrectionCounts, FeedbackResult};
use complaint_model::Sha256Digest;
use complaint_store::segments::members;
use jiff::Timestamp;

use crate::dataset::CorrectedTexts;
use crate::store::{Store, StoreError};

pub use join::Rules;

/// Corrections, one for each text.
#[derive(Debug, Default)]
pub struct Corrections {
    rows: Vec<Corrected>,
    texts: CorrectedTexts,
    /// What is known of them before they join a data set.
    read: FeedbackResult,
}

/// A text and its category.
#[derive(Debug)]
struct Corrected {
    text: String,
    category: String,
}

/// A correction that was read.
struct Read {
    time: Timestamp,
    /// Its number, in the order of reading.
    number: u64,
    text: String,
    category: String,
}

impl Read {
    fn is_later(&self, other: &Self) -> bool {
        (self.time, self.number) > (other.time, other.number)
    }
}

impl Corrections {
    /// Reads all segments below `folder` of a store. Other files there are ignored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(store: &Store, folder: &str) -> Result<Self, StoreError> {
        let mut reader = Reader::default();
        for entry in store.list(folder)? {
            let path = entry.path.strip_prefix(folder).unwrap_or(&entry.path);
            if day_of(path.trim_start_matches('/')).is_none() {
                continue;
            }
            // Old segments may be deleted meanwhile.
            if let Some(segment) = store.read_file(&entry.path)? {
                reader.segment(&segment);
            }
        }
        Ok(reader.finish())
    }

    /// Digest of the texts and categories; `None` if there are none.
    pub fn sha256(&self) -> Option<Sha256Digest> {
        self.read.sha256
    }

    /// Number of files that were read.
    pub fn segments(&self) -> u64 {
        self.read.segments
    }

    /// The texts, by which the rows of a data set are found.
    pub fn texts(&self) -> &CorrectedTexts {
        &self.texts
    }

    /// The numbers in a sentence, without a text.
    pub fn summary(&self) -> String {
        self.read.records.summary()
    }
}

/// Collects corrections from segments.
#[derive(Default)]
struct Reader {
    by_id: HashMap<String, Read>,
    counts: CorrectionCounts,
    segments: u64,
    torn: u64,
}

impl Reader {
    fn segment(&mut self, segment: &[u8]) {
        let mut members = members(segment);
        for member in &mut members {
            let lines = member.split(|byte| *byte == b'\n');
            lines
                .filter(|line| !line.trim_ascii().is_empty())
                .for_each(|line| self.line(line));
        }
        self.segments += 1;
        self.torn += u64::from(members.is_torn());
    }

    fn line(&mut self, line: &[u8]) {
        self.counts.records += 1;
        let Some((id, read)) = correction(line, self.counts.records) else {
            self.counts.unreadable += 1;
            return;
        };
        match self.by_id.get_mut(&id) {
            None => {
                self.by_id.insert(id, read);
            }
            Some(known) => {
                self.counts.superseded += 1;
                if read.is_later(known) {
                    *known = read;
                }
            }
        }
    }

    /// Keeps the latest correction of each text, in the order of the texts' digests, which no file and no time changes.
    fn finish(self) -> Corrections {
        let mut counts = self.counts;
        let mut by_text: BTreeMap<Sha256Digest, Read> = BTreeMap::new();
        for read in self.by_id.into_values() {
            let digest = Sha256Digest::of_bytes(read.text.as_bytes());
            match by_text.get_mut(&digest) {
                None => {
                    by_text.insert(digest, read);
                }
                Some(known) => {
                    counts.superseded += 1;
                    if read.is_later(known) {
                        *known = read;
                    }
                }
            }
        }
        let mut canonical = String::new();
        for (digest, read) in &by_text {
            let category = serde_json::Value::from(read.category.as_str());
            canonical.push_str(&format!("{digest} {category}\n"));
        }
        let read = FeedbackResult {
            sha256: (!by_text.is_empty()).then(|| Sha256Digest::of_bytes(canonical.as_bytes())),
            records: counts,
            segments: self.segments,
            torn_segments: self.torn,
            ..FeedbackResult::default()
        };
        let (digests, rows): (Vec<_>, Vec<_>) = by_text
            .into_iter()
            .map(|(digest, read)| {
                let Read { text, category, .. } = read;
                (digest, Corrected { text, category })
            })
            .unzip();
        Corrections {
            rows,
            texts: CorrectedTexts::of(&digests),
            read,
        }
    }
}

/// The correction in a line, and its id. `None` if it is none.
fn correction(line: &[u8], number: u64) -> Option<(String, Read)> {
    let Correction {
        time,
        id,
        text,
        category,
        ..
    } = serde_json::from_slice(line).ok()?;
    let (text, category) = (text.trim(), category.trim());
    let is_whole = ![id.as_str(), text, category].contains(&"") && category.len() <= ROW_LABEL_BYTES;
    let read = Read {
        time: time.parse().ok()?,
        number,
        text: text.to_owned(),
        category: category.to_owned(),
    };
    is_whole.then_some((id, read))
}
