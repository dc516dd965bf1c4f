//! Reads labelled rows from a file or address.
//!
//! [`Source`] opens the bytes: local or downloaded, with the digest checked, unpacked by suffix. [`sniff`] rejects
//! bytes that look like another format than the configured one. A reader for each format passes on one record at a
//! time. [`collect`] keeps the rows that can be used for training: one of several copies, no contradictory copies, and
//! no labels with too few rows. Records that are left out are counted by reason, in messages, result and report.
//! [`labels`] warns about labels that are probably mistakes.

mod beside;
mod bounded;
mod chains;
mod collect;
mod columns;
mod copies;
mod csv_rows;
mod error;
mod joined;
mod json_repair;
mod json_rows;
mod labels;
mod levels;
mod quotes;
mod sniff;
mod source;
mod times;

use std::cell::Cell;
use std::ops::Range;

use complaint_contract::{DatasetFormat, DatasetSettings, DatasetWarning, DroppedLabel, LEVEL_SEPARATOR, RecordCounts};
use complaint_model::Sha256Digest;

pub use beside::{Beside, CorrectedTexts, HeldOutKeys};
use bounded::Bounded;
pub use collect::{Collected, Collector, Texts};
pub use copies::Copies;
pub use error::DatasetError;
pub(crate) use error::FIELDS_OF_THE_LABEL;
pub(crate) use labels::of_corrections as feedback_warnings;
pub use source::{Location, Purpose, Source, Unpacked};
pub use times::{check as check_times, month};

/// Number of rows between two progress messages.
const PROGRESS_ROWS: u64 = 10_000;

/// The side of the split that a row is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Used by the search and the final fit.
    Train,
    /// Used only once, for the evaluation.
    Test,
}

/// One row that can be used for training.
#[derive(Debug, Clone)]
pub struct Row {
    /// The text's range in [`Dataset::texts`].
    text: Range<usize>,
    /// Index into [`Dataset::labels`], followed by [`Dataset::unknown_labels`].
    pub label: u32,
    /// Number of the record in its source, from 1, without the header.
    pub number: u64,
    /// The published split's side, if the configuration names a split column.
    pub part: Option<Part>,
    /// When the complaint came, in seconds since 1970, if the configuration names a time column and the row has a time in it.
    pub time: Option<i64>,
}

/// Labelled rows, ready for the split.
#[derive(Debug)]
pub struct Dataset {
    texts: String,
    /// The rows, in the order of the source; then those of a holdout, then corrections.
    pub rows: Vec<Row>,
    /// How many rows, at the end, are corrections. They have no number in a source.
    corrections: usize,
    /// Rows whose text was corrected, with the number of the correction.
    pub corrected: Vec<(u32, u32)>,
    /// The labels, sorted.
    pub labels: Vec<String>,
    /// Labels that only rows of a holdout have, sorted. A model that is trained on these rows can't predict them.
    pub unknown_labels: Vec<String>,
    /// Labels of rows that end above the finest level, sorted. Those rows have no class of [`Dataset::labels`]; their
    /// [`Row::label`] counts on after all other labels.
    pub inner_labels: Vec<String>,
    /// Labels left out, most rows first.
    pub dropped_labels: Vec<DroppedLabel>,
    /// Numbers of records that were read and left out.
    pub counts: RecordCounts,
    /// Some of the copies.
    pub copies: Copies,
    /// Warnings for the user.
    pub warnings: Vec<DatasetWarning>,
    /// Digest of the source's bytes before unpacking.
    pub sha256: Sha256Digest,
}

impl Dataset {
    /// The text of a row.
    pub fn text(&self, row: &Row) -> &str {
        &self.texts[row.text.clone()]
    }

    /// The rows that come from a source.
    pub fn source_rows(&self) -> &[Row] {
        &self.rows[..self.rows.len() - self.corrections]
    }

    /// All labels by their index in [`Row::label`], without [`Dataset::inner_labels`].
    pub fn all_labels(&self) -> Vec<String> {
        self.labels.iter().chain(&self.unknown_labels).cloned().collect()
    }

    /// The label of a row.
    pub fn label(&self, row: &Row) -> &str {
        let all = self.labels.iter().chain(&self.unknown_labels).chain(&self.inner_labels);
        all.skip(row.label as usize)
            .map(String::as_str)
            .next()
            .unwrap_or_default()
    }

