//! Support vector machines over terms weighted by naive Bayes (Wang & Manning 2012, "Baselines and bigrams: simple, good
//! sentiment and topic classification").
//!
//! For each class, a term's value is multiplied by a log ratio r: the term's share among the class's rows compared with
//! its share among the others (with additive smoothing; a term counts once per row). A separator w is learned over the
//! products. Weights r ∘ w over the original values give the same scores, so the result is an ordinary linear model. Columns that
//! are no terms keep their values: they have no share.

use std::ops::Range;

use complaint_contract::{ClassWeight, Loss};

use super::svm::{Separators, SvmProblem, fit_groups};
use super::{Coefficients, Effort, NotFinite, Problem};

/// The number of rows of each class that contain each term.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCounts {
    /// One number per term, class by class.
    of_class: Vec<f32>,
    /// All classes together.
    of_all: Vec<f32>,
    /// Number of columns after the terms.
    dense: usize,
}

impl ClassCounts {
    /// Counts the rows of a problem.
    pub fn of(problem: Problem<'_>) -> Self {
        let terms = problem.terms();
        let mut counts = Self {
            of_class: vec![0.0; terms * problem.classes],
            of_all: vec![0.0; terms],
            dense: problem.dense,
        };
        for (row, &label) in problem.labels.iter().enumerate() {
            let columns = problem.rows.row(row).0.iter();
            for &term in columns.filter(|&&column| (column as usize) < terms) {
                counts.of_class[label as usize * terms + term as usize] += 1.0;
                counts.of_all[term as usize] += 1.0;
            }
        }
        counts
    }

    /// `ln((p / ‖p‖₁) / (q / ‖q‖₁))` of each term, p of the class, q of all others, both plus `alpha`; 1 for each column that is no
    /// term.
    fn log_ratios(&self, class: u32, alpha: f64) -> Vec<f32> {
        let terms = self.of_all.len();
        let own = &self.of_class[class as usize * terms..][..terms];
        let smoothed = || {
            own.iter().zip(&self.of_all).map(|(&own, &all)| {
                let (own, all) = (f64::from(own), f64::from(all));
                (own + alpha, all - own + alpha)
            })
        };
        let (sum_p, sum_q) = smoothed().fold((0.0, 0.0), |(p_sum, q_sum), (p, q)| (p_sum + p, q_sum + q));
        let level = (sum_q / sum_p).ln();
        let ratios = smoothed().map(|(p, q)| ((p / q).ln() + level) as f32);
        ratios.chain(std::iter::repeat_n(1.0, self.dense)).collect()
    }
}

/// Data that all classes of a problem share.
pub struct NbSvmProblem<'a> {
    svm: SvmProblem<'a>,
    counts: &'a ClassCounts,
    alpha: f64,
}

impl<'a> NbSvmProblem<'a> {
    /// Prepares a problem with this smoothing. `counts` must be those of the problem's rows.
    pub fn new(problem: Problem<'a>, counts: &'a ClassCounts, class_weight: ClassWeight, alpha: f64) -> Self {
        Self {
            svm: SvmProblem::new(problem, class_weight, Loss::SquaredHinge),
            counts,
            alpha,
        }
    }

    /// Fits a group of classes for each `C` of an ascending path, like [`SvmProblem::solve_path`]. The separators apply
    /// to the original rows.
    ///
    /// # Errors
    /// [`NotFinite`].
    pub fn solve_path(
        &self,
        group: Range<u32>,
        path: &[f64],
        effort: Effort,
        take: impl FnMut(usize, &Separators),
    ) -> Result<(), NotFinite> {
        let ratios = |class| self.counts.log_ratios(class, self.alpha);
        self.svm.solve_scaled_path(group, ratios, path, effort, take)
    }
}

/// Fits all classes at one `C`, on all threads.
///
/// # Errors
/// [`NotFinite`].
pub fn fit(
    problem: Problem<'_>,
    c: f64,
    class_weight: ClassWeight,
    alpha: f64,
    effort: Effort,
) -> Result<Coefficients, NotFinite> {
    let counts = ClassCounts::of(problem);
    let svm = NbSvmProblem::new(problem, &counts, class_weight, alpha);
    fit_groups(problem, |group, take| svm.solve_path(group, &[c], effort, take))
}

#[cfg(test)]
mod tests {
    use complaint_model::sparse::CsrMatrix;

    use super::*;
    use crate::solve::svm;

    #[test]
    fn the_separators_are_those_of_the_weighted_rows() {
        let rows = CsrMatrix::from_rows(
            6,
            (0..60_u32).map(|row| {
                let odd = if row % 7 == 0 { 2 } else { row % 3 };
                [(odd, 1.0 + row as f32 / 90.0), (3 + row % 2, 0.5), (5, 0.3)]
            }),
        );
        let labels: Vec<u32> = (0..60).map(|row| row % 3).collect();
        let problem = Problem {
            rows: &rows,
            dense: 0,
            labels: &labels,
            classes: 3,
        };
        let counts = ClassCounts::of(problem);
        let (c, class_weight, alpha) = (1.0, ClassWeight::Balanced, 0.5);
        let effort = Effort {
            tolerance: 1e-6,
            ..Effort::fit(1)
        };
        let found = fit(problem, c, class_weight, alpha, effort).unwrap();
        for class in 0..3_u32 {
            let ratios = counts.log_ratios(class, alpha);
            let mut weighted = rows.clone();
            for (value, &term) in weighted.values.iter_mut().zip(&weighted.indices) {
                *value *= ratios[term as usize];
            }
            let weighted = Problem {
                rows: &weighted,
                ..problem
            };
            let expected = svm::fit(weighted, c, class_weight, Loss::SquaredHinge, effort).unwrap();
            let own = class as usize;
            for (term, ratio) in ratios.iter().enumerate() {
                let (ours, theirs) = (found.weights[term * 3 + own], expected.weights[term * 3 + own] * ratio);
                assert!(
                    (ours - theirs).abs() < 1e-3,
                    "class {class} term {term}: {ours}, {theirs}"
                );
            }
            assert!((found.bias[own] - expected.bias[own]).abs() < 1e-3, "class {class}");
        }
    }
}
