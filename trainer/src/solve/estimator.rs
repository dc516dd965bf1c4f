//! Fits any of the algorithms.

use super::logistic::LogisticPath;
use super::{Coefficients, Effort, NotFinite, Problem, naive_bayes, nb_svm, svm};
use crate::config::Estimator;

/// Fits one estimator.
///
/// # Errors
/// [`NotFinite`].
pub fn fit(problem: Problem<'_>, estimator: Estimator, effort: Effort) -> Result<Coefficients, NotFinite> {
    match estimator {
        Estimator::LogisticRegression { c, class_weight } => {
            LogisticPath::new(problem, class_weight, effort.seed).solve(c, effort)
        }
        Estimator::LinearSvm { c, class_weight, loss } => svm::fit(problem, c, class_weight, loss, effort),
        Estimator::NbSvm { c, class_weight, alpha } => nb_svm::fit(problem, c, class_weight, alpha, effort),
        Estimator::ComplementNaiveBayes { alpha } => naive_bayes::complement(problem, alpha),
        Estimator::MultinomialNaiveBayes { alpha } => naive_bayes::multinomial(problem, alpha),
    }
}
