//! The lengths of texts.

use schemars::JsonSchema;
use serde::Serialize;

/// Number of bins of the histogram, without the open one.
const BINS: usize = 24;

/// Quantiles of a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Quantiles {
    /// The smallest value.
    pub min: usize,
    /// 25 %.
    pub lower: usize,
    /// 50 %.
    pub median: usize,
    /// 75 %.
    pub upper: usize,
    /// 95 %.
    pub p95: usize,
    /// The largest value.
    pub max: usize,
}

impl Quantiles {
    /// Quantiles of a list; the list gets sorted.
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

/// Texts with a number of words in `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LengthBin {
    /// Fewest words.
    pub from: usize,
    /// The number of words where the next bin begins; absent in the last bin, which has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<usize>,
    /// Texts in the bin.
    pub rows: usize,
}

/// Bins of one round width over nearly all texts. The longest texts share the last bin, which has no end.
pub(super) fn histogram(words: &[usize], quantiles: &Quantiles) -> Vec<LengthBin> {
    let width = round_up(quantiles.p95.div_ceil(BINS - 4).max(1));
    let mut rows = [0; BINS + 1];
    for &count in words {
        rows[(count / width).min(BINS)] += 1;
    }
    let used = rows.iter().rposition(|&rows| rows > 0).map_or(0, |last| last + 1);
    rows[..used]
        .iter()
        .enumerate()
        .map(|(bin, &rows)| LengthBin {
            from: bin * width,
            to: (bin < BINS).then_some((bin + 1) * width),
            rows,
        })
        .collect()
}

/// The smallest of 1, 2, 5, 10, 20, 50 … that is not below `width`.
fn round_up(width: usize) -> usize {
    let mut power = 1;
    loop {
        for step in [1, 2, 5] {
            if step * power >= width {
                return step * power;
            }
        }
        power *= 10;
    }
}