    /// Moves the labels that lie above other ones from [`Dataset::labels`] and [`Dataset::unknown_labels`] to
    /// [`Dataset::inner_labels`].
    pub(crate) fn take_inner_labels(&mut self) {
        let is_above = |name: &str| {
            let below = format!("{name}{LEVEL_SEPARATOR}");
            let first = self.labels.partition_point(|label| *label < below);
            self.labels.get(first).is_some_and(|label| label.starts_with(&below))
        };
        let names = self.all_labels();
        let is_inner: Vec<bool> = names.iter().map(|name| is_above(name)).collect();
        let known = self.labels.len();
        let kind = |label: usize| match (is_inner[label], label < known) {
            (false, true) => 0,
            (false, false) => 1,
            (true, _) => 2,
        };
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&label| (kind(label), &names[label]));
        let mut number = vec![0; names.len()];
        for (new, &old) in order.iter().enumerate() {
            number[old] = new as u32;
        }
        for row in &mut self.rows {
            row.label = number[row.label as usize];
        }
        let of = |wanted: u8| -> Vec<String> {
            let own = order.iter().filter(|&&label| kind(label) == wanted);
            own.map(|&label| names[label].clone()).collect()
        };
        (self.labels, self.unknown_labels, self.inner_labels) = (of(0), of(1), of(2));
    }

    /// Whether a row's label ends above the finest level.
    pub(crate) fn is_partial(&self, row: u32) -> bool {
        self.rows[row as usize].label as usize >= self.labels.len() + self.unknown_labels.len()
    }

    /// Appends the rows of `others` as test rows; the existing rows become training rows. Labels that no training row has
    /// become [`Dataset::unknown_labels`].
    pub fn add_held_out(&mut self, others: &Self) {
        for row in &mut self.rows {
            row.part = Some(Part::Train);
        }
        let known = self.labels.len();
        let mut own = Vec::with_capacity(others.labels.len());
        for label in &others.labels {
            let index = self.labels.binary_search(label).unwrap_or_else(|_| {
                self.unknown_labels.push(label.clone());
                known + self.unknown_labels.len() - 1
            });
            own.push(index as u32);
        }
        for row in &others.rows {
            let text = Texts::push(&mut self.texts, others.text(row));
            self.rows.push(Row {
                text,
                label: own[row.label as usize],
                number: row.number,
                part: Some(Part::Test),
                time: row.time,
            });
        }
    }

    /// The number of rows with a label that no training row has.
    pub fn unknown_label_rows(&self) -> u64 {
        let first = self.labels.len();
        let unknown = first..first + self.unknown_labels.len();
        let unknown = self.rows.iter().filter(|row| unknown.contains(&(row.label as usize)));
        unknown.count() as u64
    }

    /// Appends a correction as a training row.
    pub(crate) fn add_correction(&mut self, text: &str, label: u32) {
        let text = Texts::push(&mut self.texts, text);
        self.rows.push(Row {
            text,
            label,
            number: 0,
            part: Some(Part::Train),
            time: None,
        });
        self.corrections += 1;
    }

    /// Sorts out the labels after rows got others: those of the rows `train` become [`Dataset::labels`]. Rows refer to `names`,
    /// which begins with the present labels. Returns those of them that no training row has any more.
    pub(crate) fn renumber_labels(&mut self, names: Vec<String>, train: &[u32]) -> Vec<String> {
        let (mut trained, mut used) = (vec![false; names.len()], vec![false; names.len()]);
        for &row in train {
            trained[self.rows[row as usize].label as usize] = true;
        }
        self.rows.iter().for_each(|row| used[row.label as usize] = true);
        let lost = (0..self.labels.len()).filter(|&label| !trained[label]);
        let lost = lost.map(|label| names[label].clone()).collect();
        let sorted = |is_trained: bool| {
            let mut labels: Vec<usize> = (0..names.len())
                .filter(|&label| used[label] && trained[label] == is_trained)
                .collect();
            labels.sort_by_key(|&label| &names[label]);
            labels
        };
        let (known, unknown) = (sorted(true), sorted(false));
        let mut number = vec![0; names.len()];
        for (new, &old) in known.iter().chain(&unknown).enumerate() {
            number[old] = new as u32;
        }
        for row in &mut self.rows {
            row.label = number[row.label as usize];
        }
        let named = |labels: Vec<usize>| labels.into_iter().map(|label| names[label].clone()).collect();
        (self.labels, self.unknown_labels) = (named(known), named(unknown));
        lost
    }

    /// Adds the warning about labels that only the holdout has.
    pub fn warn_of_unknown_labels(&mut self) {
        let known = self.labels.len();
        let mut rows = vec![0; self.unknown_labels.len()];
        for row in &self.rows {
            let unknown = (row.label as usize).checked_sub(known);
            if let Some(rows) = unknown.and_then(|unknown| rows.get_mut(unknown)) {
                *rows += 1;
            }
        }
        let named = self.unknown_labels.iter().map(String::as_str).zip(rows);
        self.warnings.extend(labels::unknown(named));
    }

    /// Drops the texts. Training needs only their terms.
    pub fn drop_texts(&mut self) {
        self.texts = String::new();
        for row in &mut self.rows {
            row.text = 0..0;
        }
    }
}

