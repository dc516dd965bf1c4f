//! One-vs-rest linear support vector machines.
//!
//! Each class minimises ½‖w‖² + ½b² + Σᵢ cᵢ·ℓ(1 − tᵢ(w·xᵢ + b)), tᵢ = ±1, with ℓ(d) = max(0, d)² (squared hinge) or
//! max(0, d) (hinge), as scikit-learn's `LinearSVC` does (the intercept is a penalised constant feature). Dual coordinate
//! descent with shrinking: Hsieh, Chang, Lin, Keerthi & Sundararajan 2008, "A dual coordinate descent method for
//! large-scale linear SVM", algorithm 3. Classes are independent, so each is a task of its own.

use complaint_model::report::{ClassWeight, Loss};
use complaint_model::sparse::CsrMatrix;

use super::visits::visiting_order;
use super::{Coefficients, Effort, NotFinite, Problem, class_weights, squared_lengths};
use crate::rng::Rng;

/// Violations under this are noise of single precision: a smaller tolerance would never be met, and rows that left the
/// active set would never be looked at again.
const SINGLE_PRECISION: f64 = 5e-5;
/// After so many passes w is summed up anew from the dual variables.
const PASSES_BETWEEN_SUMS: usize = 50;

/// What all classes of a problem share.
pub struct SvmProblem<'a> {
    problem: Problem<'a>,
    lengths: Vec<f32>,
    class_weights: Vec<f64>,
    loss: Loss,
}

/// The separator of one class.
#[derive(Debug, Clone)]
pub struct Separator {
    /// One weight a term.
    pub weights: Vec<f32>,
    /// The intercept.
    pub bias: f32,
    /// Row visits that it took, all penalties of the path so far together.
    pub visits: usize,
}

impl Separator {
    /// w·x + b of each row.
    pub fn scores(&self, rows: &CsrMatrix) -> Vec<f32> {
        (0..rows.rows).map(|row| self.decide(rows, row)).collect()
    }

    /// Four sums at once, so that the additions do not wait for each other.
    #[inline]
    fn decide(&self, rows: &CsrMatrix, row: usize) -> f32 {
        let (indices, values) = rows.row(row);
        let weights = self.weights.as_slice();
        let (indices4, indices_rest) = indices.as_chunks::<4>();
        let (values4, values_rest) = values.as_chunks::<4>();
        let mut sums = [0.0_f32; 4];
        for (indices, values) in indices4.iter().zip(values4) {
            for lane in 0..4 {
                sums[lane] += values[lane] * weights[indices[lane] as usize];
            }
        }
        let rest: f32 = indices_rest
            .iter()
            .zip(values_rest)
            .map(|(&term, value)| value * weights[term as usize])
            .sum();
        (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest + self.bias
    }
}

impl<'a> SvmProblem<'a> {
    /// Prepares a problem.
    pub fn new(problem: Problem<'a>, class_weight: ClassWeight, loss: Loss) -> Self {
        Self {
            lengths: squared_lengths(problem.rows),
            class_weights: class_weights(problem.labels, problem.classes, class_weight),
            loss,
            problem,
        }
    }

    /// Fits one class for each `C` of an ascending path, each fit beginning at the last one's solution, and hands every
    /// separator over.
    ///
    /// # Errors
    /// [`NotFinite`].
    pub fn solve_path(
        &self,
        class: u32,
        path: &[f64],
        effort: Effort,
        mut take: impl FnMut(usize, &Separator),
    ) -> Result<(), NotFinite> {
        let mut solver = ClassSolver::new(self, class, effort.seed);
        for (index, &c) in path.iter().enumerate() {
            solver.solve(c, effort);
            if !solver.separator.weights.iter().all(|weight| weight.is_finite()) {
                return Err(NotFinite);
            }
            take(index, &solver.separator);
        }
        Ok(())
    }

