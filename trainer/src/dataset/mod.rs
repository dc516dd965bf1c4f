//! From a file or address to labelled rows.
//!
//! [`Source`] opens the bytes (local or downloaded, digest checked, decompressed by suffix), a reader for each format
//! hands over one record at a time, and [`collect`] keeps what can be trained on: copies once, contradictory copies and
//! labels with too few rows not at all. What was left out is counted, and named in messages and in the report.

mod bounded;
mod chains;
mod collect;
mod columns;
mod copies;
mod csv_rows;
mod error;
mod json_rows;
mod source;

use std::cell::Cell;
use std::io::Read;
use std::ops::Range;

use schemars::JsonSchema;
use serde::Serialize;

use complaint_model::Sha256Digest;
use complaint_model::report::DroppedLabel;

use crate::config::{DatasetConfig, DatasetFormat};
use bounded::Bounded;
pub use collect::{Collected, Collector, Texts};
pub use copies::{Contradiction, Copies, Duplicate};
pub use error::DatasetError;
pub(crate) use source::reasons;
pub use source::{Location, Source};

/// Progress is told every so many rows.
const PROGRESS_ROWS: u64 = 10_000;

/// The side of the split a row stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Seen by the search and the final fit.
    Train,
    /// Seen once, by the evaluation.
    Test,
}

/// One row that can be trained on.
#[derive(Debug, Clone)]
pub struct Row {
    /// Where the text stands in [`Dataset::texts`].
    text: Range<usize>,
    /// Index into [`Dataset::labels`].
    pub label: u32,
    /// Number of the record in its source, from 1, the header not counted.
    pub number: u64,
    /// The published split's side, where the configuration names a split column.
    pub part: Option<Part>,
}

/// Records that were read, and those that were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Records in the source.
    pub records: u64,
    /// Records that `filter` leaves out.
    pub not_selected: u64,
    /// Records without a text.
    pub without_text: u64,
    /// Records without a label.
    pub without_label: u64,
    /// Records whose published split is neither `train` nor `test`.
    pub outside_split: u64,
    /// Further copies of a text with the same label.
    pub duplicates: u64,
    /// Copies of one text under different labels: all of them are left out.
    pub contradictory: u64,
}

/// Labelled rows, ready for the split.
#[derive(Debug)]
pub struct Dataset {
    texts: String,
    /// The rows, in the order of the source.
    pub rows: Vec<Row>,
    /// The labels, sorted.
    pub labels: Vec<String>,
    /// Labels left out, most rows first.
    pub dropped_labels: Vec<DroppedLabel>,
    /// What was read and left out.
    pub counts: Counts,
    /// Some of the copies.
    pub copies: Copies,
    /// Digest of the source's bytes as they came.
    pub sha256: Sha256Digest,
}

impl Dataset {
    /// The text of a row.
    pub fn text(&self, row: &Row) -> &str {
        &self.texts[row.text.clone()]
    }

    /// Forgets the texts, whose terms are all that training needs.
    pub fn drop_texts(&mut self) {
        self.texts = String::new();
        for row in &mut self.rows {
            row.text = 0..0;
        }
    }
}

/// One record as a reader hands it over.
#[derive(Debug)]
pub struct Record<'a> {
    /// Number in the source, from 1.
    pub number: u64,
    /// The text, untrimmed.
    pub text: Option<&'a str>,
    /// The label, fields joined.
    pub label: Option<&'a str>,
    /// Value of the split column.
    pub split: Option<&'a str>,
    /// Whether the configuration's filter chooses it; if not, the other fields are not filled.
    pub selected: bool,
}

impl Record<'_> {
    /// A record that the filter leaves out.
    fn left_out(number: u64) -> Self {
        Self {
            number,
            text: None,
            label: None,
            split: None,
            selected: false,
        }
    }
}

/// Reads all rows of a source that a classifier is to be trained on.
///
/// # Errors
/// [`DatasetError`], naming the row, the column and the fix.
pub fn load(config: &DatasetConfig, source: &Source, on_progress: impl FnMut(u64)) -> Result<Dataset, DatasetError> {
    collect_rows(config, source, String::new(), on_progress)?.finish(source.sha256())
}

/// As [`load`], but gives the rows' texts to `texts` as they pass by.
///
/// # Errors
/// As [`load`].
pub fn load_into<T: Texts>(
    config: &DatasetConfig,
    source: &Source,
    texts: T,
    on_progress: impl FnMut(u64),
) -> Result<Collected<T>, DatasetError> {
    collect_rows(config, source, texts, on_progress)?.finish_with_texts(source.sha256())
}

/// Reads all rows of a source to look at them: one label is enough.
///
/// # Errors
/// As [`load`], [`DatasetError::TooFewClasses`] only where no label is left.
pub fn load_any(
    config: &DatasetConfig,
    source: &Source,
    on_progress: impl FnMut(u64),
) -> Result<Dataset, DatasetError> {
    collect_rows(config, source, String::new(), on_progress)?.finish_any(source.sha256())
}

fn collect_rows<'c, T: Texts>(
    config: &'c DatasetConfig,
    source: &Source,
    texts: T,
    mut on_progress: impl FnMut(u64),
) -> Result<Collector<'c, T>, DatasetError> {
    let mut collector = Collector::with_texts(config, source.name(), texts);
    each_record(config, source, |record| {
        if record.number.is_multiple_of(PROGRESS_ROWS) {
            on_progress(record.number);
        }
        collector.push(&record);
        Ok(())
    })?;
    Ok(collector)
}

/// Hands over the records of a source one by one, those that the filter leaves out too.
///
/// # Errors
/// What `consume` returns, and [`DatasetError`] for bytes that are no such records.
pub fn each_record(
    config: &DatasetConfig,
    source: &Source,
    mut consume: impl FnMut(Record<'_>) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    source.read(|reader| read_records(config, source.name(), reader, &mut consume))
}

/// What a reader calls for each record.
pub(crate) type Sink<'s> = dyn FnMut(Record<'_>) -> Result<(), DatasetError> + 's;

/// Reads records in the configured format.
pub(crate) fn read_records(
    config: &DatasetConfig,
    name: &str,
    reader: &mut dyn Read,
    sink: &mut Sink<'_>,
) -> Result<(), DatasetError> {
    let since_record = Cell::new(0);
    let reader = &mut Bounded::new(reader, &since_record);
    let sink: &mut Sink<'_> = &mut |record| {
        since_record.set(0);
        sink(record)
    };
    match config.format {
        DatasetFormat::Csv => csv_rows::read(config, name, reader, sink),
        DatasetFormat::JsonLines => json_rows::read_lines(config, name, reader, sink),
        DatasetFormat::Json => json_rows::read_document(config, name, reader, sink),
    }
}
