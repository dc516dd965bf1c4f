//! The classifier: one weight per term and class, and the calibration from scores to probabilities.

use serde::{Deserialize, Serialize};

/// A linear classifier over `terms` columns and `labels.len()` classes.
///
/// The score of class `c` for a row `x` is `bias[c] + Σ x[t] · weights[t · classes + c]`. Weights are feature-major:
/// the weights of one term for all classes are adjacent, so a text touches one run of memory per term. A two-class
/// model has two scores too.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearModel {
    /// The class names, in score order.
    pub labels: Vec<String>,
    /// `terms × labels.len()` weights, term after term.
    pub weights: Vec<f32>,
    /// One bias per class.
    pub bias: Vec<f32>,
}

impl LinearModel {
    /// Number of classes.
    #[inline]
    pub fn classes(&self) -> usize {
        self.bias.len()
    }

    /// Number of terms (columns).
    pub fn terms(&self) -> usize {
        if self.bias.is_empty() {
            0
        } else {
            self.weights.len() / self.bias.len()
        }
    }

    /// The weights of `term`, one per class.
    ///
    /// # Panics
    /// If `term` is not below [`LinearModel::terms`].
    #[inline]
    pub fn term_weights(&self, term: u32) -> &[f32] {
        let start = term as usize * self.classes();
        &self.weights[start..start + self.classes()]
    }

    /// Writes the score of each class for one row into `scores`. It adds in the order of `indices`, so equal rows give
    /// equal bits.
    ///
    /// # Panics
    /// If `scores` does not have one entry per class, or a column is not below [`LinearModel::terms`].
    pub fn decide(&self, indices: &[u32], values: &[f32], scores: &mut [f32]) {
        scores.copy_from_slice(&self.bias);
        for (&term, &value) in indices.iter().zip(values) {
            for (score, weight) in scores.iter_mut().zip(self.term_weights(term)) {
                *score += value * weight;
            }
        }
    }
}

/// The class with the highest score. If several are equal, the first of them. 0 for an empty slice.
#[inline]
pub fn argmax(scores: &[f32]) -> usize {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best
}

/// Turns scores into probabilities without ever changing which class wins.
///
/// The first step is softmax over `scores / temperature` (Guo et al. 2017, "On calibration of modern neural networks").
/// For logistic regression, temperature 1 gives the model's own probability. If `top` is present, the second step is a
/// monotone map of the winner's probability. The others share the rest and stay below the winner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Calibration {
    /// Divides the scores; finite and above 0.
    pub temperature: f64,
    /// The map of the winner's probability.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub top: Option<MonotoneMap>,
}

/// A monotone piecewise linear map from [0, 1] to [0, 1]. It is constant outside its first and last point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MonotoneMap {
    /// Strictly ascending inputs.
    pub from: Vec<f64>,
    /// Outputs, never descending, as many as inputs.
    pub to: Vec<f64>,
}

/// A calibration that can't be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalibrationError {
    /// The temperature is not a positive finite number.
    #[error("the calibration's temperature is {0}; it must be a finite number above 0")]
    Temperature(String),
    /// The map is not monotone, or has too many points.
    #[error("the calibration's map has {points} points; it must be monotone within 0 to 1 and have 1 to 10000 points")]
    Map {
        /// The number of inputs.
        points: usize,
    },
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top: None,
        }
    }
}

impl MonotoneMap {
    /// The map's value at `p`.
    pub fn apply(&self, p: f64) -> f64 {
        let above = self.from.partition_point(|&x| x <= p);
        if above == 0 {
            return self.to.first().copied().unwrap_or(p);
        }
        if above == self.from.len() {
            return self.to[above - 1];
        }
        let (x0, x1) = (self.from[above - 1], self.from[above]);
        let (y0, y1) = (self.to[above - 1], self.to[above]);
        y0 + (y1 - y0) * ((p - x0) / (x1 - x0))
    }

    fn is_valid(&self) -> bool {
        let unit = |v: &f64| (0.0..=1.0).contains(v);
        (1..=10_000).contains(&self.from.len())
            && self.from.len() == self.to.len()
            && self.from.iter().all(unit)
            && self.to.iter().all(unit)
            && self.from.windows(2).all(|w| w[0] < w[1])
            && self.to.windows(2).all(|w| w[0] <= w[1])
    }
}

/// Odds below this have too few digits left for scaling.
const NEGLIGIBLE: f64 = 1e-290;