/// A field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// The field is missing or `null`.
    Missing,
    /// A text, or a value that is used as text, untrimmed.
    Text(&'a str),
    /// A number, a list or an object, where a text is expected.
    OtherType,
}

impl<'a> Field<'a> {
    /// The text, trimmed, if there is one.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            Self::Missing | Self::OtherType => None,
        }
    }
}

/// One record from a reader.
#[derive(Debug)]
pub struct Record<'a> {
    /// Number in the source, from 1.
    pub number: u64,
    /// The text.
    pub text: Field<'a>,
    /// The label, with its fields joined.
    pub label: Field<'a>,
    /// Value of the split column.
    pub split: Option<&'a str>,
    /// Value of the time column.
    pub time: Option<&'a str>,
    /// Whether the configuration's filter selects it. If not, the other fields are empty.
    pub selected: bool,
}

impl Record<'_> {
    /// A record that the filter leaves out.
    fn left_out(number: u64) -> Self {
        Self {
            number,
            text: Field::Missing,
            label: Field::Missing,
            split: None,
            time: None,
            selected: false,
        }
    }
}

/// Reads all rows of a source for training, with regard to what is `beside` it.
///
/// # Errors
/// [`DatasetError`], naming the row, the column and the fix.
pub fn load(
    config: &DatasetSettings,
    source: &Source,
    beside: Beside<'_>,
    on_progress: impl FnMut(u64),
) -> Result<Dataset, DatasetError> {
    collect_rows(config, source, beside, String::new(), on_progress)?.finish(source.sha256())
}

/// Like [`load`], but passes each text to `texts` when it is read.
///
/// # Errors
/// As for [`load`].
pub fn load_into<T: Texts>(
    config: &DatasetSettings,
    source: &Source,
    beside: Beside<'_>,
    texts: T,
    on_progress: impl FnMut(u64),
) -> Result<Collected<T>, DatasetError> {
    collect_rows(config, source, beside, texts, on_progress)?.finish_with_texts(source.sha256())
}

/// Reads all rows of a source for inspection: one label is enough.
///
/// # Errors
/// As for [`load`], but [`DatasetError::TooFewClasses`] only if no label is left.
pub fn load_any(
    config: &DatasetSettings,
    source: &Source,
    on_progress: impl FnMut(u64),
) -> Result<Dataset, DatasetError> {
    collect_rows(config, source, Beside::default(), String::new(), on_progress)?.finish_any(source.sha256())
}

fn collect_rows<'c, T: Texts>(
    config: &'c DatasetSettings,
    source: &Source,
    beside: Beside<'c>,
    texts: T,
    mut on_progress: impl FnMut(u64),
) -> Result<Collector<'c, T>, DatasetError> {
    let mut collector = Collector::with_texts(config, source.name(), texts).with_regard_to(beside);
    each_record(config, source, |record| {
        if record.number.is_multiple_of(PROGRESS_ROWS) {
            on_progress(record.number);
        }
        collector.push(&record)
    })?;
    Ok(collector)
}

/// Passes the records of a source to `consume` one by one, including those that the filter leaves out.
///
/// # Errors
/// The errors of `consume`, and [`DatasetError`] for bytes that are not such records.
pub fn each_record(
    config: &DatasetSettings,
    source: &Source,
    mut consume: impl FnMut(Record<'_>) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    source.read(|unpacked| read_records(config, source.name(), unpacked, &mut consume))
}

/// Called by a reader for each record.
pub(crate) type Sink<'s> = dyn FnMut(Record<'_>) -> Result<(), DatasetError> + 's;

/// Reads records in the configured format.
fn read_records(
    config: &DatasetSettings,
    name: &str,
    unpacked: Unpacked<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), DatasetError> {
    let format = sniff::format(config.format, unpacked.member);
    sniff::check(format, name, &unpacked)?;
    let since_record = Cell::new(0);
    let reader = &mut Bounded::new(unpacked.reader, &since_record);
    let sink: &mut Sink<'_> = &mut |record| {
        since_record.set(0);
        sink(record)
    };
    match format {
        DatasetFormat::Csv => csv_rows::read(config, name, reader, sink),
        DatasetFormat::JsonLines => json_rows::read_lines(config, name, reader, sink),
        DatasetFormat::Json => json_rows::read_document(config, name, reader, sink),
    }
}
