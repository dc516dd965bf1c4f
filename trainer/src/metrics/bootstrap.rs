//! Intervals by resampling rows (Efron 1979). The same seed always gives the same draws.

use complaint_contract::Metric;
use rayon::prelude::*;

use super::Confusion;
use crate::rng::Rng;

/// Number of resamples for every interval.
pub const RESAMPLES: usize = 1000;

/// Predictions on some rows, as the metrics need them.
#[derive(Debug, Clone)]
pub struct Scored {
    /// Number of classes that can occur in `predicted`.
    pub classes: usize,
    /// The actual class of each row.
    pub actual: Vec<u32>,
    /// The predicted class of each row.
    pub predicted: Vec<u32>,
    /// Negative logarithm of the correct class's probability, per row.
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
    let rows = scored.actual.len();
    percentiles(RESAMPLES, seed, |rng| {
        scored.value_on(
            metric,
            &mut Confusion::new(scored.classes),
            (0..rows).map(|_| rng.below(rows)),
        )
    })
}

/// Percentiles 2.5 and 97.5 of a statistic. Each resample has its own random number stream, so the number of threads
/// does not matter.
pub(super) fn percentiles(resamples: usize, seed: u64, statistic: impl Fn(&mut Rng) -> f64 + Sync) -> [f64; 2] {
    let mut values: Vec<f64> = (0..resamples)
        .into_par_iter()
        .map(|sample| statistic(&mut Rng::new(seed, 0x626f_6f74_0000 + sample as u64)))
        .collect();
    values.sort_by(f64::total_cmp);
    let percentile = |share: f64| values[(share * (resamples - 1) as f64).round() as usize];
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
        let log_loss = vec![0.1; 400];
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
}
