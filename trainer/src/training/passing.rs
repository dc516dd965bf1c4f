//! Handles data sets whose texts are not kept. Each text is counted when it is read, and read again if it is needed
//! again.

use std::ops::Range;

use complaint_contract::{DatasetSettings, DatasetWarning};
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{HashedCounts, TermCounts, TokenizedCorpus};
use rayon::prelude::*;

use crate::config::RunConfig;
use crate::dataset::{self, Beside, Collected, Dataset, DatasetError, Source, Texts};
use crate::language::{CommonWords, Languages};
use crate::profile::TextFacts;
use crate::split::split_key;

use super::Decided;

/// Texts are counted once a batch has this many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// Texts that wait to be counted, in one buffer.
#[derive(Debug, Default)]
struct Batch {
    bytes: String,
    ends: Vec<usize>,
}

impl Batch {
    fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }

    fn texts(&self) -> Vec<&str> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| &self.bytes[start..end])
            .collect()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Counts texts without keeping them.
struct PassingTexts<'c> {
    config: &'c RunConfig,
    batch: Batch,
    /// Absent until the first batch has shown the language.
    counting: Option<Counting>,
    keys: Vec<u64>,
    facts: Vec<TextFacts>,
}

/// What texts are counted with: the pipeline for the language of the first batch.
struct Counting {
    decided: Decided,
    warnings: Vec<DatasetWarning>,
    pipeline: TextPipeline,
    counts: HashedCounts,
}

impl Counting {
    fn of(config: &RunConfig, texts: &[&str]) -> Self {
        let languages = Languages::of(texts.len(), |row| texts[row]);
        let (config, choices, warnings) = config.for_languages(&languages);
        Self {
            pipeline: TextPipeline::new(&config.preprocessing)
                .expect("the configuration is valid, and a language has no setting that is not"),
            counts: HashedCounts::new(&config.features),
            decided: Decided {
                config,
                choices,
                languages,
            },
            warnings,
        }
    }
}

impl Texts for PassingTexts<'_> {
    fn push(&mut self, text: &str) -> Range<usize> {
        self.batch.push(text);
        if self.batch.is_full() {
            self.count();
        }
        0..0
    }
}

impl PassingTexts<'_> {
    fn count(&mut self) {
        let texts = self.batch.texts();
        let seed = self.config.evaluation.seed;
        let counting = self.counting.get_or_insert_with(|| Counting::of(self.config, &texts));
        let common = CommonWords::of(counting.decided.config.preprocessing.language);
        let looked: Vec<(u64, TextFacts)> = texts
            .par_iter()
            .map_init(Vec::new, |hashes, text| {
                (split_key(text, seed), TextFacts::of(text, common, hashes))
            })
            .collect();
        self.keys.extend(looked.iter().map(|(key, _)| *key));
        self.facts.extend(looked.iter().map(|(_, facts)| *facts));
        counting.counts.add(&TokenizedCorpus::build(&counting.pipeline, &texts));
        self.batch.clear();
    }
}

/// Keeps only the split keys of texts.
struct Keys {
    seed: u64,
    batch: Batch,
    keys: Vec<u64>,
}

impl Texts for Keys {
    fn push(&mut self, text: &str) -> Range<usize> {
        self.batch.push(text);
        if self.batch.is_full() {
            self.take();
        }
        0..0
    }
}

impl Keys {
    fn take(&mut self) {
        let (texts, seed) = (self.batch.texts(), self.seed);
        let keys: Vec<u64> = texts.par_iter().map(|text| split_key(text, seed)).collect();
        self.keys.extend(keys);
        self.batch.clear();
    }
}

/// Reads all rows without their texts, and the split key of each.
pub(super) fn load_keys(
    config: &DatasetSettings,
    source: &Source,
    seed: u64,
) -> Result<(Dataset, Vec<u64>), DatasetError> {
    let texts = Keys {
        seed,
        batch: Batch::default(),
        keys: Vec::new(),
    };
    let Collected {
        dataset,
        mut texts,
        kept,
    } = dataset::load_into(config, source, Beside::default(), texts, |_| ())?;
    texts.take();
    Ok((dataset, only(texts.keys, &kept)))
}

