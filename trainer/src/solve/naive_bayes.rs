//! Naive Bayes over weighted terms.
//!
//! - Complement naive Bayes (Rennie, Shih, Teevan & Karger 2003, "Tackling the poor assumptions of naive Bayes text
//!   classifiers"). Like scikit-learn's default `ComplementNB`, it leaves out their length normalisation of the weights.
//!   A class's weight of a term is minus the logarithm of the term's share in all *other* classes, so a rare class has
//!   as much evidence as a frequent one.
//! - Multinomial naive Bayes (McCallum & Nigam 1998), like scikit-learn's `MultinomialNB`: the logarithm of the term's
//!   share in the class, with the class's share of the rows as intercept.
//!
//! Both count. Columns that are no counts of terms, but numbers of word vectors, get no weight.

use super::{Coefficients, NotFinite, Problem};

/// Row count of a class without rows.
const NEXT_TO_NONE: f64 = 1e-10;

/// Fits complement naive Bayes with additive smoothing `alpha` > 0.
///
/// # Errors
/// [`NotFinite`].
pub fn complement(problem: Problem<'_>, alpha: f64) -> Result<Coefficients, NotFinite> {
    let classes = problem.classes;
    let mut counts = counts(problem);
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
        weights: with_dense(counts, problem),
        bias: vec![0.0; classes],
    }
    .checked()
}

/// Fits multinomial naive Bayes with additive smoothing `alpha` > 0.
///
/// # Errors
/// [`NotFinite`].
pub fn multinomial(problem: Problem<'_>, alpha: f64) -> Result<Coefficients, NotFinite> {
    let classes = problem.classes;
    let mut counts = counts(problem);
    let mut sums = vec![0.0_f64; classes];
    for term in counts.chunks_exact(classes) {
        for (sum, &count) in sums.iter_mut().zip(term) {
            *sum += f64::from(count) + alpha;
        }
    }
    for term in counts.chunks_exact_mut(classes) {
        for (count, sum) in term.iter_mut().zip(&sums) {
            *count = ((f64::from(*count) + alpha) / sum).ln() as f32;
        }
    }
    let mut rows = vec![0.0_f64; classes];
    problem.labels.iter().for_each(|&label| rows[label as usize] += 1.0);
    let all = problem.labels.len() as f64;
    Coefficients {
        weights: with_dense(counts, problem),
        bias: rows
            .iter()
            .map(|&own| (own.max(NEXT_TO_NONE) / all).ln() as f32)
            .collect(),
    }
    .checked()
}

/// The weights of all columns from those of the terms.
fn with_dense(mut weights: Vec<f32>, problem: Problem<'_>) -> Vec<f32> {
    weights.resize(problem.rows.cols * problem.classes, 0.0);
    weights
}

/// The sum of each term's values over the rows of each class, `terms × classes`.
fn counts(problem: Problem<'_>) -> Vec<f32> {
    let (classes, terms) = (problem.classes, problem.terms());
    let mut counts = vec![0.0_f32; terms * classes];
    for (row, &label) in problem.labels.iter().enumerate() {
        let (indices, values) = problem.rows.row(row);
        let entries = indices.iter().zip(values);
        for (&term, &value) in entries.filter(|(term, _)| (**term as usize) < terms) {
            counts[term as usize * classes + label as usize] += value;
        }
    }
    counts
}
