//! Orders terms by frequency.
//!
//! Columns are in byte order, which spreads the few thousand terms with most of the entries over all of a solver's
//! weights. With the frequent terms first, most look-ups hit the processor's nearer caches. The order of a row's
//! entries does not change, so no sum changes either: a solver finds the same weights to the bit.

use complaint_model::sparse::CsrMatrix;

use super::Coefficients;

/// Numbers terms by how many rows contain them, most frequent first. Equally frequent terms keep their column order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrequencyOrder {
    /// The new number of each column.
    ranks: Vec<u32>,
}

impl FrequencyOrder {
    /// The order of a matrix's columns.
    pub fn of(rows: &CsrMatrix) -> Self {
        let mut counts = vec![0_u32; rows.cols];
        rows.indices.iter().for_each(|&term| counts[term as usize] += 1);
        let mut order: Vec<u32> = (0..rows.cols as u32).collect();
        order.sort_by_key(|&term| std::cmp::Reverse(counts[term as usize]));
        let mut ranks = vec![0; rows.cols];
        for (rank, term) in (0..).zip(order) {
            ranks[term as usize] = rank;
        }
        Self { ranks }
    }

    /// Renumbers the columns in place. Afterwards the columns of a row no longer ascend.
    ///
    /// # Panics
    /// If the number of columns differs from that of the matrix that the order was made from.
    pub fn renumber(&self, rows: &mut CsrMatrix) {
        rows.indices
            .iter_mut()
            .for_each(|term| *term = self.ranks[*term as usize]);
    }

    /// Puts weights that were learned from renumbered rows back into column order.
    ///
    /// # Panics
    /// If the weights have fewer columns.
    pub fn restore(&self, found: Coefficients) -> Coefficients {
        let classes = found.bias.len();
        let mut weights = Vec::with_capacity(found.weights.len());
        for &rank in &self.ranks {
            weights.extend_from_slice(&found.weights[rank as usize * classes..][..classes]);
        }
        Coefficients {
            weights,
            bias: found.bias,
        }
    }
}

#[cfg(test)]
mod tests {
    use complaint_contract::{ClassWeight, Loss};

    use super::*;
    use crate::config::Estimator;
    use crate::solve::estimator::fit;
    use crate::solve::{Effort, Problem};

    #[test]
    fn a_solver_finds_the_same_weights_in_either_order() {
        let rows = CsrMatrix::from_rows(
            4,
            (0..40_u32).map(|row| {
                let term = if row % 3 == 0 { 2 } else { row % 2 };
                [(term, 1.0 + row as f32 / 50.0), (3, 0.5)]
            }),
        );
        let labels: Vec<u32> = (0..40).map(|row| row % 3).collect();
        let order = FrequencyOrder::of(&rows);
        assert_eq!(order.ranks[3], 0, "the column that every row has comes first");
        let mut renumbered = rows.clone();
        order.renumber(&mut renumbered);
        let (c, class_weight) = (1.0, ClassWeight::Balanced);
        for estimator in [
            Estimator::LinearSvm {
                c,
                class_weight,
                loss: Loss::SquaredHinge,
            },
            Estimator::LogisticRegression { c, class_weight },
            Estimator::ComplementNaiveBayes { alpha: 0.5 },
        ] {
            let found = |rows| {
                let problem = Problem {
                    rows,
                    dense: 0,
                    labels: &labels,
                    classes: 3,
                };
                fit(problem, estimator, Effort::fit(1)).unwrap()
            };
            assert_eq!(order.restore(found(&renumbered)), found(&rows), "{estimator}");
        }
    }
}
