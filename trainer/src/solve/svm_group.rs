//! The solver of a group of one-vs-rest support vector machines over the same rows.
//!
//! Weights are feature-major with one lane per class, so one sweep over a row gives the scores of all classes. Each
//! class has its own dual variables, active rows and stopping rule. A row is visited while it is active for at least
//! one class.
//!
//! A class that multiplies its terms by factors f solves over the rows x ∘ f. The solver holds u = f ∘ w instead of w:
//! the score w·(x ∘ f) is u·x, and a step that adds α·(x ∘ f) to w adds α·(x ∘ f²) to u. So the rows need no copy.

use std::ops::Range;

use complaint_model::sparse::CsrMatrix;
use fearless_simd::{Level, Simd, SimdFloat, dispatch, f32x4, f32x8};
use prefetch_index::prefetch_index;

use super::aligned::Aligned;
use super::svm::{Separators, SvmProblem};
use super::svm_step::{Bounds, Mask, Moved, Pass, Rule};
use super::vectors;
use super::visits::{fetch_ahead, visiting_order};
use super::{Coefficients, Effort, NotFinite};
use crate::rng::Rng;

/// Smaller violations are noise of single precision. A smaller tolerance would never be reached, and rows that left the
/// active set would never be checked again.
const SINGLE_PRECISION: f64 = 5e-5;
/// After this many passes the weights are recomputed from the dual variables.
const PASSES_BETWEEN_SUMS: usize = 50;
/// If fewer than one in this many rows are active, they are copied next to each other. On ten times the CFPB data, this
/// saves a tenth of the time of a path to C = 10. A higher number takes less memory and saves less time.
const GATHER: usize = 2;

/// The data of each term: `S` weights, one per lane, and if the classes have factors, also their `S` squares. The two are
/// adjacent: a step that changes the weights finds the squares in the cache, because the scores have just loaded them.
/// With separate arrays, 300,000 terms took a quarter more time.
pub(super) struct Terms<const S: usize, const N: usize>(Aligned);

impl<const S: usize> Terms<S, S> {
    /// Terms with weight zero.
    pub(super) fn plain(terms: usize) -> Self {
        Self(Aligned::zeros(terms * S))
    }
}

impl<const S: usize, const N: usize> Terms<S, N> {
    /// Whether terms have squares of factors.
    const SCALED: bool = {
        assert!(N == S || N == 2 * S, "a term has weights, or weights and squares");
        N == 2 * S
    };

    /// Terms with weight zero and the factors that each class of a group gives them. `N` is twice `S`.
    pub(super) fn scaled(terms: usize, group: Range<u32>, factors: impl Fn(u32) -> Vec<f32>) -> Self {
        assert!(Self::SCALED, "no place for squares");
        let mut all = Self(Aligned::zeros(terms * N));
        for (lane, class) in group.enumerate() {
            for (term, factor) in all.all_mut().iter_mut().zip(factors(class)) {
                term[S + lane] = factor * factor;
            }
        }
        all
    }

    #[inline(always)]
    fn all(&self) -> &[[f32; N]] {
        self.0.as_chunks().0
    }

    #[inline(always)]
    fn all_mut(&mut self) -> &mut [[f32; N]] {
        self.0.as_chunks_mut().0
    }

    /// The square of a lane's factor.
    #[inline(always)]
    fn square(term: &[f32; N], lane: usize) -> f32 {
        if Self::SCALED { term[S + lane] } else { 1.0 }
    }

