//! Linear models over sparse rows.
//!
//! smartcore has no sparse matrices, and its L-BFGS keeps twenty dense copies of the weights (144 MB at 100,000 terms
//! and nine classes) and touches all of them on each step. So the solvers here are dual coordinate methods, which need
//! one copy and touch a row's terms only; `tests/solvers.rs` shows that they agree with smartcore's optimiser over the
//! same objective and with scikit-learn.

pub mod estimator;
pub mod logistic;
mod logistic_step;
pub mod naive_bayes;
pub mod nb_svm;
pub mod order;
pub mod svm;
mod svm_group;
mod svm_step;
mod visits;

use complaint_model::report::ClassWeight;
use complaint_model::sparse::CsrMatrix;

/// Rows with their classes.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// One row a document.
    pub rows: &'a CsrMatrix,
    /// The class of each row, below `classes`.
    pub labels: &'a [u32],
    /// Number of classes; some may have no row.
    pub classes: usize,
}

/// When a solver stops, and the order in which it visits rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Relative accuracy: the duality gap over the objective for logistic regression; the violation of the optimality
    /// conditions for the support vector machine.
    pub tolerance: f64,
    /// Passes over the rows at most.
    pub max_passes: usize,
    /// Seed of the order.
    pub seed: u64,
}

impl Effort {
    /// Enough to rank trials: a tighter search changes no fold score by more than the folds' noise.
    pub fn search(seed: u64) -> Self {
        Self {
            tolerance: 5e-3,
            max_passes: 300,
            seed,
        }
    }

    /// Enough to choose members of an average by: it is made of differences of a thousandth, which the order of visits would
    /// decide otherwise.
    pub fn average(seed: u64) -> Self {
        Self {
            tolerance: 2e-3,
            max_passes: 300,
            seed,
        }
    }

    /// For the model that is kept: for the support vector machine half of LIBLINEAR's own tolerance. On the CFPB data no
    /// answer differs from those at a fifth of it.
    pub fn fit(seed: u64) -> Self {
        Self {
            tolerance: 1e-3,
            max_passes: 1000,
            seed,
        }
    }
}

/// Weights of a fitted model, feature-major: the weights of one term for all classes are adjacent.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// `terms × classes`.
    pub weights: Vec<f32>,
    /// One a class.
    pub bias: Vec<f32>,
}

/// A fit that ended in numbers that are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fit did not stay finite; a smaller C, or other features, may help")]
pub struct NotFinite;

impl Coefficients {
    /// Scores of each row and class, `rows × classes`, row after row.
    pub fn scores(&self, rows: &CsrMatrix) -> Vec<f32> {
        let classes = self.bias.len();
        let mut scores = Vec::with_capacity(rows.rows * classes);
        for row in 0..rows.rows {
            let start = scores.len();
            scores.extend_from_slice(&self.bias);
            let out = &mut scores[start..];
            let (indices, values) = rows.row(row);
            for (&term, &value) in indices.iter().zip(values) {
                let term = term as usize * classes;
                for (score, weight) in out.iter_mut().zip(&self.weights[term..term + classes]) {
                    *score += value * weight;
                }
            }
        }
        scores
    }

    /// Refuses infinite and undefined numbers.
    ///
    /// # Errors
    /// [`NotFinite`].
    pub fn checked(self) -> Result<Self, NotFinite> {
        let finite = self.weights.iter().chain(&self.bias).all(|weight| weight.is_finite());
        if finite { Ok(self) } else { Err(NotFinite) }
    }
}

/// How much a row of each class counts: 1, or rows / (classes × rows of the class), as in scikit-learn. A class without
/// rows counts 1.
pub fn class_weights(labels: &[u32], classes: usize, kind: ClassWeight) -> Vec<f64> {
    match kind {
        ClassWeight::None => vec![1.0; classes],
        ClassWeight::Balanced => {
            let mut counts = vec![0_usize; classes];
            labels.iter().for_each(|&label| counts[label as usize] += 1);
            let present = counts.iter().filter(|count| **count > 0).count();
            counts
                .iter()
                .map(|&count| {
                    if count == 0 {
                        1.0
                    } else {
                        labels.len() as f64 / (present * count) as f64
                    }
                })
                .collect()
        }
    }
}

/// Squared Euclidean length of each row.
fn squared_lengths(rows: &CsrMatrix) -> Vec<f32> {
    (0..rows.rows)
        .map(|row| rows.row(row).1.iter().map(|value| value * value).sum())
        .collect()
}
