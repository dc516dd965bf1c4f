//! The vector instructions of the support vector machine's inner loops.
//!
//! Programs are built for any processor of their architecture, but most of the time of a search is spent in two loops, so these
//! are compiled for several sets of instructions, and the processor that runs them decides. Neither the order of the additions nor
//! the rounding of a product depends on the set, so all of them give the same bits: a test compares them. Logistic regression stays
//! with the set that every processor has: with a better one, a training with eight classes took 40 % longer.

use fearless_simd::Level;

/// The best set that this processor has.
pub(super) fn best() -> Level {
    Level::new()
}

/// The set that every processor of this architecture has.
#[cfg(test)]
pub(super) fn least() -> Level {
    Level::baseline()
}

#[cfg(test)]
mod tests {
    use complaint_contract::{ClassWeight, Loss};
    use complaint_model::sparse::CsrMatrix;

    use super::*;
    use crate::rng::Rng;
    use crate::solve::svm::SvmProblem;
    use crate::solve::svm_group::{GroupSolver, Plain, Scaled};
    use crate::solve::{Effort, Problem};

    /// Rows that are not separable, of these classes.
    fn rows(classes: usize) -> (CsrMatrix, Vec<u32>) {
        let mut rng = Rng::new(1, 3);
        let labels: Vec<u32> = (0..400).map(|row| row % classes as u32).collect();
        let rows = labels.iter().map(|&label| {
            let leaning = |term: &u32| rng.below(10) < if term % classes as u32 == label { 4 } else { 2 };
            let terms: Vec<u32> = (0..70).filter(leaning).collect();
            terms.into_iter().map(|term| (term, 0.1 + term as f32 / 60.0))
        });
        (CsrMatrix::from_rows(70, rows), labels)
    }

    #[test]
    fn all_sets_of_instructions_give_the_same_bits() {
        for classes in [3, 9, 30] {
            let (rows, labels) = rows(classes);
            let problem = Problem {
                rows: &rows,
                dense: 0,
                labels: &labels,
                classes,
            };
            let effort = Effort::fit(1);
            let svm = SvmProblem::new(problem, ClassWeight::Balanced, Loss::SquaredHinge);
            let machines = |level| {
                let mut found = Vec::new();
                let plain = GroupSolver::new(&svm, 0..3, vec![Plain::<4>::ZERO; rows.cols], 1);
                let scaled = Scaled::<4>::terms(rows.cols, 0..3, |class| vec![0.5 + class as f32; rows.cols]);
                let scaled = GroupSolver::new(&svm, 0..3, scaled, 1);
                plain
                    .with(level)
                    .solve_path(&[0.1, 3.0], effort, |_, separators| found.push(separators.clone()))
                    .unwrap();
                scaled
                    .with(level)
                    .solve_path(&[0.1, 3.0], effort, |_, separators| found.push(separators.clone()))
                    .unwrap();
                found
            };
            assert_eq!(machines(best()), machines(least()), "{classes} classes");
        }
    }
}