    /// w·x + b of each lane. There are four independent sums, so additions don't wait for each other.
    #[inline(always)]
    fn scores(&self, bias: &[f32; S], indices: &[u32], values: &[f32]) -> [f32; S] {
        let terms = self.all();
        let (indices4, indices_rest) = indices.as_chunks::<4>();
        let (values4, values_rest) = values.as_chunks::<4>();
        let mut sums = [[0.0_f32; S]; 4];
        for (indices, values) in indices4.iter().zip(values4) {
            for at in 0..4 {
                add_scaled(&mut sums[at], values[at], &terms[indices[at] as usize]);
            }
        }
        for (&term, &value) in indices_rest.iter().zip(values_rest) {
            add_scaled(&mut sums[0], value, &terms[term as usize]);
        }
        std::array::from_fn(|lane| (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]) + bias[lane])
    }

    /// Adds a row to the weights, times each lane's change.
    #[inline(always)]
    fn add(&mut self, indices: &[u32], values: &[f32], changes: &[f32; S]) {
        let terms = self.all_mut();
        for (&term, &value) in indices.iter().zip(values) {
            let term = &mut terms[term as usize];
            for lane in 0..S {
                term[lane] += changes[lane] * value * Self::square(term, lane);
            }
        }
    }
}

/// The data that a visit needs from a row, apart from the row's entries. The fields are adjacent: on rows that don't
/// fit the cache, a visit would otherwise wait for memory once per field.
#[derive(Debug, Clone, Copy)]
struct Row<const S: usize> {
    duals: [f32; S],
    /// Squared length in each class's terms, with the constant feature.
    lengths: [f32; S],
    label: u32,
    /// Index of the row in the problem.
    origin: u32,
    /// The classes for which the row is active.
    active: Mask,
}

/// A solver of up to `S` classes, with `N` numbers per term.
pub(super) struct GroupSolver<'s, 'a, const S: usize, const N: usize> {
    svm: &'s SvmProblem<'a>,
    group: Range<u32>,
    rng: Rng,
    rows: Vec<Row<S>>,
    terms: Terms<S, N>,
    bias: [f32; S],
    passes: usize,
    visits: usize,
    level: Level,
}

impl<'s, 'a, const S: usize, const N: usize> GroupSolver<'s, 'a, S, N> {
    /// Starts at w = 0; `terms` must have weight zero.
    pub(super) fn new(svm: &'s SvmProblem<'a>, group: Range<u32>, terms: Terms<S, N>, seed: u64) -> Self {
        let row = |(origin, &label): (u32, &u32)| {
            let (indices, values) = svm.problem.rows.row(origin as usize);
            let mut lengths = [1.0; S];
            for (&term, value) in indices.iter().zip(values) {
                let term = &terms.all()[term as usize];
                for (lane, length) in lengths.iter_mut().enumerate() {
                    *length += value * value * Terms::<S, N>::square(term, lane);
                }
            }
            Row {
                duals: [0.0; S],
                lengths,
                label,
                origin,
                active: 0,
            }
        };
        Self {
            rng: Rng::new(seed, 0x7376_6d00 + u64::from(group.start)),
            rows: (0..).zip(svm.problem.labels).map(row).collect(),
            terms,
            bias: [0.0; S],
            passes: 0,
            visits: 0,
            level: vectors::best(),
            svm,
            group,
        }
    }

