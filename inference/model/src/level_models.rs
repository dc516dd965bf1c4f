//! The scores of a model's coarser levels, and how all levels make the probabilities of the classes.
//!
//! Each level has a linear model of its own. The coarsest gives the probabilities of its categories; each finer one the probabilities of
//! categories below the same category, given that one. The probability of a class is the product along its path, so that of
//! a coarser category is the sum over its classes, and is as good as if there were no finer level.
//!
//! A class's score is the logarithm of that product, so that everything that reads scores can go on doing so.

use std::ops::Range;

use crate::levels::Levels;
use crate::model::{Calibration, LinearModel, argmax};

/// Probabilities below this are rounded up to it before a logarithm is taken.
const LEAST_PROBABILITY: f32 = 1e-30;

/// The models of the levels above the finest.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelModels {
    levels: Levels,
    /// The categories of all coarser levels, level after level.
    model: LinearModel,
    /// One per coarser level.
    calibrations: Vec<Calibration>,
}

impl LevelModels {
    /// Puts the models of the coarser levels together, the coarsest first, each with its calibration.
    ///
    /// # Panics
    /// If there is not one per level, or they differ in their terms.
    pub fn new(levels: Levels, models: Vec<(LinearModel, Calibration)>) -> Self {
        assert_eq!(models.len(), levels.coarser().len());
        let terms = models[0].0.terms();
        let mut weights = Vec::new();
        for term in 0..terms as u32 {
            models
                .iter()
                .for_each(|(model, _)| weights.extend(model.term_weights(term)));
        }
        let (models, calibrations): (Vec<LinearModel>, Vec<Calibration>) = models.into_iter().unzip();
        assert!(models.iter().all(|model| model.terms() == terms));
        Self {
            levels,
            model: LinearModel {
                labels: models.iter().flat_map(|model| model.labels.clone()).collect(),
                bias: models.into_iter().flat_map(|model| model.bias).collect(),
                weights,
            },
            calibrations,
        }
    }

    /// The parts of a file.
    pub(crate) fn from_parts(
        levels: Levels,
        weights: Vec<f32>,
        bias: Vec<f32>,
        calibrations: Vec<Calibration>,
    ) -> Self {
        let labels = levels
            .coarser()
            .flat_map(|(_, level)| level.categories().to_vec())
            .collect();
        Self {
            levels,
            model: LinearModel { labels, weights, bias },
            calibrations,
        }
    }

    /// The levels.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// One linear model of all coarser levels' categories, level after level.
    pub fn model(&self) -> &LinearModel {
        &self.model
    }

    /// The calibration of each coarser level.
    pub fn calibrations(&self) -> &[Calibration] {
        &self.calibrations
    }

    /// The same without calibrations.
    pub fn without_calibrations(&self) -> Self {
        Self {
            calibrations: vec![Calibration::default(); self.calibrations.len()],
            ..self.clone()
        }
    }

    /// Turns the `scores` of the finest level's model into those of classes. `coarser` holds the scores of [`LevelModels::model`], and
    /// ends with the logarithms of probabilities.
    pub(crate) fn join(
        &self,
        scores: &mut [f32],
        coarser: &mut [f32],
        calibration: &Calibration,
        buffer: &mut Vec<f32>,
    ) {
        let mut rest = coarser;
        let mut above: &[f32] = &[0.0];
        for ((_, level), calibration) in self.levels.coarser().zip(&self.calibrations) {
            let (own, after) = rest.split_at_mut(level.categories().len());
            condition(own, level.siblings(), above, calibration, buffer);
            (above, rest) = (own, after);
        }
        condition(scores, self.levels.siblings(), above, calibration, buffer);
    }

    /// The level at which the paths of two classes part, with both categories as places in [`LevelModels::model`]. `None` if it is
    /// the finest.
    pub fn parting(&self, class: usize, other: usize) -> Option<(&str, [usize; 2])> {
        let mut first = 0;
        for (name, level) in self.levels.coarser() {
            let [own, others] = [class, other].map(|class| level.of_class()[class] as usize);
            if own != others {
                return Some((name, [first + own, first + others]));
            }
            first += level.categories().len();
        }
        None
    }
}

/// Turns the scores of one level's categories into logarithms of probabilities. `groups` are categories below the same category, whose
/// logarithm of a probability stands in `above`. The calibration is for several categories to choose from.
pub fn condition(
    scores: &mut [f32],
    groups: &[Range<usize>],
    above: &[f32],
    calibration: &Calibration,
    buffer: &mut Vec<f32>,
) {
    for (group, above) in groups.iter().zip(above) {
        let own = &mut scores[group.clone()];
        if own.len() == 1 {
            own[0] = *above;
            continue;
        }
        buffer.clear();
        buffer.resize(own.len(), 0.0);
        calibration.probabilities(own, buffer);
        for (score, probability) in own.iter_mut().zip(&*buffer) {
            *score = above + probability.max(LEAST_PROBABILITY).ln();
        }
    }
}

/// Writes the probabilities of classes' scores, and returns the answer.
///
/// # Panics
/// If the slices differ in length or are empty.
pub fn probabilities(levels: &Levels, scores: &[f32], probabilities: &mut [f32]) -> usize {
    assert_eq!(scores.len(), probabilities.len());
    let highest = scores[argmax(scores)];
    let mut sum = 0.0;
    for (probability, score) in probabilities.iter_mut().zip(scores) {
        *probability = (score - highest).exp();
        sum += *probability;
    }
    probabilities.iter_mut().for_each(|probability| *probability /= sum);
    levels.answer(probabilities)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_coarser_category_is_as_probable_as_its_own_model_says() {
        let labels = strings(&["Card > Fees", "Card > Theft", "Loan"]);
        let levels = Levels::new(&strings(&["product", "issue"]), &labels).unwrap();
        let ln = f32::ln;
        let product = LinearModel {
            labels: strings(&["Card", "Loan"]),
            weights: vec![0.0, 0.0],
            bias: vec![ln(3.0), 0.0],
        };
        let models = LevelModels::new(levels, vec![(product, Calibration::default())]);
        // The score of Loan does not matter: there is nothing else below it.
        let (mut scores, mut coarser) = ([ln(9.0), 0.0, 50.0], models.model().bias.clone());
        let calibration = Calibration {
            temperature: 2.0,
            top: None,
        };
        models.join(&mut scores, &mut coarser, &calibration, &mut Vec::new());
        let mut found = [0.0; 3];
        let answer = probabilities(models.levels(), &scores, &mut found);
        assert_eq!(answer, 0);
        for (found, expected) in found.iter().zip([0.75 * 0.75, 0.75 * 0.25, 0.25]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(models.parting(0, 1), None);
        assert_eq!(models.parting(1, 2), Some(("product", [0, 1])));
    }
}
