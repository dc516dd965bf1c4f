//! `report.json`: the shared report with what only the trainer knows.

use complaint_model::report::Report;
use serde::Serialize;

use crate::dataset::{Counts, Dataset};
use crate::evaluate::{Intervals, Mistake};
use crate::split::Split;

/// The report as it is written: the shared part's fields, then these.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainingReport {
    /// The part that the server reads too.
    #[serde(flatten)]
    pub report: Report,
    /// 95 % bootstrap intervals of the metrics.
    pub confidence_intervals: Intervals,
    /// The most confident wrong answers.
    pub mistakes: Vec<Mistake>,
    /// What the data set is like.
    pub profile: Profile,
    /// Digest of the specification the run was made from.
    pub spec_hash: String,
}

/// What the data set is like.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Records that were read and left out.
    pub records: Counts,
    /// Words of the texts, by quantile.
    pub words: Quantiles,
    /// Distinct tokens in the first tenth, second tenth … of the rows: how fast the vocabulary grows.
    pub vocabulary_growth: Vec<usize>,
    /// Rows of each group of near-twins with more than one row.
    pub near_twin_groups: usize,
    /// Greatest difference of a class's share between training and test part, in percentage points.
    pub largest_share_difference: f64,
}

/// Quantiles of a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// Least.
    pub min: usize,
    /// 25 %.
    pub lower: usize,
    /// 50 %.
    pub median: usize,
    /// 75 %.
    pub upper: usize,
    /// 95 %.
    pub p95: usize,
    /// Greatest.
    pub max: usize,
}

impl Quantiles {
    /// Quantiles of a list, which is sorted for it.
    pub fn of(mut values: Vec<usize>) -> Self {
        values.sort_unstable();
        let Some(last) = values.len().checked_sub(1) else {
            return Self::default();
        };
        let at = |share: f64| values[(share * last as f64).round() as usize];
        Self {
            min: at(0.0),
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
            p95: at(0.95),
            max: at(1.0),
        }
    }
}

impl Profile {
    /// Looks at rows, split and tokens. `tokens` gives the token ids of a row.
    pub fn of<I: Iterator<Item = u32>>(
        dataset: &Dataset,
        split: &Split,
        distinct: usize,
        tokens: impl Fn(usize) -> I,
    ) -> Self {
        let words = dataset
            .rows
            .iter()
            .map(|row| dataset.text(row).split_whitespace().count())
            .collect();
        let mut seen = vec![false; distinct];
        let mut count = 0;
        let mut vocabulary_growth = Vec::new();
        let rows = dataset.rows.len();
        for row in 0..rows {
            for token in tokens(row) {
                count += usize::from(!std::mem::replace(&mut seen[token as usize], true));
            }
            if (row + 1) * 10 / rows > row * 10 / rows {
                vocabulary_growth.push(count);
            }
        }
        Self {
            records: dataset.counts.clone(),
            words: Quantiles::of(words),
            vocabulary_growth,
            near_twin_groups: near_twin_groups(&split.keys),
            largest_share_difference: complaint_model::report::round4(100.0 * largest_share_difference(dataset, split)),
        }
    }
}

fn near_twin_groups(keys: &[u64]) -> usize {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).filter(|group| group.len() > 1).count()
}

fn largest_share_difference(dataset: &Dataset, split: &Split) -> f64 {
    let shares = |rows: &[u32]| {
        let mut counts = vec![0.0; dataset.labels.len()];
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
