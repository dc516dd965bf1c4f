//! Quality of probabilities.

use complaint_report::CalibrationBin;

/// Number of equal bins in the reliability diagram.
const BINS: usize = 15;
/// Smaller probabilities are raised to this, so that one certain mistake does not make a mean infinite.
const SMALLEST: f64 = 1e-15;

/// Negative natural logarithm of the correct class's probability.
pub fn row_log_loss(probability: f64) -> f64 {
    -probability.max(SMALLEST).ln()
}

/// The reliability diagram over pairs of the answer's probability and whether the answer was correct. Empty bins are
/// left out.
pub fn reliability_bins(answers: impl IntoIterator<Item = (f64, bool)>) -> Vec<CalibrationBin> {
    let mut sums = [(0_usize, 0.0_f64, 0_usize); BINS];
    for (probability, right) in answers {
        let bin = &mut sums[((probability * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += 1;
        bin.1 += probability;
        bin.2 += usize::from(right);
    }
    let edge = |index: usize| index as f64 / BINS as f64;
    sums.iter()
        .enumerate()
        .filter(|(_, (rows, _, _))| *rows > 0)
        .map(|(index, &(rows, sum, right))| CalibrationBin {
            lower: edge(index),
            upper: edge(index + 1),
            rows,
            mean_probability: sum / rows as f64,
            accuracy: right as f64 / rows as f64,
        })
        .collect()
}

/// Mean distance between probability and share of correct answers, weighted by the bins' rows (Guo et al. 2017).
pub fn expected_calibration_error(bins: &[CalibrationBin]) -> f64 {
    let rows: usize = bins.iter().map(|bin| bin.rows).sum();
    let distance: f64 = bins
        .iter()
        .map(|bin| bin.rows as f64 * (bin.accuracy - bin.mean_probability).abs())
        .sum();
    if rows > 0 { distance / rows as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worked_example() {
        let answers = [
            (0.95, true),
            (0.95, true),
            (0.95, true),
            (0.95, false),
            (0.55, true),
            (0.55, false),
        ];
        let bins = reliability_bins(answers);
        assert_eq!(bins.len(), 2);
        assert!((expected_calibration_error(&bins) - (4.0 * 0.2 + 2.0 * 0.05) / 6.0).abs() < 1e-12);
        assert_eq!(reliability_bins([(1.0, true)])[0].upper, 1.0);
    }
}