    /// With other vector instructions than the best.
    #[cfg(test)]
    pub(super) fn with(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Solves along a path of ascending `C`.
    pub(super) fn solve_path(
        mut self,
        path: &[f64],
        effort: Effort,
        mut take: impl FnMut(usize, &Separators),
    ) -> Result<(), NotFinite> {
        for (index, &c) in path.iter().enumerate() {
            self.solve(c, effort);
            let separators = Separators {
                coefficients: self.coefficients().checked()?,
                visits: self.visits,
            };
            take(index, &separators);
        }
        Ok(())
    }

    fn solve(&mut self, c: f64, effort: Effort) {
        let rules = self.rules(c);
        let tolerance = (effort.tolerance * 50.0).max(SINGLE_PRECISION) as f32;
        let (mut passes, mut order) = ([0; S], Vec::new());
        let mut unsolved = lanes(0..self.group.len());
        while unsolved != 0 {
            let mut round = Round::new(self.svm.problem.rows, &mut self.rows, unsolved);
            while round.at_work != 0 {
                visiting_order(&round.active, &mut self.rng, &mut order);
                self.pass(&order, &rules, &mut round);
                for lane in (0..S).filter(|&lane| round.at_work & bit(lane) != 0) {
                    passes[lane] += 1;
                }
                let give_up = lanes((0..S).filter(|&lane| passes[lane] >= effort.max_passes));
                unsolved &= !round.end_pass(tolerance, give_up);
                round.drop_rows(&mut self.rows);
            }
            round.write_back(&mut self.rows);
            if unsolved != 0 {
                self.sum_up();
            }
        }
    }

    /// The rule of each label.
    fn rules(&self, c: f64) -> Vec<Rule<S>> {
        let class = |lane: usize| self.group.start + lane as u32;
        (0..self.svm.problem.classes as u32)
            .map(|label| {
                Rule::new(
                    self.svm.loss,
                    std::array::from_fn(|lane| c * self.svm.cost(class(lane), label)),
                    std::array::from_fn(|lane| class(lane) == label),
                )
            })
            .collect()
    }

    /// Visits the round's active rows in this order.
    fn pass(&mut self, order: &[u32], rules: &[Rule<S>], round: &mut Round<'_, S>) {
        self.passes += 1;
        if self.passes.is_multiple_of(PASSES_BETWEEN_SUMS) {
            round.write_back(&mut self.rows);
            self.sum_up();
        }
        self.visits += order.len();
        dispatch!(self.level, simd => {
            if S > 4 {
                self.visit::<_, f32x8<_>>(simd, order, rules, round);
            } else {
                self.visit::<_, f32x4<_>>(simd, order, rules, round);
            }
        });
    }

    #[inline(always)] // so that it is compiled for each set of instructions, with all that it calls
    fn visit<L: Simd, V: SimdFloat<L, Element = f32>>(
        &mut self,
        simd: L,
        order: &[u32],
        rules: &[Rule<S>],
        round: &mut Round<'_, S>,
    ) {
        let (matrix, rows) = match &mut round.gathered {
            Some(gathered) => (&gathered.matrix, gathered.rows.as_mut_slice()),
            None => (self.svm.problem.rows, self.rows.as_mut_slice()),
        };
        let mut pass = Pass::<L, V>::new(simd, &round.bounds, &round.seen);
        let mut left = 0;
        for (at, &visited) in order.iter().enumerate() {
            fetch_ahead(matrix, order, at, |row| prefetch_index(&*rows, row));
            let row = &mut rows[visited as usize];
            let (indices, values) = matrix.row(visited as usize);
            let scores = self.terms.scores(&self.bias, indices, values);
            let rule = &rules[row.label as usize];
            let active = row.active & round.at_work;
            let Moved { changes, leaves } = pass.step(rule, active, &scores, &row.lengths, &mut row.duals);
            row.active &= !leaves;
            left |= leaves;
            if changes != [0.0; S] {
                self.terms.add(indices, values, &changes);
                add_scaled(&mut self.bias, 1.0, &changes);
            }
        }
        round.seen = pass.seen();
        round.complete &= !left;
    }

    /// Recomputes w = Σ αᵢ tᵢ xᵢ in double precision, because the rounding errors of many small steps add up.
    fn sum_up(&mut self) {
        dispatch!(self.level, _ => self.add_up());
    }

    #[inline(always)]
    fn add_up(&mut self) {
        let problem = self.svm.problem;
        let signs = self.rules(1.0);
        let mut weights = vec![[0.0_f64; S]; problem.rows.cols];
        let mut bias = [0.0_f64; S];
        for row in self.rows.iter().filter(|row| row.duals != [0.0; S]) {
            let signs = &signs[row.label as usize].sign;
            let amounts: [f64; S] = std::array::from_fn(|lane| f64::from(signs[lane] * row.duals[lane]));
            let (indices, values) = problem.rows.row(row.origin as usize);
            for (&term, &value) in indices.iter().zip(values) {
                let (weights, value) = (&mut weights[term as usize], f64::from(value));
                for lane in 0..S {
                    weights[lane] += amounts[lane] * value;
                }
            }
            for lane in 0..S {
                bias[lane] += amounts[lane];
            }
        }
        for (term, sums) in self.terms.all_mut().iter_mut().zip(weights) {
            for lane in 0..S {
                term[lane] = (sums[lane] * f64::from(Terms::<S, N>::square(term, lane))) as f32;
            }
        }
        self.bias = bias.map(|sum| sum as f32);
    }

    /// The current solution without padding.
    fn coefficients(&self) -> Coefficients {
        let classes = self.group.len();
        Coefficients {
            weights: self
                .terms
                .all()
                .iter()
                .flat_map(|term| &term[..classes])
                .copied()
                .collect(),
            bias: self.bias[..classes].to_vec(),
        }
    }
}

#[inline(always)]
fn add_scaled<const S: usize>(to: &mut [f32; S], factor: f32, amounts: &[f32]) {
    for lane in 0..S {
        to[lane] += factor * amounts[lane];
    }
}

fn bit(lane: usize) -> Mask {
    1 << lane
}

fn lanes(lanes: impl IntoIterator<Item = usize>) -> Mask {
    lanes.into_iter().fold(0, |all, lane| all | bit(lane))
}

/// The passes from one visit of all rows to the next. A round ends when every class is optimal for its active rows.
/// Classes wait for each other, so that they share the passes over all rows.
struct Round<'a, const S: usize> {
    /// A row leaves if its gradient is beyond these bounds.
    bounds: Bounds<S>,
    /// Gradients of the current pass.
    seen: Bounds<S>,
    /// The classes for which all rows are still active.
    complete: Mask,
    /// The classes that are not optimal for their active rows yet.
    at_work: Mask,
    /// The problem's rows.
    all: &'a CsrMatrix,
    /// A copy of the rows that were active when it was made. It replaces `all`.
    gathered: Option<Gathered<S>>,
    /// The rows, or the gathered rows, that are active for a class at work.
    active: Vec<u32>,
}

