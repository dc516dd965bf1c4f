//! Support vector machines over terms weighted by naive Bayes (Wang & Manning 2012, "Baselines and bigrams: simple, good
//! sentiment and topic classification").
//!
//! For each class, a term's value is multiplied by the log ratio r of its share among the class's rows and among the
//! others (with additive smoothing, terms counted once a row), and a separator w is learned over the products. Weights
//! r ∘ w over the values as they were give the same scores, so the result is an ordinary linear model.

use complaint_model::report::{ClassWeight, Loss};
use complaint_model::sparse::CsrMatrix;

use super::svm::{Separator, SvmProblem, fit_classes};
use super::{Coefficients, Effort, NotFinite, Problem};

/// In how many rows of each class each term stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCounts {
    /// Class after class, one number a term.
    of_class: Vec<f32>,
    /// All classes together.
    of_all: Vec<f32>,
}

impl ClassCounts {
    /// Counts the rows of a problem.
    pub fn of(problem: Problem<'_>) -> Self {
        let terms = problem.rows.cols;
        let mut counts = Self {
            of_class: vec![0.0; terms * problem.classes],
            of_all: vec![0.0; terms],
        };
        for (row, &label) in problem.labels.iter().enumerate() {
            for &term in problem.rows.row(row).0 {
                counts.of_class[label as usize * terms + term as usize] += 1.0;
                counts.of_all[term as usize] += 1.0;
            }
        }
        counts
    }

    /// `ln((p / ‖p‖₁) / (q / ‖q‖₁))` of each term, p of the class, q of all others, both plus `alpha`.
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
        smoothed().map(|(p, q)| ((p / q).ln() + level) as f32).collect()
    }

    /// The rows of the problem that was counted, each term times its ratio for `class`.
    pub fn weigh(&self, problem: Problem<'_>, class: u32, alpha: f64) -> WeightedRows {
        let ratios = self.log_ratios(class, alpha);
        let mut rows: CsrMatrix = problem.rows.clone();
        for (value, &term) in rows.values.iter_mut().zip(&rows.indices) {
            *value *= ratios[term as usize];
        }
        WeightedRows { rows, ratios, class }
    }
}

/// Rows weighted for one class.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedRows {
    rows: CsrMatrix,
    ratios: Vec<f32>,
    class: u32,
}

impl WeightedRows {
    /// Fits the class for each `C` of an ascending path, as [`SvmProblem::solve_path`] does; the separators are those of
    /// the rows as they were.
    ///
    /// # Errors
    /// [`NotFinite`].
    pub fn solve_path(
        &self,
        problem: Problem<'_>,
        class_weight: ClassWeight,
        path: &[f64],
        effort: Effort,
        mut take: impl FnMut(usize, &Separator),
    ) -> Result<(), NotFinite> {
        let weighted = Problem {
            rows: &self.rows,
            ..problem
        };
        SvmProblem::new(weighted, class_weight, Loss::SquaredHinge).solve_path(
            self.class,
            path,
            effort,
            |index, separator| {
                let mut unweighted = separator.clone();
                for (weight, ratio) in unweighted.weights.iter_mut().zip(&self.ratios) {
                    *weight *= ratio;
                }
                take(index, &unweighted);
            },
        )
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
    fit_classes(problem, |class, take| {
        let rows = counts.weigh(problem, class, alpha);
        rows.solve_path(problem, class_weight, &[c], effort, take)
    })
}
