//! Multinomial logistic regression by dual coordinate ascent.
//!
//! Minimises `½‖W‖² + Σᵢ cᵢ·(logsumexp(zᵢ) − zᵢ[yᵢ])` with zᵢ = W xᵢ + b and cᵢ = C × class weight. b is not penalised,
//! as in scikit-learn. (With two classes scikit-learn fits one logistic function. Two softmax rows are the same model
//! with half the penalty, so C is halved.)
//!
//! The dual has one distribution πᵢ over the classes per row, with W = Σᵢ cᵢ (e_{yᵢ} − πᵢ) xᵢᵀ. At the optimum πᵢ is
//! the model's own prediction. One step solves exactly for one row's πᵢ (Yu, Huang & Lin 2011, "Dual coordinate descent
//! methods for logistic regression and maximum entropy models"; Shalev-Shwartz & Zhang 2013). The duality gap is Σᵢ
//! cᵢ·KL(πᵢ ‖ softmax(zᵢ)), so each pass gives its own stopping rule.
//!
//! The intercept is a constant feature with a penalty centred on its last value. This is the proximal point method
//! (Rockafellar 1976); its fixed point is the unpenalised intercept.

use complaint_contract::ClassWeight;
use complaint_model::sparse::CsrMatrix;
use fearless_simd::{Level, dispatch};
use prefetch_index::prefetch_index;

use super::aligned::Aligned;
use super::logistic_step::{LOG_FLOOR, Step, exp};
use super::vectors;
use super::visits::{fetch_ahead, visiting_order};
use super::{Coefficients, Effort, NotFinite, Problem, class_weights, squared_lengths};
use crate::rng::Rng;

/// Square of the constant feature's value. A small value adds little to a row's length, and so to the number of passes.
/// The proximal steps still converge.
const INTERCEPT_SQUARED: f32 = 0.25;

/// Measurements of a pass before it changes anything.
#[derive(Debug, Clone, Copy, Default)]
struct Pass {
    gap: f64,
    loss: f64,
}

/// A solver for ascending values of `C`. Each fit starts at the previous solution.
pub struct LogisticPath<'a> {
    problem: Problem<'a>,
    class_weights: Vec<f64>,
    lengths: Vec<f32>,
    rng: Rng,
    /// `C` of the current solution; 0 before the first.
    c: f64,
    /// Classes, rounded up so that a term's weights fill whole vector registers.
    stride: usize,
    /// `terms × stride`.
    weights: Aligned,
    /// ln πᵢ, `rows × stride`. The padding stays at [`LOG_FLOOR`], which means a probability of 0.
    log_dual: Aligned,
    /// Centre of the intercept's penalty.
    centre: Vec<f32>,
    /// Intercept minus centre.
    offset: Vec<f32>,
    passes: usize,
    level: Level,
}

impl<'a> LogisticPath<'a> {
    /// Starts at W = 0.
    pub fn new(problem: Problem<'a>, class_weight: ClassWeight, seed: u64) -> Self {
        let stride = stride_for(problem.classes);
        let mut log_dual = Aligned::zeros(problem.rows.rows * stride);
        log_dual.fill(LOG_FLOOR);
        for (dual, &label) in log_dual.chunks_exact_mut(stride).zip(problem.labels) {
            dual[label as usize] = 0.0;
        }
        // The padding's intercept keeps its classes out of every softmax.
        let centre = (0..stride)
            .map(|class| if class < problem.classes { 0.0 } else { 4.0 * LOG_FLOOR })
            .collect();
        Self {
            class_weights: class_weights(problem.labels, problem.classes, class_weight),
            lengths: squared_lengths(problem.rows),
            rng: Rng::new(seed, 0x6c6f_6769),
            c: 0.0,
            stride,
            weights: Aligned::zeros(problem.rows.cols * stride),
            log_dual,
            centre,
            offset: vec![0.0; stride],
            passes: 0,
            level: vectors::best(),
            problem,
        }
    }

