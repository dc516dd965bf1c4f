//! Complement naive Bayes (Rennie, Shih, Teevan & Karger 2003, "Tackling the poor assumptions of naive Bayes text
//! classifiers"), without their length normalisation of the weights, as scikit-learn's `ComplementNB` by default.
//!
//! A class's weight of a term is minus the logarithm of the term's share in all *other* classes, so a rare class has as
//! much evidence as a frequent one.

use super::{Coefficients, NotFinite, Problem};

/// Fits with additive smoothing `alpha` > 0.
///
/// # Errors
/// [`NotFinite`].
pub fn fit(problem: Problem<'_>, alpha: f64) -> Result<Coefficients, NotFinite> {
    let (classes, terms) = (problem.classes, problem.rows.cols);
    let mut counts = vec![0.0_f32; terms * classes];
    for (row, &label) in problem.labels.iter().enumerate() {
        let (indices, values) = problem.rows.row(row);
        for (&term, &value) in indices.iter().zip(values) {
            counts[term as usize * classes + label as usize] += value;
        }
    }
    let mut complement_sums = vec![0.0_f64; classes];
    for term in counts.chunks_exact(classes) {
        let all: f64 = term.iter().map(|&count| f64::from(count)).sum();
        for (sum, &own) in complement_sums.iter_mut().zip(term) {
            *sum += all - f64::from(own) + alpha;
        }
    }
    for term in counts.chunks_exact_mut(classes) {
        let all: f64 = term.iter().map(|&count| f64::from(count)).sum();
        for (count, sum) in term.iter_mut().zip(&complement_sums) {
            *count = -((all - f64::from(*count) + alpha) / sum).ln() as f32;
        }
    }
    Coefficients {
        weights: counts,
        bias: vec![0.0; classes],
    }
    .checked()
}
