//! Keeps the rows that can be used for training, and counts the others.

use std::collections::BTreeMap;
use std::ops::Range;

use complaint_contract::DatasetSettings;
use complaint_contract::DroppedLabel;
use complaint_model::Sha256Digest;
use complaint_report::RecordCounts;
use rustc_hash::FxHashMap;

use super::chains::Chains;
use super::{Copies, Dataset, DatasetError, Part, Record, Row, copies::Found};

/// Maximum number of labels in a message.
const LISTED: usize = 10;

/// Receives the texts of collected rows.
pub trait Texts {
    /// Takes the text of the next row. Returns its range in the kept texts.
    fn push(&mut self, text: &str) -> Range<usize>;
}

/// Keeps all texts.
impl Texts for String {
    fn push(&mut self, text: &str) -> Range<usize> {
        let start = self.len();
        self.push_str(text);
        start..self.len()
    }
}

/// Collects the rows of one source.
pub struct Collector<'c, T = String> {
    config: &'c DatasetSettings,
    name: String,
    texts: T,
    rows: Vec<Row>,
    contradictory: Vec<bool>,
    labels: FxHashMap<String, u32>,
    /// The digest of each row's text. Equal digests mean equal texts.
    digests: Vec<u128>,
    /// Rows by half of that digest.
    by_text: Chains,
    counts: RecordCounts,
    copies: Found,
}

impl<'c> Collector<'c> {
    /// A collector that keeps the texts. Messages refer to the source as `name`.
    pub fn new(config: &'c DatasetSettings, name: &str) -> Self {
        Self::with_texts(config, name, String::new())
    }

    /// Drops contradictory rows, training copies of published test rows, and labels with too few rows.
    ///
    /// # Errors
    /// [`DatasetError::Empty`], [`DatasetError::NoUsableRows`] or [`DatasetError::TooFewClasses`].
    pub fn finish(self, sha256: Sha256Digest) -> Result<Dataset, DatasetError> {
        self.keep(sha256, 2).map(Collected::into_dataset)
    }

    /// Like [`Collector::finish`], but one label is enough.
    ///
    /// # Errors
    /// [`DatasetError::Empty`], [`DatasetError::NoUsableRows`], or [`DatasetError::TooFewClasses`] if no label is left.
    pub fn finish_any(self, sha256: Sha256Digest) -> Result<Dataset, DatasetError> {
        self.keep(sha256, 1).map(Collected::into_dataset)
    }
}

/// The rows of a source, and their texts or what was made from them.
pub struct Collected<T> {
    /// The remaining rows, without their texts.
    pub dataset: Dataset,
    /// The texts of all rows that were read.
    pub texts: T,
    /// For each of these rows, whether it remains.
    pub kept: Vec<bool>,
}

impl Collected<String> {
    fn into_dataset(self) -> Dataset {
        let mut texts = self.texts;
        texts.shrink_to_fit();
        Dataset { texts, ..self.dataset }
    }
}

impl<'c, T: Texts> Collector<'c, T> {
    /// A collector that passes texts to `texts`. Messages refer to the source as `name`.
    pub fn with_texts(config: &'c DatasetSettings, name: &str, texts: T) -> Self {
        Self {
            config,
            name: name.to_owned(),
            texts,
            rows: Vec::new(),
            contradictory: Vec::new(),
            labels: FxHashMap::default(),
            digests: Vec::new(),
            by_text: Chains::default(),
            counts: RecordCounts::default(),
            copies: Found::default(),
        }
    }

    /// Takes one record.
    pub fn push(&mut self, record: &Record<'_>) {
        self.counts.records += 1;
        if !record.selected {
            self.counts.not_selected += 1;
            return;
        }
        let part = match self.part(record) {
            Ok(part) => part,
            Err(Outside) => {
                self.counts.outside_split += 1;
                return;
            }
        };
        let Some(text) = record.text.map(str::trim).filter(|text| !text.is_empty()) else {
            self.counts.without_text += 1;
            return;
        };
        let Some(label) = record.label.map(str::trim).filter(|label| !label.is_empty()) else {
            self.counts.without_label += 1;
            return;
        };
        let label = self.label(label);
        let digest = text_digest(text);
        if self.is_copy(digest, label, part, record.number) {
            return;
        }
        self.digests.push(digest);
        self.by_text.push(digest as u64);
        self.rows.push(Row {
            text: self.texts.push(text),
            label,
            number: record.number,
            part,
        });
        self.contradictory.push(false);
    }

