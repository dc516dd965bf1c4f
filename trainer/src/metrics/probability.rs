//! Quality of probabilities.

use complaint_contract::Coverage;
use complaint_drift::accuracy::measured;
use complaint_report::CalibrationBin;

/// Number of equal bins in the reliability diagram.
const BINS: usize = 15;
/// Shares of the rows that are answered, in the table of coverage.
const ANSWERED: [f64; 3] = [0.95, 0.9, 0.8];
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

/// The answers that are left when the least probable ones go to people, for about 95, 90 and 80 % of the rows. Pairs are the
/// answer's probability and whether it was correct. Among equally probable answers no line is drawn, so the shares are
/// those that `abstain_below` gives.
pub fn coverage(answers: &[(f64, bool)]) -> Vec<Coverage> {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let line = |share: f64| {
        let last = (share * sorted.len() as f64).ceil() as usize;
        // Rounded down to what a report shows, so that a user who copies it answers no fewer rows.
        let abstain_below = (sorted.get(last.checked_sub(1)?)?.0 * 1e4).floor() / 1e4;
        let answered = sorted.partition_point(|(probability, _)| *probability >= abstain_below);
        let right = sorted[..answered].iter().filter(|(_, right)| *right).count();
        let accuracy = measured(right as u64, answered as u64)?;
        Some(Coverage {
            answered: answered as f64 / sorted.len() as f64,
            abstain_below,
            accuracy: accuracy.value,
            confidence_interval: [accuracy.lower, accuracy.upper],
        })
    };
    ANSWERED.iter().filter_map(|&share| line(share)).collect()
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

    #[test]
    fn coverage_is_what_abstaining_gives() {
        // 100 rows: the probability is 0.500, 0.505, …, 0.995, and the lower third is wrong.
        let answers: Vec<(f64, bool)> = (0..100).map(|row| (0.5 + f64::from(row) * 0.005, row >= 33)).collect();
        let table = coverage(&answers);
        let found: Vec<_> = table.iter().map(|line| (line.answered, line.abstain_below)).collect();
        assert_eq!(found, [(0.95, 0.525), (0.9, 0.55), (0.8, 0.6)]);
        for line in &table {
            let answered: Vec<_> = answers
                .iter()
                .filter(|(probability, _)| *probability >= line.abstain_below)
                .collect();
            let right = answered.iter().filter(|(_, right)| *right).count() as f64;
            assert!((line.accuracy - right / answered.len() as f64).abs() < 1e-12);
            let [low, high] = line.confidence_interval;
            assert!(low < line.accuracy && line.accuracy < high);
        }
        // All answers are equally probable: no line can be drawn between them.
        assert!(
            coverage(&[(0.7, true), (0.7, false)])
                .iter()
                .all(|line| line.answered == 1.0 && line.abstain_below == 0.7)
        );
        assert!(coverage(&[]).is_empty());
    }
}