/// The rows of a data set, and what is counted from their texts.
pub(super) struct Passing<'c> {
    pub(super) dataset: Dataset,
    texts: PassingTexts<'c>,
    kept: Vec<bool>,
}

/// The rows, their terms and facts, and the configuration that they were counted with.
pub(super) struct Passed {
    pub(super) dataset: Dataset,
    pub(super) counts: TermCounts,
    pub(super) facts: Vec<TextFacts>,
    pub(super) decided: Decided,
}

impl Passing<'_> {
    /// Counts the rows from this one on, whose texts were kept.
    pub(super) fn count_rows_from(&mut self, first: usize) {
        for row in &self.dataset.rows[first..] {
            self.texts.push(self.dataset.text(row));
            self.kept.push(true);
        }
        self.texts.count();
    }

    /// The split keys of all rows.
    pub(super) fn keys(&self) -> Vec<u64> {
        only(self.texts.keys.clone(), &self.kept)
    }

    /// All of it.
    pub(super) fn finish(self) -> Passed {
        let Self {
            mut dataset,
            texts,
            kept,
        } = self;
        let counting = texts.counting.unwrap_or_else(|| Counting::of(texts.config, &[]));
        dataset.warnings.extend(counting.warnings);
        Passed {
            dataset,
            counts: counting.counts.finish(&kept),
            facts: only(texts.facts, &kept),
            decided: counting.decided,
        }
    }
}

/// Reads and counts all rows.
pub(super) fn load<'c>(
    config: &'c RunConfig,
    source: &Source,
    beside: Beside<'_>,
    on_progress: impl FnMut(u64),
) -> Result<Passing<'c>, DatasetError> {
    let texts = PassingTexts {
        config,
        batch: Batch::default(),
        counting: None,
        keys: Vec::new(),
        facts: Vec::new(),
    };
    let Collected {
        dataset,
        mut texts,
        kept,
    } = dataset::load_into(&config.dataset, source, beside, texts, on_progress)?;
    texts.count();
    Ok(Passing { dataset, texts, kept })
}

/// The items with a set flag.
fn only<T>(mut items: Vec<T>, kept: &[bool]) -> Vec<T> {
    let mut flags = kept.iter();
    items.retain(|_| *flags.next().expect("one flag per row"));
    items
}

/// Reads the texts of the rows `rows` of `dataset` again; `rows` must be in the source's order. Calls `each` with a
/// batch of texts and the index in `rows` of the first one.
///
/// # Errors
/// [`DatasetError`] if the source can't be read a second time, or gives different texts.
pub(super) fn read_again(
    config: &DatasetSettings,
    source: &Source,
    dataset: &Dataset,
    rows: &[u32],
    is_the_same: impl Fn(u32, &str) -> bool,
    mut each: impl FnMut(usize, &[&str]),
) -> Result<(), DatasetError> {
    let changed = || {
        DatasetError::Unreadable {
        name: source.name().to_owned(),
        problem: "its rows changed since it was first read. Where texts are not kept (with features.hashingBits, and in a \
                  comparison after a training), the held-out rows are read a second time. Leave the file unchanged meanwhile"
            .into(),
    }
    };
    let (mut batch, mut first, mut next) = (Batch::default(), 0, 0);
    dataset::each_record(config, source, |record| {
        let wanted = rows
            .get(next)
            .filter(|&&row| dataset.rows[row as usize].number == record.number);
        let Some(&row) = wanted else { return Ok(()) };
        let text = record
            .text
            .text()
            .filter(|text| is_the_same(row, text))
            .ok_or_else(changed)?;
        batch.push(text);
        next += 1;
        if batch.is_full() {
            each(first, &batch.texts());
            batch.clear();
            first = next;
        }
        Ok(())
    })?;
    if next < rows.len() {
        return Err(changed());
    }
    each(first, &batch.texts());
    Ok(())
}
