//! One-vs-rest linear support vector machines.
//!
//! Each class minimises ½‖w‖² + ½b² + Σᵢ cᵢ·ℓ(1 − tᵢ(w·xᵢ + b)), tᵢ = ±1, with ℓ(d) = max(0, d)² (squared hinge) or
//! max(0, d) (hinge), as scikit-learn's `LinearSVC` does (the intercept is a penalised constant feature). The method is
//! dual coordinate descent with shrinking: Hsieh, Chang, Lin, Keerthi & Sundararajan 2008, "A dual coordinate descent
//! method for large-scale linear SVM", algorithm 3.
//!
//! Classes are independent of each other, but all of them read the same rows, and reading rows takes most of the time.
//! So one task learns several classes at once ([`groups`]) and reads each row once for all of them.

use std::ops::Range;

use complaint_contract::{ClassWeight, Loss};

use super::svm_group::{GroupSolver, Terms};
use super::{Coefficients, Effort, NotFinite, Problem, class_weights};

/// Maximum number of classes in a group: their weights of one term fill one vector register of AVX2. With more, threads
/// share fewer tasks, and the weights no longer fit the nearer caches.
const GROUP: usize = 8;

/// Data that all classes of a problem share.
pub struct SvmProblem<'a> {
    pub(super) problem: Problem<'a>,
    pub(super) loss: Loss,
    class_weights: Vec<f64>,
}

/// The separators of a group of classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Separators {
    /// The group's weights and intercepts, in the order of its classes.
    pub coefficients: Coefficients,
    /// Number of row visits so far, summed over all penalties of the path.
    pub visits: usize,
}

impl<'a> SvmProblem<'a> {
    /// Prepares a problem.
    pub fn new(problem: Problem<'a>, class_weight: ClassWeight, loss: Loss) -> Self {
        Self {
            class_weights: class_weights(problem.labels, problem.classes, class_weight),
            loss,
            problem,
        }
    }

    /// Fits a group of at most eight classes for each `C` of an ascending path. Each fit starts at the previous
    /// solution. `take` gets all separators.
    ///
    /// # Errors
    /// [`NotFinite`].
    ///
    /// # Panics
    /// If the group has more than eight classes.
    pub fn solve_path(
        &self,
        group: Range<u32>,
        path: &[f64],
        effort: Effort,
        take: impl FnMut(usize, &Separators),
    ) -> Result<(), NotFinite> {
        let terms = self.problem.rows.cols;
        let seed = effort.seed;
        match lanes(&group) {
            1 => GroupSolver::new(self, group, Terms::<1, 1>::plain(terms), seed).solve_path(path, effort, take),
            4 => GroupSolver::new(self, group, Terms::<4, 4>::plain(terms), seed).solve_path(path, effort, take),
            _ => GroupSolver::new(self, group, Terms::<8, 8>::plain(terms), seed).solve_path(path, effort, take),
        }
    }

    /// [`Self::solve_path`] over terms that each class multiplies by its own factors, `factors(class)`. The separators
    /// apply to the original rows: a class's weights already include its factors.
    pub(super) fn solve_scaled_path(
        &self,
        group: Range<u32>,
        factors: impl Fn(u32) -> Vec<f32>,
        path: &[f64],
        effort: Effort,
        take: impl FnMut(usize, &Separators),
    ) -> Result<(), NotFinite> {
        let terms = self.problem.rows.cols;
        let (seed, classes) = (effort.seed, group.clone());
        match lanes(&group) {
            1 => GroupSolver::new(self, group, Terms::<1, 2>::scaled(terms, classes, factors), seed)
                .solve_path(path, effort, take),
            4 => GroupSolver::new(self, group, Terms::<4, 8>::scaled(terms, classes, factors), seed)
                .solve_path(path, effort, take),
            _ => GroupSolver::new(self, group, Terms::<8, 16>::scaled(terms, classes, factors), seed)
                .solve_path(path, effort, take),
        }
    }