    /// LIBLINEAR's costs: the class's own rows count with its weight, the rest with 1 (with two classes each with its own).
    fn cost(&self, class: u32, label: u32) -> f64 {
        if label == class || self.problem.classes == 2 {
            self.class_weights[label as usize]
        } else {
            1.0
        }
    }
}

/// Separators to learn for so many classes: with two, one tells both apart.
pub fn separators(classes: usize) -> u32 {
    if classes == 2 { 1 } else { classes as u32 }
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
    fit_classes(problem, |class, take| svm.solve_path(class, &[c], effort, take))
}

/// Solves for each class, on all threads, and joins the last separators that `solve` hands over.
pub(super) fn fit_classes(
    problem: Problem<'_>,
    solve: impl Fn(u32, &mut dyn FnMut(usize, &Separator)) -> Result<(), NotFinite> + Sync + Send,
) -> Result<Coefficients, NotFinite> {
    use rayon::prelude::*;
    let found = (0..separators(problem.classes))
        .into_par_iter()
        .map(|class| {
            let mut found = None;
            solve(class, &mut |_, separator| found = Some(separator.clone()))?;
            found.ok_or(NotFinite)
        })
        .collect::<Result<Vec<_>, _>>()?;
    join(&found, problem.rows.cols).checked()
}

/// Separators as feature-major coefficients; a single one stands for two classes, the first with it, the second against.
fn join(separators: &[Separator], terms: usize) -> Coefficients {
    if let [only] = separators {
        return Coefficients {
            weights: only.weights.iter().flat_map(|&weight| [weight, -weight]).collect(),
            bias: vec![only.bias, -only.bias],
        };
    }
    let mut weights = Vec::with_capacity(terms * separators.len());
    for term in 0..terms {
        weights.extend(separators.iter().map(|separator| separator.weights[term]));
    }
    Coefficients {
        weights,
        bias: separators.iter().map(|separator| separator.bias).collect(),
    }
}

/// What the loss says of the rows of one label.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Greatest dual variable: cᵢ for the hinge, none for the squared hinge.
    upper: f32,
    /// Added to the Hessian's diagonal: 1 / (2 cᵢ) for the squared hinge.
    ridge: f32,
}

impl Step {
    fn new(loss: Loss, cost: f64) -> Self {
        match loss {
            Loss::SquaredHinge => Self {
                upper: f32::INFINITY,
                ridge: (0.5 / cost) as f32,
            },
            Loss::Hinge => Self {
                upper: cost as f32,
                ridge: 0.0,
            },
        }
    }

    /// The gradient as far as the dual variable can follow it.
    #[inline]
    fn projected(self, dual: f32, gradient: f32) -> f32 {
        if dual == 0.0 {
            gradient.min(0.0)
        } else if dual == self.upper {
            gradient.max(0.0)
        } else {
            gradient
        }
    }
}

/// The greatest and the least projected gradient of a pass; the next one's bounds for leaving the active set.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    highest: f32,
    lowest: f32,
}

impl Bounds {
    /// No row leaves.
    const OPEN: Self = Self {
        highest: f32::INFINITY,
        lowest: f32::NEG_INFINITY,
    };
    /// Nothing seen yet.
    const CLOSED: Self = Self {
        highest: f32::NEG_INFINITY,
        lowest: f32::INFINITY,
    };

    fn open_where_settled(self) -> Self {
        Self {
            highest: if self.highest > 0.0 {
                self.highest
            } else {
                f32::INFINITY
            },
            lowest: if self.lowest < 0.0 {
                self.lowest
            } else {
                f32::NEG_INFINITY
            },
        }
    }
}

struct ClassSolver<'s, 'a> {
    svm: &'s SvmProblem<'a>,
    class: u32,
    rng: Rng,
    duals: Vec<f32>,
    separator: Separator,
}