/// Copied rows, adjacent in memory.
struct Gathered<const S: usize> {
    matrix: CsrMatrix,
    rows: Vec<Row<S>>,
}

impl<'a, const S: usize> Round<'a, S> {
    /// Makes all rows active for these classes.
    fn new(all: &'a CsrMatrix, rows: &mut [Row<S>], classes: Mask) -> Self {
        rows.iter_mut().for_each(|row| row.active = classes);
        Self {
            bounds: Bounds::OPEN,
            seen: Bounds::CLOSED,
            complete: classes,
            at_work: classes,
            all,
            gathered: None,
            active: (0..all.rows as u32).collect(),
        }
    }

    /// Ends a pass, which is the last one of the classes in `give_up`. Returns the classes that are solved or give up.
    fn end_pass(&mut self, tolerance: f32, give_up: Mask) -> Mask {
        let seen = std::mem::replace(&mut self.seen, Bounds::CLOSED);
        self.bounds = seen.open_where_settled();
        let settled = lanes((0..S).filter(|&lane| seen.spread(lane) <= tolerance));
        let done = self.at_work & (settled & self.complete | give_up);
        self.at_work &= !(settled | give_up);
        done
    }

    /// Drops the rows that no class at work needs any more. If few are left, they are copied next to each other, because
    /// memory is slow if a pass skips most of it.
    fn drop_rows(&mut self, all: &mut [Row<S>]) {
        let (matrix, rows) = match &self.gathered {
            Some(gathered) => (&gathered.matrix, gathered.rows.as_slice()),
            None => (self.all, &*all),
        };
        let at_work = self.at_work;
        self.active.retain(|&row| rows[row as usize].active & at_work != 0);
        if !self.active.is_empty() && self.active.len() * GATHER < rows.len() {
            let gathered = Gathered {
                matrix: matrix.select_rows(&self.active),
                rows: self.active.iter().map(|&row| rows[row as usize]).collect(),
            };
            self.write_back(all);
            self.active = (0..gathered.rows.len() as u32).collect();
            self.gathered = Some(gathered);
        }
    }

    /// Writes the state of the gathered rows back to all rows.
    fn write_back(&self, all: &mut [Row<S>]) {
        for row in self.gathered.iter().flat_map(|gathered| &gathered.rows) {
            all[row.origin as usize] = *row;
        }
    }
}