    /// LIBLINEAR's costs: the class's own rows have its weight, the others have 1 (with two classes, each row has the
    /// weight of its own class).
    pub(super) fn cost(&self, class: u32, label: u32) -> f64 {
        if label == class || self.problem.classes == 2 {
            self.class_weights[label as usize]
        } else {
            1.0
        }
    }
}

/// The number of lanes for a group's classes: a vector register is full, or there is one class.
fn lanes(group: &Range<u32>) -> usize {
    match group.len() {
        0 | 1 => 1,
        2..=4 => 4,
        classes => {
            assert!(classes <= GROUP, "{classes} classes in a group");
            GROUP
        }
    }
}

/// Number of separators for `classes` classes. Two classes need only one.
fn separators(classes: usize) -> u32 {
    if classes == 2 { 1 } else { classes as u32 }
}

/// The classes that are learned together: as few groups as possible, of about equal size. The larger ones come first, so that
/// threads that take them in turn end at about the same time.
pub fn groups(classes: usize) -> Vec<Range<u32>> {
    let separators = separators(classes);
    let groups = separators.div_ceil(GROUP as u32);
    (0..groups)
        .map(|group| (group * separators).div_ceil(groups)..((group + 1) * separators).div_ceil(groups))
        .collect()
}

/// Fits all classes at one `C`, on all threads.
///
/// # Errors
/// [`NotFinite`].
pub fn fit(
    problem: Problem<'_>,
    c: f64,
    class_weight: ClassWeight,
    loss: Loss,
    effort: Effort,
) -> Result<Coefficients, NotFinite> {
    let svm = SvmProblem::new(problem, class_weight, loss);
    fit_groups(problem, |group, take| svm.solve_path(group, &[c], effort, take))
}

/// Solves for each group, on all threads, and joins the last separators of each.
pub(super) fn fit_groups(
    problem: Problem<'_>,
    solve: impl Fn(Range<u32>, &mut dyn FnMut(usize, &Separators)) -> Result<(), NotFinite> + Sync + Send,
) -> Result<Coefficients, NotFinite> {
    use rayon::prelude::*;
    let found = groups(problem.classes)
        .into_par_iter()
        .map(|group| {
            let mut found = None;
            solve(group, &mut |_, separators| {
                found = Some(separators.coefficients.clone())
            })?;
            found.ok_or(NotFinite)
        })
        .collect::<Result<Vec<_>, _>>()?;
    join(&found, problem).checked()
}