impl<'s, 'a> ClassSolver<'s, 'a> {
    fn new(svm: &'s SvmProblem<'a>, class: u32, seed: u64) -> Self {
        let rows = svm.problem.rows;
        Self {
            svm,
            class,
            rng: Rng::new(seed, 0x7376_6d00 + u64::from(class)),
            duals: vec![0.0; rows.rows],
            separator: Separator {
                weights: vec![0.0; rows.cols],
                bias: 0.0,
                visits: 0,
            },
        }
    }

    fn solve(&mut self, c: f64, effort: Effort) {
        let labels = self.svm.problem.labels;
        let steps: Vec<Step> = (0..self.svm.problem.classes as u32)
            .map(|label| Step::new(self.svm.loss, c * self.svm.cost(self.class, label)))
            .collect();
        let tolerance = (effort.tolerance * 50.0).max(SINGLE_PRECISION) as f32;
        let mut active: Vec<u32> = (0..labels.len() as u32).collect();
        let mut left = vec![false; labels.len()];
        let mut order = Vec::new();
        let mut bounds = Bounds::OPEN;
        for pass in 1..=effort.max_passes {
            if pass % PASSES_BETWEEN_SUMS == 0 {
                self.sum_up();
            }
            visiting_order(&active, &mut self.rng, &mut order);
            self.separator.visits += order.len();
            let mut seen = Bounds::CLOSED;
            let mut leaving = 0;
            for &visited in &order {
                let row = visited as usize;
                let label = labels[row];
                let sign = if label == self.class { 1.0 } else { -1.0 };
                let step = steps[label as usize];
                let dual = self.duals[row];
                let gradient = sign * self.separator.decide(self.svm.problem.rows, row) - 1.0 + dual * step.ridge;
                // A row at an end whose gradient pushes it further out will hardly come back: it leaves the active set.
                if (dual == 0.0 && gradient > bounds.highest) || (dual == step.upper && gradient < bounds.lowest) {
                    left[row] = true;
                    leaving += 1;
                    continue;
                }
                let projected = step.projected(dual, gradient);
                seen.highest = seen.highest.max(projected);
                seen.lowest = seen.lowest.min(projected);
                if projected.abs() > 1e-12 {
                    let next = (dual - gradient / (self.svm.lengths[row] + 1.0 + step.ridge)).clamp(0.0, step.upper);
                    self.duals[row] = next;
                    self.add(row, (next - dual) * sign);
                }
            }
            if leaving > 0 {
                active.retain(|&row| !left[row as usize]);
            }
            if seen.highest - seen.lowest <= tolerance {
                if active.len() == labels.len() {
                    break;
                }
                // Optimal for the active rows: look at all of them once more.
                self.sum_up();
                active = (0..labels.len() as u32).collect();
                left.fill(false);
                bounds = Bounds::OPEN;
                continue;
            }
            bounds = seen.open_where_settled();
        }
    }

    /// Computes w = Σ αᵢ tᵢ xᵢ anew, in double precision: the rounding errors of many small steps add up.
    fn sum_up(&mut self) {
        let mut weights = vec![0.0_f64; self.separator.weights.len()];
        let mut bias = 0.0_f64;
        for (row, &dual) in self.duals.iter().enumerate().filter(|(_, dual)| **dual > 0.0) {
            let amount = if self.svm.problem.labels[row] == self.class {
                f64::from(dual)
            } else {
                -f64::from(dual)
            };
            let (indices, values) = self.svm.problem.rows.row(row);
            for (&term, &value) in indices.iter().zip(values) {
                weights[term as usize] += amount * f64::from(value);
            }
            bias += amount;
        }
        self.separator
            .weights
            .iter_mut()
            .zip(weights)
            .for_each(|(weight, sum)| *weight = sum as f32);
        self.separator.bias = bias as f32;
    }

    #[inline]
    fn add(&mut self, row: usize, amount: f32) {
        let (indices, values) = self.svm.problem.rows.row(row);
        for (&term, &value) in indices.iter().zip(values) {
            self.separator.weights[term as usize] += amount * value;
        }
        self.separator.bias += amount;
    }
}
