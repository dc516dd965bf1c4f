//! Vector scaling: a temperature and one bias a class, for estimates without labels (Guo, Pleiss, Sun & Weinberger 2017).
//!
//! It is fitted by maximum likelihood on the out-of-fold scores of the training part. A bias has a normal prior with standard
//! deviation 1 in log-odds, so a class with few rows keeps a bias near 0. Answers and their probabilities don't depend on it.

use complaint_model::Estimate;
use complaint_model::model::argmax;

use crate::likelihood::{Loss, mean_loss, minimise};

/// Temperatures outside are no fit.
const TEMPERATURES: std::ops::RangeInclusive<f64> = 1e-4..=1e4;

/// Fits temperature and biases on `rows × classes` scores. `temperature` is where the search begins, and the result with biases of 0
/// if the search finds nothing usable.
pub fn vector_scaling(scores: &[f32], labels: &[u32], classes: usize, temperature: f64) -> Estimate {
    let mut start = vec![0.0; classes + 1];
    start[0] = temperature.ln();
    let found = minimise(start.clone(), 1e-7, |place| loss(scores, labels, place));
    let usable = TEMPERATURES.contains(&found[0].exp()) && found[1..].iter().all(|bias| bias.abs() < 100.0);
    let (log_temperature, biases) = (if usable { &found } else { &start }).split_at(1);
    let mean = biases.iter().sum::<f64>() / classes as f64;
    Estimate {
        temperature: round9(log_temperature[0].exp()),
        biases: biases.iter().map(|bias| round9(bias - mean)).collect(),
    }
}

/// Nine decimals: more than the data say, and few enough to be the same number after a file.
pub(crate) fn round9(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// Mean log loss with the prior, and its derivatives, at the temperature's logarithm and the biases.
fn loss(scores: &[f32], labels: &[u32], at: &[f64]) -> Loss {
    let (temperature, biases) = (at[0].exp(), &at[1..]);
    mean_loss(scores, labels, 1, (biases.len(), at), |scores, labels| {
        sum(scores, labels, temperature, biases)
    })
}

fn sum(scores: &[f32], labels: &[u32], temperature: f64, biases: &[f64]) -> Loss {
    let mut loss = Loss::none(biases.len() + 1);
    let mut odds = vec![0.0; biases.len()];
    for (scores, &label) in scores.chunks_exact(biases.len()).zip(labels) {
        let highest = f64::from(scores[argmax(scores)]);
        let scaled = |class: usize| (f64::from(scores[class]) - highest) / temperature;
        let most = (0..odds.len())
            .map(|class| scaled(class) + biases[class])
            .fold(f64::MIN, f64::max);
        let mut total = 0.0;
        for (class, odds) in odds.iter_mut().enumerate() {
            *odds = (scaled(class) + biases[class] - most).exp();
            total += *odds;
        }
        let own = label as usize;
        loss.value += total.ln() + most - scaled(own) - biases[own];
        loss.slope[0] += scaled(own);
        loss.slope[1 + own] -= 1.0;
        for (class, odds) in odds.iter().enumerate() {
            let probability = odds / total;
            loss.slope[0] -= probability * scaled(class);
            loss.slope[1 + class] += probability;
        }
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Scores whose labels are drawn from softmax(scores / 3 + biases).
    fn drawn(rows: usize, biases: [f64; 4]) -> (Vec<f32>, Vec<u32>) {
        let mut rng = Rng::new(11, 4);
        let mut unit = || rng.next_u64() as f64 / u64::MAX as f64;
        let (mut scores, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let own: Vec<f64> = (0..4).map(|_| 12.0 * unit() - 6.0).collect();
            let odds: Vec<f64> = own
                .iter()
                .zip(biases)
                .map(|(score, bias)| (score / 3.0 + bias).exp())
                .collect();
            let mut left = unit() * odds.iter().sum::<f64>();
            let drawn = odds.iter().position(|odds| {
                left -= odds;
                left <= 0.0
            });
            labels.push(drawn.unwrap_or(3) as u32);
            scores.extend(own.iter().map(|score| *score as f32));
        }
        (scores, labels)
    }

    #[test]
    fn temperature_and_biases_are_found_on_any_number_of_threads() {
        let truth = [1.0, -0.5, 0.25, -0.75];
        let (scores, labels) = drawn(20_000, truth);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| vector_scaling(&scores, &labels, 4, 1.0))
        };
        let found = fit(1);
        assert_eq!(found, fit(3));
        assert!((found.temperature - 3.0).abs() < 0.1, "{found:?}");
        assert!(
            found
                .biases
                .iter()
                .zip(truth)
                .all(|(bias, truth)| (bias - truth).abs() < 0.06),
            "{found:?}"
        );
        assert!(found.biases.iter().sum::<f64>().abs() < 1e-6, "{found:?}");
        let mut at = vec![found.temperature.ln()];
        at.extend(&found.biases);
        assert!(loss(&scores, &labels, &at).slope.iter().all(|slope| slope.abs() < 1e-4));
    }

    /// Scores like those of naive Bayes: far from 0, and near each other.
    #[test]
    fn scores_far_from_zero() {
        let (scores, labels) = drawn(20_000, [1.0, -0.5, 0.25, -0.75]);
        let far: Vec<f32> = scores.iter().map(|score| score / 100.0 - 70.0).collect();
        let start = crate::calibration::temperature(&far, &labels, 4);
        let found = vector_scaling(&far, &labels, 4, start);
        assert!(
            (found.temperature - 0.03).abs() < 0.001 && (found.biases[0] - 1.0).abs() < 0.06,
            "{found:?}"
        );
    }

    #[test]
    fn few_rows_move_little() {
        let found = vector_scaling(&[1.0, 0.0, 0.5, 0.0, 1.0, 0.5], &[0, 0], 3, 1.0);
        assert!(found.biases.iter().all(|bias| bias.abs() < 1.5), "{found:?}");
        assert!(TEMPERATURES.contains(&found.temperature));
        assert_eq!(
            vector_scaling(&[], &[], 3, 0.5),
            Estimate {
                temperature: 0.5,
                biases: vec![0.0; 3]
            }
        );
    }
}
