//! The estimators of a candidate's grid.

use complaint_contract::{Algorithm, Candidate, ClassWeight, Loss};

use super::Estimator;

/// The points of the grid. `C` varies fastest, in ascending order, so that consecutive estimators are neighbours on the
/// regularisation path. An absent list means the parameter's default: `C` 1, `alpha` 1, `classWeight` None, `loss`
/// SquaredHinge.
pub fn estimators(candidate: &Candidate) -> Vec<Estimator> {
    let grid = &candidate.grid;
    let mut c = or_default(&grid.c, 1.0);
    c.sort_by(f64::total_cmp);
    let alphas = or_default(&grid.alpha, 1.0);
    let weights = or_default(&grid.class_weight, ClassWeight::None);
    let losses = or_default(&grid.loss, Loss::SquaredHinge);
    match candidate.algorithm {
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

fn or_default<T: Copy>(values: &[T], default: T) -> Vec<T> {
    if values.is_empty() {
        vec![default]
    } else {
        values.to_vec()
    }
}

/// All pairs. The second part varies faster.
fn cross<'v, A: Copy, B: Copy>(outer: &'v [A], inner: &'v [B]) -> impl Iterator<Item = (A, B)> + 'v {
    outer.iter().flat_map(move |&a| inner.iter().map(move |&b| (a, b)))
}
