//! Algorithms with the values to try.

use complaint_model::report::{Algorithm, ClassWeight, Loss};
use serde::{Deserialize, Serialize};

use super::Estimator;

/// One algorithm with the values to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Candidate {
    /// The algorithm; [`Algorithm::Ensemble`] is none that can be tried.
    pub algorithm: Algorithm,
    /// Values to try; a parameter that is left out keeps its default.
    #[serde(default)]
    pub grid: Grid,
}

/// Values a parameter may take. An absent list means the parameter's default: `C` 1, `alpha` 1, `classWeight` none, `loss`
/// squaredHinge.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grid {
    /// Inverse strength of the penalty, as in scikit-learn and LIBLINEAR: it multiplies the sum of the rows' losses.
    #[serde(rename = "C", default, skip_serializing_if = "Vec::is_empty")]
    pub c: Vec<f64>,
    /// Additive smoothing of naive Bayes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alpha: Vec<f64>,
    /// Class weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_weight: Vec<ClassWeight>,
    /// Losses of the linear support vector machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loss: Vec<Loss>,
}

/// The parameters of [`Grid`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    C,
    Alpha,
    ClassWeight,
    Loss,
}

/// The parameters that an algorithm has.
pub(crate) fn parameters_of(algorithm: Algorithm) -> &'static [Parameter] {
    match algorithm {
        Algorithm::LogisticRegression => &[Parameter::C, Parameter::ClassWeight],
        Algorithm::LinearSvm => &[Parameter::C, Parameter::ClassWeight, Parameter::Loss],
        Algorithm::NbSvm => &[Parameter::C, Parameter::ClassWeight, Parameter::Alpha],
        Algorithm::ComplementNaiveBayes | Algorithm::MultinomialNaiveBayes => &[Parameter::Alpha],
        Algorithm::Ensemble => &[],
    }
}

impl Candidate {
    /// The grid's points: class weights and losses outside, penalties inside in ascending order, so that neighbours in a
    /// row are neighbours on the regularisation path.
    pub fn estimators(&self) -> Vec<Estimator> {
        let mut c = or_default(&self.grid.c, 1.0);
        c.sort_by(f64::total_cmp);
        let alphas = or_default(&self.grid.alpha, 1.0);
        let weights = or_default(&self.grid.class_weight, ClassWeight::None);
        let losses = or_default(&self.grid.loss, Loss::SquaredHinge);
        match self.algorithm {
            Algorithm::LogisticRegression => cross(&weights, &c)
                .map(|(class_weight, c)| Estimator::LogisticRegression { c, class_weight })
                .collect(),
            Algorithm::LinearSvm => losses
                .iter()
                .flat_map(|&loss| {
                    cross(&weights, &c).map(move |(class_weight, c)| Estimator::LinearSvm { c, class_weight, loss })
                })
                .collect(),
            Algorithm::NbSvm => alphas
                .iter()
                .flat_map(|&alpha| {
                    cross(&weights, &c).map(move |(class_weight, c)| Estimator::NbSvm { c, class_weight, alpha })
                })
                .collect(),
            Algorithm::ComplementNaiveBayes => alphas
                .into_iter()
                .map(|alpha| Estimator::ComplementNaiveBayes { alpha })
                .collect(),
            Algorithm::MultinomialNaiveBayes => alphas
                .into_iter()
                .map(|alpha| Estimator::MultinomialNaiveBayes { alpha })
                .collect(),
            Algorithm::Ensemble => Vec::new(),
        }
    }
}

fn or_default<T: Copy>(values: &[T], default: T) -> Vec<T> {
    if values.is_empty() {
        vec![default]
    } else {
        values.to_vec()
    }
}

/// All pairs, the second part running faster.
fn cross<'v, A: Copy, B: Copy>(outer: &'v [A], inner: &'v [B]) -> impl Iterator<Item = (A, B)> + 'v {
    outer.iter().flat_map(move |&a| inner.iter().map(move |&b| (a, b)))
}
