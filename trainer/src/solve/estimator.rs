//! One estimator for all algorithms, behind smartcore's traits: what the search fits, and what a user of the library
//! can put wherever smartcore takes an estimator.

use complaint_model::model::argmax;
use complaint_model::sparse::CsrMatrix;
use smartcore::api::{Predictor, SupervisedEstimator};
use smartcore::error::Failed;

use super::logistic::LogisticPath;
use super::{Coefficients, Effort, NotFinite, Problem, naive_bayes, nb_svm, svm};
use crate::config::Estimator;

/// What [`LinearClassifier`] is fitted with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitParameters {
    /// Algorithm and its parameters.
    pub estimator: Estimator,
    /// When the solver stops.
    pub effort: Effort,
    /// Number of classes; labels are below it.
    pub classes: usize,
}

/// A linear classifier over sparse rows.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearClassifier {
    coefficients: Coefficients,
}

impl LinearClassifier {
    /// The fitted weights.
    pub fn coefficients(&self) -> &Coefficients {
        &self.coefficients
    }

    /// Takes the fitted weights out.
    pub fn into_coefficients(self) -> Coefficients {
        self.coefficients
    }
}

/// Fits one estimator.
///
/// # Errors
/// [`NotFinite`].
pub fn fit(problem: Problem<'_>, parameters: &FitParameters) -> Result<Coefficients, NotFinite> {
    let effort = parameters.effort;
    match parameters.estimator {
        Estimator::LogisticRegression { c, class_weight } => {
            LogisticPath::new(problem, class_weight, effort.seed).solve(c, effort)
        }
        Estimator::LinearSvm { c, class_weight, loss } => svm::fit(problem, c, class_weight, loss, effort),
        Estimator::NbSvm { c, class_weight, alpha } => nb_svm::fit(problem, c, class_weight, alpha, effort),
        Estimator::ComplementNaiveBayes { alpha } => naive_bayes::complement(problem, alpha),
        Estimator::MultinomialNaiveBayes { alpha } => naive_bayes::multinomial(problem, alpha),
    }
}

impl SupervisedEstimator<CsrMatrix, Vec<u32>, FitParameters> for LinearClassifier {
    fn new() -> Self {
        Self {
            coefficients: Coefficients {
                weights: Vec::new(),
                bias: Vec::new(),
            },
        }
    }

    fn fit(rows: &CsrMatrix, labels: &Vec<u32>, parameters: FitParameters) -> Result<Self, Failed> {
        if rows.rows != labels.len() || labels.iter().any(|&label| label as usize >= parameters.classes) {
            return Err(Failed::fit("every row needs one label below the number of classes"));
        }
        let problem = Problem {
            rows,
            labels,
            classes: parameters.classes,
        };
        let coefficients = fit(problem, &parameters).map_err(|error| Failed::fit(&error.to_string()))?;
        Ok(Self { coefficients })
    }
}

impl Predictor<CsrMatrix, Vec<u32>> for LinearClassifier {
    fn predict(&self, rows: &CsrMatrix) -> Result<Vec<u32>, Failed> {
        let classes = self.coefficients.bias.len();
        if classes == 0 {
            return Err(Failed::predict("the classifier is not fitted"));
        }
        Ok(self
            .coefficients
            .scores(rows)
            .chunks_exact(classes)
            .map(|scores| argmax(scores) as u32)
            .collect())
    }
}
