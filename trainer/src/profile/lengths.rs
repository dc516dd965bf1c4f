//! The lengths of texts.

use complaint_report::{LengthBin, Quantiles};

/// Number of bins of the histogram, without the open last one.
const BINS: usize = 24;

/// Bins of one round width for nearly all texts. The longest texts share the last bin, which is open.
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