impl Calibration {
    /// Checks that the numbers are usable.
    ///
    /// # Errors
    /// A temperature that is not positive and finite; a map that is not monotone within 0 to 1.
    pub fn validate(&self) -> Result<(), CalibrationError> {
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(CalibrationError::Temperature(self.temperature.to_string()));
        }
        match &self.top {
            Some(map) if !map.is_valid() => Err(CalibrationError::Map { points: map.from.len() }),
            _ => Ok(()),
        }
    }

    /// Writes the probabilities of `scores` into `probabilities` and returns the winning class, which is always
    /// [`argmax`] of the scores. Probabilities sum to 1, and none is above the winner's.
    ///
    /// # Panics
    /// If the slices differ in length or are empty.
    pub fn probabilities(&self, scores: &[f32], probabilities: &mut [f32]) -> usize {
        assert_eq!(scores.len(), probabilities.len());
        let top = argmax(scores);
        let highest = f64::from(scores[top]);
        let odds = |score: f32| ((f64::from(score) - highest) / self.temperature).exp();
        // The winner's own odds are exp(0) = 1. The odds of the rest are summed without it: next to the 1, small odds
        // would lose their digits, and `scale` below divides by them.
        let (mut rest, mut second) = (0.0, 0.0_f64);
        for (class, &score) in scores.iter().enumerate() {
            if class != top {
                rest += odds(score);
                second = second.max(odds(score));
            }
        }
        // With odds this small the others get no probability.
        if rest < NEGLIGIBLE {
            rest = 0.0;
        }
        let winner = 1.0 / (1.0 + rest);
        let mapped = self.top.as_ref().map_or(winner, |map| map.apply(winner));
        // Below this, the rescaled runner-up would overtake the winner.
        let floor = if rest > 0.0 { second / (second + rest) } else { 1.0 };
        let winner = mapped.max(floor) as f32;
        let scale = if rest > 0.0 {
            (1.0 - f64::from(winner)) / rest
        } else {
            0.0
        };
        for (&score, p) in scores.iter().zip(probabilities.iter_mut()) {
            *p = ((odds(score) * scale) as f32).min(winner);
        }
        probabilities[top] = winner;
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_map() -> impl Strategy<Value = MonotoneMap> {
        prop::collection::btree_map(0u32..1000, 0.0f64..=1.0, 1..8).prop_map(|points| {
            let mut to: Vec<f64> = points.values().copied().collect();
            to.sort_by(f64::total_cmp);
            MonotoneMap {
                from: points.keys().map(|&x| f64::from(x) / 1000.0).collect(),
                to,
            }
        })
    }

    proptest! {
        #[test]
        fn calibration_never_changes_the_answer(
            scores in prop::collection::vec(-50f32..50.0, 2..12),
            temperature in 0.01f64..100.0,
            top in prop::option::of(any_map()),
        ) {
            let calibration = Calibration { temperature, top };
            prop_assert_eq!(calibration.validate(), Ok(()));
            let mut probabilities = vec![0.0; scores.len()];
            let class = calibration.probabilities(&scores, &mut probabilities);
            prop_assert_eq!(class, argmax(&scores));
            prop_assert!(probabilities.iter().all(|p| (0.0..=probabilities[class]).contains(p)));
            prop_assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{probabilities:?}");
        }
    }

    #[test]
    fn softmax_and_map() {
        let mut p = [0.0; 3];
        assert_eq!(
            Calibration::default().probabilities(&[0.0, f32::ln(3.0), 0.0], &mut p),
            1
        );
        assert!((p[1] - 0.6).abs() < 1e-6 && (p[0] - 0.2).abs() < 1e-6);
        let top = Some(MonotoneMap {
            from: vec![0.5, 0.7],
            to: vec![0.7, 0.9],
        });
        Calibration { temperature: 1.0, top }.probabilities(&[0.0, f32::ln(3.0), 0.0], &mut p);
        assert!((p[1] - 0.8).abs() < 1e-6 && (p[0] - 0.1).abs() < 1e-6);
    }

    #[test]
    fn unusable_calibrations() {
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Calibration { temperature, top: None }.validate().is_err());
        }
        for (from, to) in [
            (vec![], vec![]),
            (vec![0.1, 0.1], vec![0.1, 0.2]),
            (vec![0.1, 0.2], vec![0.3, 0.2]),
        ] {
            assert!(
                Calibration {
                    temperature: 1.0,
                    top: Some(MonotoneMap { from, to })
                }
                .validate()
                .is_err()
            );
        }
    }
}
