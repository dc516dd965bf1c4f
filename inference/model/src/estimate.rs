//! Probabilities for estimates: how often answers are right, and which mix of categories the texts have.
//!
//! An answer's probability comes from [`Calibration`](crate::model::Calibration), which never changes which class wins. It fits the
//! winner's probability well, but not each class's. *Estimating probabilities* come from vector scaling (Guo, Pleiss, Sun &
//! Weinberger 2017): softmax over `score / temperature + bias`, with one bias a class. Their mean over many texts is close to the
//! classes' shares, so sums of them tell how many answers of each class are right, without labels. No answer depends on them.

use serde::{Deserialize, Serialize};

/// Bounds of the temperature.
const TEMPERATURES: std::ops::RangeInclusive<f64> = 1e-6..=1e6;
/// Largest bias, in log-odds.
const LARGEST_BIAS: f64 = 1e4;

/// Vector scaling: how scores of the trained model become estimating probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Estimate {
    /// Divides the scores; 1e-6 to 1e6.
    pub temperature: f64,
    /// Added for each class, in log-odds; within ±1e4.
    pub biases: Vec<f64>,
}

impl Estimate {
    /// Checks that there is a usable bias for each class, and a usable temperature.
    ///
    /// # Errors
    /// The first problem.
    pub(crate) fn check(&self, classes: usize) -> Result<(), String> {
        if !TEMPERATURES.contains(&self.temperature) {
            let [low, high] = [TEMPERATURES.start(), TEMPERATURES.end()];
            let found = self.temperature;
            return Err(format!(
                "the estimate's temperature is {found}; {low:e} to {high:e} are possible"
            ));
        }
        if self.biases.len() != classes {
            let found = self.biases.len();
            return Err(format!("the estimate has {found} biases for {classes} classes"));
        }
        if !self.biases.iter().all(|bias| bias.abs() <= LARGEST_BIAS) {
            return Err(format!(
                "a bias of the estimate is not a number within ±{LARGEST_BIAS:e}"
            ));
        }
        Ok(())
    }

    /// Ready for the scores of a model whose intercepts are `bias`, trained with the intercepts `trained`. Probabilities belong to
    /// the mix of the training, whether the intercepts were moved or not.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn estimator(&self, bias: &[f32], trained: &[f32]) -> Estimator {
        assert!(self.biases.len() == bias.len() && bias.len() == trained.len());
        let moved = bias
            .iter()
            .zip(trained)
            .map(|(now, then)| f64::from(*now) - f64::from(*then));
        let offset = |(moved, bias): (f64, &f64)| (bias - moved / self.temperature) as f32;
        Estimator {
            scale: (1.0 / self.temperature) as f32,
            offsets: moved.zip(&self.biases).map(offset).collect(),
        }
    }
}

/// An [`Estimate`] for the scores of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimator {
    /// Multiplies the scores.
    scale: f32,
    /// Added for each class after that.
    offsets: Vec<f32>,
}

impl Estimator {
    /// Writes the estimating probabilities of a text with these scores. They sum to 1. It costs one exponential a class.
    ///
    /// # Panics
    /// If a slice doesn't have one entry a class.
    #[inline]
    pub fn probabilities(&self, scores: &[f32], probabilities: &mut [f32]) {
        assert!(scores.len() == self.offsets.len() && probabilities.len() == self.offsets.len());
        let mut highest = f32::NEG_INFINITY;
        for ((out, score), offset) in probabilities.iter_mut().zip(scores).zip(&self.offsets) {
            *out = score * self.scale + offset;
            highest = highest.max(*out);
        }
        let mut sum = 0.0;
        for out in probabilities.iter_mut() {
            *out = (*out - highest).exp();
            sum += *out;
        }
        let share = 1.0 / sum;
        probabilities.iter_mut().for_each(|out| *out *= share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn estimate() -> Estimate {
        Estimate {
            temperature: 0.5,
            biases: vec![0.25, -0.5, 0.25],
        }
    }

    proptest! {
        #[test]
        fn softmax_of_scaled_and_shifted_scores(scores in prop::collection::vec(-30f32..30.0, 3)) {
            let estimate = estimate();
            let estimator = estimate.estimator(&[0.0; 3], &[0.0; 3]);
            let mut found = [0.0; 3];
            estimator.probabilities(&scores, &mut found);
            let odds = |class: usize| (f64::from(scores[class]) / 0.5 + estimate.biases[class]).exp();
            let sum: f64 = (0..3).map(odds).sum();
            for (class, probability) in found.into_iter().enumerate() {
                prop_assert!((f64::from(probability) - odds(class) / sum).abs() < 1e-4);
            }
        }

        /// A model that was adapted to another mix has the estimating probabilities of the trained one.
        #[test]
        fn moved_intercepts_change_nothing(scores in prop::collection::vec(-8f32..8.0, 3)) {
            let (trained, moved) = ([0.1, -0.2, 0.3], [0.9, -1.3, 0.3]);
            let mut expected = [0.0; 3];
            estimate().estimator(&trained, &trained).probabilities(&scores, &mut expected);
            let shifted: Vec<f32> = (0..3).map(|class| scores[class] + moved[class] - trained[class]).collect();
            let mut found = [0.0; 3];
            estimate().estimator(&moved, &trained).probabilities(&shifted, &mut found);
            for (found, expected) in found.into_iter().zip(expected) {
                prop_assert!((found - expected).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn extreme_numbers_give_probabilities() {
        let extreme = Estimate {
            temperature: 1e-6,
            biases: vec![1e4, -1e4],
        };
        assert_eq!(extreme.check(2), Ok(()));
        let mut found = [0.0; 2];
        for scores in [[1e12, -1e12], [0.0, 0.0], [-1e12, 1e12]] {
            extreme
                .estimator(&[1e9, -1e9], &[-1e9, 1e9])
                .probabilities(&scores, &mut found);
            assert!(
                found.iter().all(|p| (0.0..=1.0).contains(p)) && found[0] + found[1] > 0.99,
                "{found:?}"
            );
        }
    }

    #[test]
    fn unusable_numbers() {
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e7] {
            let unusable = Estimate {
                temperature,
                ..estimate()
            };
            assert!(unusable.check(3).unwrap_err().contains("temperature"));
        }
        assert!(estimate().check(2).unwrap_err().contains("3 biases for 2 classes"));
        let unusable = Estimate {
            biases: vec![0.0, f64::NAN, 0.0],
            ..estimate()
        };
        assert!(unusable.check(3).unwrap_err().contains("not a number"));
    }
}