    /// With other vector instructions than the best.
    #[cfg(test)]
    pub(super) fn with(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Solves for `c`, which must not be less than the previous one.
    ///
    /// # Errors
    /// [`NotFinite`].
    pub fn solve(&mut self, c: f64, effort: Effort) -> Result<Coefficients, NotFinite> {
        let c = if self.problem.classes == 2 { c / 2.0 } else { c };
        if self.c > 0.0 && c > self.c {
            self.relax((self.c / c) as f32);
        }
        self.c = c;
        let all: Vec<u32> = (0..self.problem.rows.rows as u32).collect();
        let mut order = Vec::new();
        for _ in 0..effort.max_passes {
            visiting_order(&all, &mut self.rng, &mut order);
            self.passes += 1;
            let pass = match self.stride {
                4 => self.pass::<4>(&order),
                8 => self.pass::<8>(&order),
                12 => self.pass::<12>(&order),
                16 => self.pass::<16>(&order),
                24 => self.pass::<24>(&order),
                _ => dispatch!(self.level, _ => self.visit_any(&order)),
            };
            if !pass.loss.is_finite() {
                return Err(NotFinite);
            }
            let moved = self.recentre();
            let penalty = 0.5 * sum_of_squares(&self.weights);
            if pass.gap <= effort.tolerance * (penalty + pass.loss) && moved <= 10.0 * effort.tolerance {
                break;
            }
        }
        self.coefficients().checked()
    }

    /// Number of passes over the rows so far.
    pub fn passes(&self) -> usize {
        self.passes
    }

    /// Keeps W while C grows, by scaling e_y − π with `ratio`.
    fn relax(&mut self, ratio: f32) {
        for (dual, &label) in self.log_dual.chunks_exact_mut(self.stride).zip(self.problem.labels) {
            for (class, log) in dual.iter_mut().enumerate() {
                let target = if class == label as usize { 1.0 } else { 0.0 };
                *log = (target - ratio * (target - exp(*log)))
                    .max(f32::MIN_POSITIVE)
                    .ln()
                    .max(LOG_FLOOR);
            }
        }
    }

    /// Makes the current intercept the centre of its penalty. Returns how far the intercept had moved from the previous
    /// centre.
    fn recentre(&mut self) -> f64 {
        self.sum_up_offset();
        let mut moved = 0.0_f64;
        for (centre, offset) in self.centre.iter_mut().zip(&self.offset) {
            *centre += offset;
            moved = moved.max(f64::from(offset.abs()));
        }
        moved
    }

    /// Recomputes the offset from the dual variables. Over many rows the rounding errors of its steps exceed the
    /// distance that the intercept still has to move, and it would drift forever.
    fn sum_up_offset(&mut self) {
        let (mut sums, mut pulls) = (vec![0.0_f64; self.stride], vec![0.0_f64; self.stride]);
        for (dual, &label) in self.log_dual.chunks_exact(self.stride).zip(self.problem.labels) {
            let (label, cost) = (label as usize, self.c * self.class_weights[label as usize]);
            for (pull, &log) in pulls.iter_mut().zip(dual) {
                *pull = cost * f64::from(exp(log));
            }
            pulls[label] = 0.0;
            sums[label] += pulls.iter().sum::<f64>();
            sums.iter_mut().zip(&pulls).for_each(|(sum, pull)| *sum -= pull);
        }
        for (offset, sum) in self.offset.iter_mut().zip(sums) {
            *offset = (f64::from(INTERCEPT_SQUARED) * sum) as f32;
        }
    }

    fn pass<const S: usize>(&mut self, order: &[u32]) -> Pass {
        dispatch!(self.level, _ => self.visit::<S>(order))
    }

    #[inline(always)] // so that it is compiled for each set of instructions, with all that it calls
    fn visit<const S: usize>(&mut self, order: &[u32]) -> Pass {
        let mut total = Pass::default();
        let (mut change, mut masses) = ([0.0; S], [0.0; S]);
        let centre: [f32; S] = std::array::from_fn(|class| self.centre[class]);
        let mut offset: [f32; S] = std::array::from_fn(|class| self.offset[class]);
        let (weights, _) = self.weights.as_chunks_mut::<S>();
        let (duals, _) = self.log_dual.as_chunks_mut::<S>();
        for (at, &row) in order.iter().enumerate() {
            fetch_ahead(self.problem.rows, order, at, |row| {
                prefetch_index(&*duals, row);
                prefetch_index(&self.lengths, row);
                prefetch_index(self.problem.labels, row);
            });
            let row = row as usize;
            let (indices, values) = self.problem.rows.row(row);
            let mut scores: [f32; S] = std::array::from_fn(|class| centre[class] + offset[class]);
            // There are four independent sums, so that additions don't wait for each other. (In a function of its own, even an inlined
            // one, this loop made a search a tenth slower.)
            let ((terms4, terms), (values4, values1)) = (indices.as_chunks::<4>(), values.as_chunks::<4>());
            let mut sums = [[0.0_f32; S]; 4];
            for (terms, values) in terms4.iter().zip(values4) {
                for at in 0..4 {
                    let weights = &weights[terms[at] as usize];
                    for class in 0..S {
                        sums[at][class] += values[at] * weights[class];
                    }
                }
            }
            for (&term, &value) in terms.iter().zip(values1) {
                let weights = &weights[term as usize];
                for class in 0..S {
                    sums[0][class] += value * weights[class];
                }
            }
            for sum in sums {
                for class in 0..S {
                    scores[class] += sum[class];
                }
            }
            let label = self.problem.labels[row] as usize;
            let cost = (self.c * self.class_weights[label]) as f32;
            let step = Step {
                cost,
                length: self.lengths[row] + INTERCEPT_SQUARED,
                label,
            };
            let (found, moves) = step.solve(&scores, &mut duals[row], &mut change, &mut masses);
            total.gap += found.gap;
            total.loss += found.loss;
            if moves {
                for (&term, &value) in indices.iter().zip(values) {
                    let weights = &mut weights[term as usize];
                    for class in 0..S {
                        weights[class] += value * change[class];
                    }
                }
                for class in 0..S {
                    offset[class] += INTERCEPT_SQUARED * change[class];
                }
            }
        }
        self.offset.copy_from_slice(&offset);
        total
    }

    /// [`Self::visit`] for any number of classes.
    #[inline(always)]
    fn visit_any(&mut self, order: &[u32]) -> Pass {
        let stride = self.stride;
        let mut total = Pass::default();
        let [mut scores, mut change, mut masses] = [0; 3].map(|_| vec![0.0; stride]);
        for &row in order {
            let row = row as usize;
            let (indices, values) = self.problem.rows.row(row);
            for (score, (centre, offset)) in scores.iter_mut().zip(self.centre.iter().zip(&self.offset)) {
                *score = centre + offset;
            }
            for (&term, &value) in indices.iter().zip(values) {
                let weights = &self.weights[term as usize * stride..][..stride];
                scores
                    .iter_mut()
                    .zip(weights)
                    .for_each(|(score, weight)| *score += value * weight);
            }
            let label = self.problem.labels[row] as usize;
            let cost = (self.c * self.class_weights[label]) as f32;
            let step = Step {
                cost,
                length: self.lengths[row] + INTERCEPT_SQUARED,
                label,
            };
            let (found, moves) = step.solve(
                &scores,
                &mut self.log_dual[row * stride..][..stride],
                &mut change,
                &mut masses,
            );
            total.gap += found.gap;
            total.loss += found.loss;
            if moves {
                for (&term, &value) in indices.iter().zip(values) {
                    let weights = &mut self.weights[term as usize * stride..][..stride];
                    weights
                        .iter_mut()
                        .zip(&change)
                        .for_each(|(weight, change)| *weight += value * change);
                }
                self.offset
                    .iter_mut()
                    .zip(&change)
                    .for_each(|(offset, change)| *offset += INTERCEPT_SQUARED * change);
            }
        }
        total
    }

    /// The solution without padding.
    fn coefficients(&self) -> Coefficients {
        let classes = self.problem.classes;
        let weights = self
            .weights
            .chunks_exact(self.stride)
            .flat_map(|term| term[..classes].iter().copied())
            .collect();
        Coefficients {
            weights,
            bias: self.centre[..classes].to_vec(),
        }
    }
}

/// There are several sums, so that additions don't wait for each other.
fn sum_of_squares(weights: &[f32]) -> f64 {
    const SUMS: usize = 16;
    let (chunks, rest) = weights.as_chunks::<SUMS>();
    let mut sums = [0.0_f64; SUMS];
    for chunk in chunks {
        for (sum, weight) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(weight * weight);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|weight| f64::from(weight * weight)).sum::<f64>()
}

/// Classes rounded up to whole vectors of four.
fn stride_for(classes: usize) -> usize {
    match classes.next_multiple_of(4) {
        20 => 24,
        stride => stride,
    }
}

/// The objective, in which the intercept is not penalised. Used by tests and by comparisons of optimisers.
pub fn objective(rows: &CsrMatrix, labels: &[u32], costs: &[f64], coefficients: &Coefficients) -> f64 {
    let classes = coefficients.bias.len();
    let penalty = 0.5
        * coefficients
            .weights
            .iter()
            .map(|&weight| f64::from(weight).powi(2))
            .sum::<f64>();
    let scores = coefficients.scores(rows);
    let losses = scores.chunks_exact(classes).zip(labels).map(|(scores, &label)| {
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = scores.iter().map(|&score| f64::from(score - highest).exp()).sum();
        costs[label as usize] * (sum.ln() + f64::from(highest - scores[label as usize]))
    });
    penalty + losses.sum::<f64>()
}