/// Joins the coefficients of all groups. With two classes there is a single separator: the first class gets it, the
/// second gets its negative.
fn join(groups: &[Coefficients], problem: Problem<'_>) -> Coefficients {
    if problem.classes == 2 {
        let both = |values: &[f32]| values.iter().flat_map(|&value| [value, -value]).collect();
        return Coefficients {
            weights: both(&groups[0].weights),
            bias: both(&groups[0].bias),
        };
    }
    let mut weights = Vec::with_capacity(problem.rows.cols * problem.classes);
    for term in 0..problem.rows.cols {
        for group in groups {
            let classes = group.bias.len();
            weights.extend_from_slice(&group.weights[term * classes..][..classes]);
        }
    }
    Coefficients {
        weights,
        bias: groups.iter().flat_map(|group| group.bias.iter().copied()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use complaint_model::sparse::CsrMatrix;

    use super::*;
    use crate::rng::Rng;

    const CLASSES: usize = 9;
    const PATH: [f64; 3] = [0.1, 1.0, 10.0];
    const EXACT: Effort = Effort {
        tolerance: 1e-6,
        max_passes: 100_000,
        seed: 1,
    };

    /// Rows whose terms tend to belong to their class and that are not quite separable.
    fn rows() -> (CsrMatrix, Vec<u32>) {
        let mut rng = Rng::new(1, 2);
        let labels: Vec<u32> = (0..300).map(|row| row % CLASSES as u32).collect();
        let rows = CsrMatrix::from_rows(
            40,
            labels.iter().map(|&label| {
                let leaning = |term: &u32| rng.below(10) < if term % CLASSES as u32 == label { 4 } else { 1 };
                let terms: Vec<u32> = (0..40).filter(leaning).collect();
                terms.into_iter().map(|term| (term, 0.2 + term as f32 / 50.0))
            }),
        );
        (rows, labels)
    }

    #[test]
    fn groups_are_balanced_and_hold_each_class_once() {
        assert_eq!(groups(2).first(), Some(&(0..1)));
        assert_eq!((groups(8).len(), groups(8).first()), (1, Some(&(0..8))));
        assert_eq!(groups(9), [0..5, 5..9]);
        assert_eq!(groups(17), [0..6, 6..12, 12..17]);
        for classes in 3..200_usize {
            let groups = groups(classes);
            assert!(groups.iter().all(|group| (2..=GROUP).contains(&group.len())));
            assert!(groups.into_iter().flatten().eq(0..classes as u32));
        }
    }

    #[test]
    fn a_group_finds_what_each_class_finds_alone() {
        let (rows, labels) = rows();
        let problem = Problem {
            rows: &rows,
            dense: 0,
            labels: &labels,
            classes: CLASSES,
        };
        for (loss, class_weight) in [
            (Loss::SquaredHinge, ClassWeight::None),
            (Loss::SquaredHinge, ClassWeight::Balanced),
            (Loss::Hinge, ClassWeight::None),
        ] {
            let svm = SvmProblem::new(problem, class_weight, loss);
            let path = |group: Range<u32>| {
                let mut found = Vec::new();
                svm.solve_path(group, &PATH, EXACT, |_, separators| {
                    found.push(separators.coefficients.clone());
                })
                .unwrap();
                found
            };
            let together = path(2..8);
            for class in 2..8 {
                for ((c, together), alone) in PATH.into_iter().zip(&together).zip(path(class..class + 1)) {
                    let value = |found: &Coefficients, lane| objective(&svm, class, c, found, lane);
                    let (ours, theirs) = (value(together, class as usize - 2), value(&alone, 0));
                    assert!(
                        (ours - theirs).abs() <= 1e-4 * theirs,
                        "{loss:?} {class_weight:?} C={c} class {class}: {ours}, alone {theirs}"
                    );
                }
            }
        }
    }

    /// The objective of a class, at the separator in this lane of its group.
    fn objective(svm: &SvmProblem<'_>, class: u32, c: f64, found: &Coefficients, lane: usize) -> f64 {
        let width = found.bias.len();
        let weights = found.weights.iter().skip(lane).step_by(width);
        let penalty: f64 = weights
            .chain([&found.bias[lane]])
            .map(|&weight| 0.5 * f64::from(weight).powi(2))
            .sum();
        let scores = found.scores(svm.problem.rows);
        let scores = scores.iter().skip(lane).step_by(width);
        let losses = scores.zip(svm.problem.labels).map(|(&score, &label)| {
            let sign = if label == class { 1.0 } else { -1.0 };
            let missing = (1.0 - sign * f64::from(score)).max(0.0);
            let loss = match svm.loss {
                Loss::SquaredHinge => missing * missing,
                Loss::Hinge => missing,
            };
            c * svm.cost(class, label) * loss
        });
        penalty + losses.sum::<f64>()
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (rows, labels) = rows();
        let problem = Problem {
            rows: &rows,
            dense: 0,
            labels: &labels,
            classes: CLASSES,
        };
        let found = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(problem, 1.0, ClassWeight::Balanced, Loss::SquaredHinge, Effort::fit(1)).unwrap())
        };
        let one = found(1);
        assert_eq!(one.bias.len(), CLASSES);
        assert_eq!(one, found(5));
    }
}
