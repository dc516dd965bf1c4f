//! Linear models over sparse rows.
//!
//! smartcore has no sparse matrices, and its L-BFGS keeps twenty dense copies of the weights (144 MB at 100,000 terms
//! and nine classes) and touches all of them on each step. The solvers here are dual coordinate methods: they need one
//! copy and touch only a row's terms. `tests/solvers.rs` shows that they agree with scikit-learn, and with smartcore's
//! optimiser on the same objective.

mod aligned;
pub mod estimator;
pub mod logistic;
mod logistic_step;
pub mod naive_bayes;
pub mod nb_svm;
pub mod order;
pub mod svm;
mod svm_group;
mod svm_step;
mod vectors;
mod visits;

use complaint_contract::ClassWeight;
use complaint_model::sparse::CsrMatrix;

/// Rows with their classes.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// One row per document.
    pub rows: &'a CsrMatrix,
    /// How many of the last columns are no terms, but numbers of a block of word vectors: they may be negative, and a row has all
    /// of them or none.
    pub dense: usize,
    /// The class of each row, below `classes`.
    pub labels: &'a [u32],
    /// Number of classes. Some may have no row.
    pub classes: usize,
}

impl Problem<'_> {
    /// Number of columns that are terms. They come first.
    pub(crate) fn terms(&self) -> usize {
        self.rows.cols - self.dense
    }
}

/// When a solver stops, and the seed for the order of its visits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Relative accuracy. For logistic regression: the duality gap divided by the objective. For the support vector
    /// machine: the violation of the optimality conditions.
    pub tolerance: f64,
    /// Maximum number of passes over the rows.
    pub max_passes: usize,
    /// Seed of the order.
    pub seed: u64,
}

impl Effort {
    /// Accurate enough to rank trials. With a tenth of this tolerance, the mean macro-F1 of a trial's folds (four data sets, six trials
    /// each) differs by .001 on average and by .004 at most, while its own standard error is .002 to .016.
    pub fn search(seed: u64) -> Self {
        Self {
            tolerance: 1e-2,
            max_passes: 300,
            seed,
        }
    }

    /// Accurate enough to choose the members of an average. The choice depends on differences of a thousandth, which
    /// the order of visits would otherwise decide.
    pub fn average(seed: u64) -> Self {
        Self {
            tolerance: 2e-3,
            max_passes: 300,
            seed,
        }
    }

    /// Accurate enough for the final model. For the support vector machine it is half of LIBLINEAR's own tolerance. On
    /// the CFPB data, a fifth of it changes no answer.
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
    /// One per class.
    pub bias: Vec<f32>,
}

/// The fitted weights are infinite or undefined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fit gave infinite or undefined weights; try a smaller C or other features")]
pub struct NotFinite;

impl Coefficients {
    /// Scores of each row and class, `rows × classes`, row by row.
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

    /// Returns the weights if all of them are finite.
    ///
    /// # Errors
    /// [`NotFinite`].
    pub fn checked(self) -> Result<Self, NotFinite> {
        let finite = self.weights.iter().chain(&self.bias).all(|weight| weight.is_finite());
        if finite { Ok(self) } else { Err(NotFinite) }
    }
}

/// The weight of each class's rows: 1, or rows / (classes × rows of the class), as in scikit-learn. A class without
/// rows has weight 1.
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