    fn part(&self, record: &Record<'_>) -> Result<Option<Part>, Outside> {
        if self.config.split_field.is_none() {
            return Ok(None);
        }
        match record.split.map(str::trim) {
            Some("train") => Ok(Some(Part::Train)),
            Some("test") => Ok(Some(Part::Test)),
            _ => Err(Outside),
        }
    }

    fn label(&mut self, label: &str) -> u32 {
        let label = self.config.renamed(label);
        if let Some(&index) = self.labels.get(label) {
            return index;
        }
        let index = self.labels.len() as u32;
        self.labels.insert(label.to_owned(), index);
        index
    }

    /// Whether the text was already read. Copies in a published test part are kept, so that its figures can be compared
    /// with others' figures on the same rows.
    fn is_copy(&mut self, digest: u128, label: u32, part: Option<Part>, number: u64) -> bool {
        if part == Some(Part::Test) {
            return false;
        }
        let Some(known) = self.same_text(digest, part) else {
            return false;
        };
        let first = &self.rows[known as usize];
        if first.label == label {
            self.counts.duplicates += 1;
            self.copies.duplicate(first.number, number);
        } else {
            self.counts.contradictory += 1;
            self.copies.contradiction((first.number, first.label), (number, label));
            self.contradictory[known as usize] = true;
        }
        true
    }

    /// Like [`Collector::finish`], with the texts.
    ///
    /// # Errors
    /// The errors of [`Collector::finish`].
    pub fn finish_with_texts(self, sha256: Sha256Digest) -> Result<Collected<T>, DatasetError> {
        self.keep(sha256, 2)
    }

    fn keep(mut self, sha256: Sha256Digest, fewest_labels: usize) -> Result<Collected<T>, DatasetError> {
        if self.counts.records == 0 {
            return Err(DatasetError::Empty { name: self.name });
        }
        self.counts.contradictory += self.contradictory.iter().filter(|flag| **flag).count() as u64;
        let mut keep: Vec<bool> = self.contradictory.iter().map(|flag| !flag).collect();
        self.drop_train_copies_of_test(&mut keep);
        self.by_text = Chains::default();
        self.digests = Vec::new();
        let mut flags = keep.iter();
        self.rows.retain(|_| *flags.next().expect("one flag per row"));
        if self.rows.is_empty() {
            return Err(self.no_usable_rows());
        }
        let (labels, renumber, dropped_labels) = self.choose_labels(fewest_labels)?;
        let copies = self.named_copies();
        let left = keep.iter_mut().filter(|keep| **keep);
        for (keep, row) in left.zip(&self.rows) {
            *keep = renumber[row.label as usize].is_some();
        }
        self.rows.retain_mut(|row| match renumber[row.label as usize] {
            Some(label) => {
                row.label = label;
                true
            }
            None => false,
        });
        self.rows.shrink_to_fit();
        Ok(Collected {
            dataset: Dataset {
                texts: String::new(),
                rows: self.rows,
                labels,
                dropped_labels,
                counts: self.counts,
                copies,
                sha256,
            },
            texts: self.texts,
            kept: keep,
        })
    }

    fn named_copies(&self) -> Copies {
        let mut names = vec![""; self.labels.len()];
        for (name, &index) in &self.labels {
            names[index as usize] = name;
        }
        self.copies.named(&names)
    }

    /// A row on this side with this text.
    fn same_text(&self, digest: u128, part: Option<Part>) -> Option<u32> {
        self.by_text
            .rows(digest as u64)
            .find(|&row| self.rows[row as usize].part == part && self.digests[row as usize] == digest)
    }

