//! Keeps the rows that can be used for training, and counts the others.

use std::collections::BTreeMap;
use std::ops::Range;

use complaint_contract::limits::ROW_LABEL_BYTES;
use complaint_contract::{
    DatasetSettings, DatasetWarning, DroppedLabel, LEVEL_SEPARATOR, RecordCounts, depth, label_at, list_labels,
};
use complaint_model::Sha256Digest;
use rustc_hash::{FxHashMap, FxHashSet};

use super::beside::{Beside, text_digest};
use super::chains::Chains;
use super::levels::{RolledUp, RowsOf, roll_up};
use super::{Copies, Dataset, DatasetError, Field, Part, Record, Row, copies::Found, labels, times};
use crate::split::split_key;

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
    /// The labels by their number, if labels have levels.
    names_of_levels: Vec<String>,
    /// Entries of `labelMap` that renamed a row's label.
    renamed: FxHashSet<&'c str>,
    beside: Beside<'c>,
    /// Numbers of records whose text was corrected, with the number of the correction.
    corrected: Vec<(u64, u32)>,
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

/// The rows of a source, and their texts or the result of processing them.
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
            names_of_levels: Vec::new(),
            renamed: FxHashSet::default(),
            beside: Beside::default(),
            corrected: Vec::new(),
            digests: Vec::new(),
            by_text: Chains::default(),
            counts: RecordCounts::default(),
            copies: Found::default(),
        }
    }

    /// Excludes held-out rows, and notes corrected ones.
    #[must_use]
    pub fn with_regard_to(mut self, beside: Beside<'c>) -> Self {
        self.beside = beside;
        self
    }

    /// Takes one record.
    ///
    /// # Errors
    /// [`DatasetError::LongLabel`].
    pub fn push(&mut self, record: &Record<'_>) -> Result<(), DatasetError> {
        self.counts.records += 1;
        if !record.selected {
            self.counts.not_selected += 1;
            return Ok(());
        }
        let part = match self.part(record) {
            Ok(part) => part,
            Err(Outside) => {
                self.counts.outside_split += 1;
                return Ok(());
            }
        };
        let Some(text) = record.text.text() else {
            match record.text {
                Field::OtherType => self.counts.text_of_other_type += 1,
                _ => self.counts.without_text += 1,
            }
            return Ok(());
        };
        let Some(label) = record.label.text() else {
            match record.label {
                Field::OtherType => self.counts.label_of_other_type += 1,
                _ => self.counts.without_label += 1,
            }
            return Ok(());
        };
        let label = self.label(label, record.number)?;
        if self
            .beside
            .held_out
            .is_some_and(|held_out| held_out.keys.contains(&split_key(text, held_out.seed)))
        {
            self.counts.in_holdout += 1;
            return Ok(());
        }
        let digest = text_digest(text);
        if self.is_copy(digest, label, part, record.number) {
            return Ok(());
        }
        let corrected = self.beside.corrected.and_then(|texts| texts.number(digest));
        self.corrected
            .extend(corrected.map(|correction| (record.number, correction)));
        self.digests.push(digest);
        self.by_text.push(digest as u64);
        self.rows.push(Row {
            text: self.texts.push(text),
            label,
            number: record.number,
            part,
            time: record.time.and_then(times::parse),
        });
        self.contradictory.push(false);
        Ok(())
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

    /// The number of a row's label, which may be renamed.
    fn label(&mut self, label: &str, row: u64) -> Result<u32, DatasetError> {
        let label = match self.config.label_map.get_key_value(label) {
            Some((entry, _)) => {
                self.renamed.insert(entry);
                self.config.renamed(label)
            }
            None if label.len() > ROW_LABEL_BYTES => {
                return Err(DatasetError::LongLabel {
                    name: self.name.clone(),
                    row,
                    bytes: label.len(),
                    most: ROW_LABEL_BYTES,
                    fields: self.config.label_columns().to_vec(),
                    setting: self.config.label_setting(),
                });
            }
            None => label,
        };
        if let Some(&index) = self.labels.get(label) {
            return Ok(index);
        }
        let index = self.labels.len() as u32;
        self.labels.insert(label.to_owned(), index);
        if self.config.has_levels() {
            self.names_of_levels.push(label.to_owned());
        }
        Ok(index)
    }

    /// Whether the text was already read. Copies in a published test part are kept, so that the metrics are comparable
    /// with published ones on the same rows.
    fn is_copy(&mut self, digest: u128, label: u32, part: Option<Part>, number: u64) -> bool {
        if part == Some(Part::Test) {
            return false;
        }
        let Some(known) = self.same_text(digest, part) else {
            return false;
        };
        let finer = self.finer(self.rows[known as usize].label, label);
        let first = &mut self.rows[known as usize];
        if let Some(finer) = finer {
            first.label = finer;
            self.counts.duplicates += 1;
            self.copies.duplicate(first.number, number);
        } else {
            self.counts.contradictory += 1;
            self.copies.contradiction((first.number, first.label), (number, label));
            self.contradictory[known as usize] = true;
        }
        true
    }

    /// The finer of two labels that don't contradict each other: they are equal, or one is the other at a coarser level.
    fn finer(&self, first: u32, second: u32) -> Option<u32> {
        if first == second {
            return Some(first);
        }
        if !self.config.has_levels() {
            return None;
        }
        let [one, other] = [first, second].map(|label| self.names_of_levels[label as usize].as_str());
        let is_above =
            |coarse: &str, fine: &str| depth(fine) > depth(coarse) && label_at(fine, depth(coarse)) == Some(coarse);
        if is_above(one, other) {
            Some(second)
        } else {
            is_above(other, one).then_some(first)
        }
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
        let rows_of = self.rows_of_labels();
        let (rows_of, rolled_up) = self.roll_up(rows_of);
        let (labels, renumber, dropped_labels) = self.choose_labels(fewest_labels, &rows_of)?;
        self.counts.rare_labels = dropped_labels.iter().map(|dropped| dropped.rows as u64).sum();
        let mut warnings = self.warnings(&rows_of, &dropped_labels);
        warnings.extend(labels::rolled_up(&rolled_up, self.config.min_samples_per_class));
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
        let row_of = |number: u64| self.rows.binary_search_by_key(&number, |row| row.number).ok();
        let corrected = self.corrected.iter();
        let corrected = corrected
            .filter_map(|&(number, correction)| Some((row_of(number)? as u32, correction)))
            .collect();
        Ok(Collected {
            dataset: Dataset {
                texts: String::new(),
                rows: self.rows,
                corrections: 0,
                corrected,
                labels,
                unknown_labels: Vec::new(),
                inner_labels: Vec::new(),
                dropped_labels,
                counts: self.counts,
                copies,
                warnings,
                sha256,
            },
            texts: self.texts,
            kept: keep,
        })
    }

    fn named_copies(&self) -> Copies {
        self.copies.named(&self.names())
    }

    /// A row with this text on the same side of the split.
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
        DatasetError::NoUsableRows {
            problem: self.counts.reasons(),
            setting: self.config.label_setting(),
            name: self.name,
            records: self.counts.records,
        }
    }

    /// The number of rows of each label, and how many of them are not published test rows.
    fn rows_of_labels(&self) -> RowsOf {
        let mut rows_of = vec![(0, 0); self.labels.len()];
        for row in &self.rows {
            let (rows, train) = &mut rows_of[row.label as usize];
            *rows += 1;
            *train += usize::from(row.part != Some(Part::Test));
        }
        rows_of
    }

    /// Gives rows of labels with too few rows the label one level above, if labels have levels.
    fn roll_up(&mut self, rows_of: RowsOf) -> (RowsOf, Vec<RolledUp>) {
        if !self.config.has_levels() {
            return (rows_of, Vec::new());
        }
        let names = self.names();
        let (minimum, levels) = (self.config.min_samples_per_class, self.config.label_levels.len());
        let rolling = roll_up(&names, rows_of, minimum, levels);
        for name in rolling.added {
            let index = self.labels.len() as u32;
            self.labels.insert(name, index);
        }
        for row in &mut self.rows {
            row.label = rolling.to[row.label as usize];
        }
        (rolling.rows_of, rolling.rolled_up)
    }

    /// The labels by their number.
    fn names(&self) -> Vec<&str> {
        let mut names = vec![""; self.labels.len()];
        for (name, &index) in &self.labels {
            names[index as usize] = name;
        }
        names
    }

    fn warnings(&self, rows_of: &[(usize, usize)], dropped: &[DroppedLabel]) -> Vec<DatasetWarning> {
        let used = self
            .labels
            .iter()
            .map(|(name, &index)| (name.as_str(), rows_of[index as usize].0));
        let used = || used.clone().filter(|(_, rows)| *rows > 0);
        let entries = self.config.label_map.keys().map(String::as_str);
        let unused: Vec<&str> = entries.filter(|entry| !self.renamed.contains(entry)).collect();
        [
            labels::dropped(dropped, self.config.min_samples_per_class),
            labels::alike(used().map(|(name, _)| name)),
            labels::missing(used()),
            labels::unused(&unused),
            labels::other_types(self.counts.text_of_other_type, self.counts.label_of_other_type),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Returns sorted labels, the new number of each old label, and the dropped labels.
    #[allow(clippy::type_complexity)] // three results of one pass, taken apart at once
    fn choose_labels(
        &self,
        fewest: usize,
        rows_of: &[(usize, usize)],
    ) -> Result<(Vec<String>, Vec<Option<u32>>, Vec<DroppedLabel>), DatasetError> {
        let by_name: BTreeMap<&str, u32> = self
            .labels
            .iter()
            .map(|(name, &index)| (name.as_str(), index))
            .collect();
        let has_enough = |index: &u32| {
            let (rows, train) = rows_of[*index as usize];
            rows >= self.config.min_samples_per_class && train > 0
        };
        // A label of a coarser level stays with those below it.
        let is_above = |name: &str| {
            let below = format!("{name}{LEVEL_SEPARATOR}");
            let mut below = by_name
                .range(below.as_str()..)
                .take_while(|(other, _)| other.starts_with(&below));
            self.config.has_levels() && below.any(|(_, index)| has_enough(index))
        };
        let mut kept = Vec::new();
        let mut renumber = vec![None; self.labels.len()];
        let mut dropped = Vec::new();
        let mut classes = 0;
        for (&name, &index) in &by_name {
            match rows_of[index as usize] {
                (0, _) => {}
                _ if is_above(name) => {
                    renumber[index as usize] = Some(kept.len() as u32);
                    kept.push(name.to_owned());
                }
                _ if has_enough(&index) => {
                    classes += 1;
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
        if classes < fewest {
            return Err(self.too_few_classes(classes, rows_of));
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
        let mut listed = list_labels(counts.iter().map(|(rows, name)| (*name, rows)), |name, rows| {
            format!("`{name}` {rows}")
        });
        let left_out = self.counts.reasons();
        if !left_out.is_empty() {
            listed.push_str(&format!(". Rows left out: {left_out}"));
        }
        let minimum = self.config.min_samples_per_class;
        let fix = match counts.as_slice() {
            [_] => format!("Check {}, or add rows with other labels", self.config.label_setting()),
            _ => format!(
                "Labels with fewer than dataset.minSamplesPerClass ({minimum}) rows are dropped: lower it, add rows, or merge labels with dataset.labelMap"
            ),
        };
        let left = if kept == 1 { "one label" } else { "no label" };
        DatasetError::TooFewClasses {
            name: self.name.clone(),
            left: left.into(),
            counts: listed,
            fix,
        }
    }
}

/// The row is on neither side of the published split.
struct Outside;
