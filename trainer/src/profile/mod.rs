//! Describes a data set: lengths, copies, near-twins, vocabulary, suspicious rows.

mod lengths;
mod suspicious;
mod twins;

use complaint_contract::round4;
use complaint_model::vectorize::{TermCounts, TokenizedCorpus};
use complaint_report::{Profile, Quantiles, VocabularyPoint};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::language::{CommonWords, Languages};
use crate::split::{Split, shingles};

pub use suspicious::{TextFacts, word_count};
use twins::Twins;

/// Number of points on the vocabulary's growth curve.
const GROWTH_POINTS: usize = 20;

/// Describes a data set from the rows' texts and words. `common` are the words of the language that it is treated as.
pub fn of_texts(
    dataset: &Dataset,
    split: &Split,
    corpus: &TokenizedCorpus,
    languages: &Languages,
    common: CommonWords,
) -> Profile {
    let distinct = corpus.distinct_tokens();
    of_rows(dataset, split, languages, common, distinct, |row| corpus.tokens(row))
}

/// Describes a data set whose texts were not kept, from the facts about them and from their buckets. Vocabulary and
/// near-twins then use the buckets that occur in enough rows.
pub fn of_counts(
    dataset: &Dataset,
    split: &Split,
    facts: &[TextFacts],
    counts: &TermCounts,
    languages: &Languages,
) -> Profile {
    let shingles = |row: u32| -> Vec<u64> {
        let terms = counts.document_terms(row as usize);
        terms.iter().map(|&term| u64::from(term)).collect()
    };
    let growth = vocabulary_growth(dataset.source_rows().len(), counts.vocabulary().len(), |row| {
        counts.document_terms(row).iter().copied()
    });
    let twins = twins_of(dataset, split, shingles);
    put_together(dataset, split, facts, twins, growth, languages)
}

/// The near-twins among the rows of the source.
fn twins_of(dataset: &Dataset, split: &Split, shingles: impl Fn(u32) -> Vec<u64> + Sync) -> Twins {
    twins::groups(dataset, &split.keys[..dataset.source_rows().len()], shingles)
}

/// Describes a data set from rows, split and tokens. `tokens` gives the token ids of a row.
fn of_rows<I: Iterator<Item = u32>>(
    dataset: &Dataset,
    split: &Split,
    languages: &Languages,
    common: CommonWords,
    distinct: usize,
    tokens: impl Fn(usize) -> I,
) -> Profile {
    let facts: Vec<TextFacts> = dataset
        .source_rows()
        .par_iter()
        .map_init(Vec::new, |hashes, row| TextFacts::of(dataset.text(row), common, hashes))
        .collect();
    let shingles = |row: u32| shingles(dataset.text(&dataset.rows[row as usize]));
    let growth = vocabulary_growth(dataset.source_rows().len(), distinct, tokens);
    let twins = twins_of(dataset, split, shingles);
    put_together(dataset, split, &facts, twins, growth, languages)
}

fn put_together(
    dataset: &Dataset,
    split: &Split,
    facts: &[TextFacts],
    twins: Twins,
    vocabulary_growth: Vec<VocabularyPoint>,
    languages: &Languages,
) -> Profile {
    let facts = &facts[..dataset.source_rows().len()];
    let words: Vec<usize> = facts.iter().map(|facts| facts.words as usize).collect();
    let quantiles = Quantiles::of(words.clone());
    Profile {
        records: dataset.counts,
        languages: languages.shares().to_vec(),
        length_histogram: lengths::histogram(&words, &quantiles),
        suspicious_rows: suspicious::find(dataset.source_rows(), facts, &quantiles),
        words: quantiles,
        vocabulary_growth,
        near_twin_groups: twins.groups,
        near_twin_rows: twins.rows,
        largest_near_twin_groups: twins.largest,
        duplicate_examples: dataset.copies.duplicates.clone(),
        contradiction_examples: dataset.copies.contradictions.clone(),
        largest_share_difference: round4(100.0 * largest_share_difference(dataset, split)),
    }
}

fn vocabulary_growth<I: Iterator<Item = u32>>(
    rows: usize,
    distinct: usize,
    tokens: impl Fn(usize) -> I,
) -> Vec<VocabularyPoint> {
    let mut seen = vec![false; distinct];
    let mut words = 0;
    let mut points = Vec::with_capacity(GROWTH_POINTS);
    for row in 0..rows {
        for token in tokens(row) {
            words += usize::from(!std::mem::replace(&mut seen[token as usize], true));
        }
        if (row + 1) * GROWTH_POINTS / rows > row * GROWTH_POINTS / rows {
            points.push(VocabularyPoint { rows: row + 1, words });
        }
    }
    points
}

fn largest_share_difference(dataset: &Dataset, split: &Split) -> f64 {
    let shares = |rows: &[u32]| {
        let mut counts = vec![0.0; dataset.labels.len() + dataset.unknown_labels.len()];
        rows.iter()
            .for_each(|&row| counts[dataset.rows[row as usize].label as usize] += 1.0 / rows.len() as f64);
        counts
    };
    shares(&split.train)
        .iter()
        .zip(shares(&split.test))
        .map(|(train, test)| (train - test).abs())
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests;
