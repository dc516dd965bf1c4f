//! The vector instructions of the solvers' inner loops.
//!
//! Programs are built for any processor of their architecture, but most of the time of a search is spent in two loops, so these
//! are compiled for several sets of instructions, and the processor that runs them decides. Neither the order of the additions nor
//! the rounding of a product depends on the set, so all of them give the same bits: a test compares them.

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
    use std::ops::Range;

    use complaint_contract::{ClassWeight, Loss};
    use complaint_model::sparse::CsrMatrix;

    use super::*;
    use crate::rng::Rng;
    use crate::solve::logistic::LogisticPath;
    use crate::solve::svm::{Separators, SvmProblem};
    use crate::solve::svm_group::{GroupSolver, Terms};
    use crate::solve::{Effort, Problem};

    const PATH: [f64; 2] = [0.1, 3.0];

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

    /// The separators of these classes, with `S` lanes, first over plain terms, then over terms of `N` numbers with factors.
    fn with_lanes<const S: usize, const N: usize>(
        svm: &SvmProblem<'_>,
        group: Range<u32>,
        effort: Effort,
        level: Level,
    ) -> Vec<Separators> {
        let terms = svm.problem.rows.cols;
        let mut found = Vec::new();
        let plain = Terms::<S, S>::plain(terms);
        GroupSolver::new(svm, group.clone(), plain, 1)
            .with(level)
            .solve_path(&PATH, effort, |_, separators| found.push(separators.clone()))
            .unwrap();
        let factors = |class| vec![0.5 + class as f32; terms];
        let scaled = Terms::<S, N>::scaled(terms, group.clone(), factors);
        GroupSolver::new(svm, group, scaled, 1)
            .with(level)
            .solve_path(&PATH, effort, |_, separators| found.push(separators.clone()))
            .unwrap();
        found
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
                found.extend(with_lanes::<1, 2>(&svm, 0..1, effort, level));
                found.extend(with_lanes::<4, 8>(&svm, 0..3, effort, level));
                found.extend(with_lanes::<8, 16>(&svm, 0..classes.min(8) as u32, effort, level));
                found
            };
            assert_eq!(machines(best()), machines(least()), "{classes} classes");
            let regression = |level| {
                let mut path = LogisticPath::new(problem, ClassWeight::Balanced, 1).with(level);
                PATH.map(|c| path.solve(c, effort).unwrap())
            };
            assert_eq!(regression(best()), regression(least()), "{classes} classes");
        }
    }
}