    fn drop_train_copies_of_test(&mut self, keep: &mut [bool]) {
        for ((row, &digest), keep) in self.rows.iter().zip(&self.digests).zip(keep) {
            if row.part != Some(Part::Train) || !*keep {
                continue;
            }
            if self.same_text(digest, Some(Part::Test)).is_some() {
                *keep = false;
                self.counts.duplicates += 1;
            }
        }
    }

    fn no_usable_rows(self) -> DatasetError {
        let counts = &self.counts;
        let lacks = [
            (counts.not_selected, "left out by dataset.filter"),
            (counts.without_text, "without a text"),
            (counts.without_label, "without a label"),
            (counts.outside_split, "with a split other than `train` or `test`"),
            (counts.contradictory, "copies of one text under different labels"),
        ];
        let problem: Vec<String> = lacks
            .iter()
            .filter(|(rows, _)| *rows > 0)
            .map(|(rows, what)| format!("{rows} {what}"))
            .collect();
        DatasetError::NoUsableRows {
            name: self.name,
            records: counts.records,
            problem: problem.join(", "),
        }
    }

    /// Returns sorted labels, the new number of each old label, and the dropped labels.
    #[allow(clippy::type_complexity)] // three results of one pass, taken apart at once
    fn choose_labels(&self, fewest: usize) -> Result<(Vec<String>, Vec<Option<u32>>, Vec<DroppedLabel>), DatasetError> {
        let mut rows_of: Vec<(usize, usize)> = vec![(0, 0); self.labels.len()];
        for row in &self.rows {
            let (rows, train) = &mut rows_of[row.label as usize];
            *rows += 1;
            *train += usize::from(row.part != Some(Part::Test));
        }
        let by_name: BTreeMap<&str, u32> = self
            .labels
            .iter()
            .map(|(name, &index)| (name.as_str(), index))
            .collect();
        let mut kept = Vec::new();
        let mut renumber = vec![None; self.labels.len()];
        let mut dropped = Vec::new();
        for (name, index) in by_name {
            match rows_of[index as usize] {
                (0, _) => {}
                (rows, train) if rows >= self.config.min_samples_per_class && train > 0 => {
                    renumber[index as usize] = Some(kept.len() as u32);
                    kept.push(name.to_owned());
                }
                (rows, _) => dropped.push(DroppedLabel {
                    label: name.to_owned(),
                    rows,
                }),
            }
        }
        dropped.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.label.cmp(&b.label)));
        if kept.len() < fewest {
            return Err(self.too_few_classes(kept.len(), &rows_of));
        }
        Ok((kept, renumber, dropped))
    }

    fn too_few_classes(&self, kept: usize, rows_of: &[(usize, usize)]) -> DatasetError {
        let mut counts: Vec<(usize, &str)> = self
            .labels
            .iter()
            .map(|(name, &index)| (rows_of[index as usize].0, name.as_str()))
            .filter(|(rows, _)| *rows > 0)
            .collect();
        counts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let mut listed: Vec<String> = counts
            .iter()
            .take(LISTED)
            .map(|(rows, name)| format!("`{name}` {rows}"))
            .collect();
        if counts.len() > LISTED {
            listed.push(format!("and {} more", counts.len() - LISTED));
        }
        let minimum = self.config.min_samples_per_class;
        let fix = match counts.as_slice() {
            [_] => "Check dataset.labelFields, or add rows with other labels".to_owned(),
            _ => format!(
                "Labels with fewer than dataset.minSamplesPerClass ({minimum}) rows are dropped: lower it, add rows, or merge labels with dataset.labelMap"
            ),
        };
        let left = if kept == 1 { "one label" } else { "no label" };
        DatasetError::TooFewClasses {
            name: self.name.clone(),
            left: left.into(),
            counts: listed.join(", "),
            fix,
        }
    }
}

/// The row is on neither side of the published split.
struct Outside;

/// Half of a text's SHA-256. It is long enough that no two texts share it, whoever writes them.
fn text_digest(text: &str) -> u128 {
    let digest = Sha256Digest::of_bytes(text.as_bytes());
    let (half, _) = digest.as_bytes().split_at(16);
    half.iter().fold(0, |number, &byte| number << 8 | u128::from(byte))
}
