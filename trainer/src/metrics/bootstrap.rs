//! Intervals by resampling rows (Efron 1979). The same seed always gives the same draws.

use complaint_contract::Metric;
use rayon::prelude::*;

use super::Confusion;
use crate::rng::Rng;

/// Number of resamples for every interval.
pub const RESAMPLES: usize = 1000;

/// Predictions on some rows: what a metric needs from each.
#[derive(Debug, Clone)]
pub struct Scored {
    /// Number of classes that can occur in `predicted`.
    pub classes: usize,
    /// The actual class of each row.
    pub actual: Vec<u32>,
    /// The predicted class of each row.
    pub predicted: Vec<u32>,
    /// Negative logarithm of the right class's probability.
    pub log_loss: Vec<f64>,
}

impl Scored {
    /// The metric over all rows.
    pub fn value(&self, metric: Metric) -> f64 {
        self.value_on(metric, &mut Confusion::new(self.classes), 0..self.actual.len())
    }

    /// Counts over all rows.
    pub fn confusion(&self) -> Confusion {
        Confusion::of(
            self.classes,
            self.actual.iter().copied().zip(self.predicted.iter().copied()),
        )
    }

    fn value_on(&self, metric: Metric, table: &mut Confusion, rows: impl ExactSizeIterator<Item = usize>) -> f64 {
        if metric == Metric::LogLoss {
            let count = rows.len().max(1);
            return rows.map(|row| self.log_loss[row]).sum::<f64>() / count as f64;
        }
        table.clear();
        rows.for_each(|row| table.add(self.actual[row], self.predicted[row]));
        table.value(metric)
    }
}

/// 95 % percentile interval of a metric.
pub fn interval(scored: &Scored, metric: Metric, seed: u64) -> [f64; 2] {
    resampled(scored.actual.len(), seed, |draws| {
        let mut table = Confusion::new(scored.classes);
        scored.value_on(metric, &mut table, draws.iter().map(|&row| row as usize))
    })
}

/// Difference in favour of `newcomer` (for log loss: the champion's minus the newcomer's) and its 95 % interval. Both
/// models are compared on the same draws.
pub fn paired_difference(newcomer: &Scored, champion: &Scored, metric: Metric, seed: u64) -> (f64, [f64; 2]) {
    let gain = |value: f64| metric.as_gain(value);
    let difference = gain(newcomer.value(metric)) - gain(champion.value(metric));
    let interval = resampled(newcomer.actual.len(), seed, |draws| {
        let rows = || draws.iter().map(|&row| row as usize);
        let new = newcomer.value_on(metric, &mut Confusion::new(newcomer.classes), rows());
        let old = champion.value_on(metric, &mut Confusion::new(champion.classes), rows());
        gain(new) - gain(old)
    });
    (difference, interval)
}

/// Percentiles 2.5 and 97.5 of a statistic. Each resample has its own stream of draws, so the number of threads does
/// not matter.
fn resampled(rows: usize, seed: u64, statistic: impl Fn(&[u32]) -> f64 + Sync) -> [f64; 2] {
    let mut values: Vec<f64> = (0..RESAMPLES)
        .into_par_iter()
        .map(|sample| {
            let mut rng = Rng::new(seed, 0x626f_6f74_0000 + sample as u64);
            let draws: Vec<u32> = (0..rows).map(|_| rng.below(rows) as u32).collect();
            statistic(&draws)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let percentile = |share: f64| values[(share * (RESAMPLES - 1) as f64).round() as usize];
    [percentile(0.025), percentile(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(right: impl Fn(usize) -> bool) -> Scored {
        let actual: Vec<u32> = (0..400).map(|row| (row % 2) as u32).collect();
        let predicted = actual
            .iter()
            .enumerate()
            .map(|(row, &class)| if right(row) { class } else { 1 - class })
            .collect();
        let log_loss = (0..400).map(|row| if right(row) { 0.1 } else { 2.0 }).collect();
        Scored {
            classes: 2,
            actual,
            predicted,
            log_loss,
        }
    }

    #[test]
    fn an_interval_is_about_two_standard_errors() {
        let [low, high] = interval(&scored(|row| row % 5 != 0), Metric::Accuracy, 1);
        let error = (0.8_f64 * 0.2 / 400.0).sqrt();
        assert!((low - (0.8 - 1.96 * error)).abs() < 0.012, "{low}");
        assert!((high - (0.8 + 1.96 * error)).abs() < 0.012, "{high}");
    }

    #[test]
    fn a_pair_that_agrees_has_no_width_and_the_better_one_wins() {
        let better = scored(|row| row % 10 != 0);
        let worse = scored(|row| row % 5 != 0 && row % 10 != 3);
        assert_eq!(
            paired_difference(&better, &better, Metric::MacroF1, 1),
            (0.0, [0.0, 0.0])
        );
        for metric in [Metric::MacroF1, Metric::Accuracy, Metric::LogLoss] {
            let (difference, [low, high]) = paired_difference(&better, &worse, metric, 1);
            assert!(
                difference > 0.0 && low > 0.0 && high > difference,
                "{metric:?}: {difference} in [{low}, {high}]"
            );
        }
    }
}
