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
use fearless_simd::{Level, dispatch};
use prefetch_index::prefetch_index;

use super::svm::{Separators, SvmProblem};
use super::svm_step::{Bounds, Outcome, Rule};
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

/// A set of lanes, one bit each.
type Mask = u8;

/// The data that a solver stores per term.
pub(super) trait Term<const S: usize> {
    /// The weight of each lane.
    fn weights(&self) -> &[f32; S];
    fn weights_mut(&mut self) -> &mut [f32; S];
    /// The square of each lane's factor.
    fn squares(&self) -> [f32; S];
}

/// A term without factors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain<const S: usize>([f32; S]);

impl<const S: usize> Plain<S> {
    /// A term with weight zero.
    pub(super) const ZERO: Self = Self([0.0; S]);
}

impl<const S: usize> Term<S> for Plain<S> {
    #[inline]
    fn weights(&self) -> &[f32; S] {
        &self.0
    }

    #[inline]
    fn weights_mut(&mut self) -> &mut [f32; S] {
        &mut self.0
    }

    #[inline]
    fn squares(&self) -> [f32; S] {
        [1.0; S]
    }
}

/// A term with factors. The two arrays are adjacent: a step that changes the weights finds the squares in the cache,
/// because the scores have just loaded them. With separate arrays, 300,000 terms took a quarter more time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaled<const S: usize> {
    weights: [f32; S],
    squares: [f32; S],
}

impl<const S: usize> Scaled<S> {
    /// Terms with weight zero and the factors that each class of a group gives them.
    pub(super) fn terms(terms: usize, group: Range<u32>, factors: impl Fn(u32) -> Vec<f32>) -> Vec<Self> {
        let zero = Self {
            weights: [0.0; S],
            squares: [0.0; S],
        };
        let mut all = vec![zero; terms];
        for (lane, class) in group.enumerate() {
            for (term, factor) in all.iter_mut().zip(factors(class)) {
                term.squares[lane] = factor * factor;
            }
        }
        all
    }
}

impl<const S: usize> Term<S> for Scaled<S> {
    #[inline]
    fn weights(&self) -> &[f32; S] {
        &self.weights
    }

    #[inline]
    fn weights_mut(&mut self) -> &mut [f32; S] {
        &mut self.weights
    }

    #[inline]
    fn squares(&self) -> [f32; S] {
        self.squares
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

/// A solver of up to `S` classes.
pub(super) struct GroupSolver<'s, 'a, T, const S: usize> {
    svm: &'s SvmProblem<'a>,
    group: Range<u32>,
    rng: Rng,
    rows: Vec<Row<S>>,
    terms: Vec<T>,
    bias: [f32; S],
    passes: usize,
    visits: usize,
    level: Level,
}

impl<'s, 'a, T: Term<S>, const S: usize> GroupSolver<'s, 'a, T, S> {
    /// Starts at w = 0; `terms` must have weight zero.
    pub(super) fn new(svm: &'s SvmProblem<'a>, group: Range<u32>, terms: Vec<T>, seed: u64) -> Self {
        let row = |(origin, &label): (u32, &u32)| {
            let (indices, values) = svm.problem.rows.row(origin as usize);
            let mut lengths = [1.0; S];
            for (&term, value) in indices.iter().zip(values) {
                add_scaled(&mut lengths, value * value, &terms[term as usize].squares());
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
        let mut unsolved: Mask = self.group.clone().fold(0, |mask, _| mask << 1 | 1);
        while unsolved != 0 {
            let mut round = Round::new(self.svm.problem.rows, &mut self.rows, unsolved);
            while round.at_work != 0 {
                visiting_order(&round.active, &mut self.rng, &mut order);
                self.pass(&order, &rules, &mut round);
                let at_work = round.at_work;
                for lane in (0..S).filter(|&lane| at_work & bit(lane) != 0) {
                    passes[lane] += 1;
                    unsolved &= !round.end_pass(lane, tolerance, passes[lane] >= effort.max_passes);
                }
                round.drop_rows(&mut self.rows);
            }
            round.write_back(&mut self.rows);
            if unsolved != 0 {
                self.sum_up();
            }
        }
    }

    /// For each label, its rule in each lane.
    fn rules(&self, c: f64) -> Vec<[Rule; S]> {
        let rule = |label: u32, lane: usize| {
            let class = self.group.start + lane as u32;
            Rule::new(self.svm.loss, c * self.svm.cost(class, label), label == class)
        };
        (0..self.svm.problem.classes as u32)
            .map(|label| std::array::from_fn(|lane| rule(label, lane)))
            .collect()
    }

    /// Visits the round's active rows in this order.
    fn pass(&mut self, order: &[u32], rules: &[[Rule; S]], round: &mut Round<'_, S>) {
        dispatch!(self.level, _ => self.visit(order, rules, round));
    }

    #[inline(always)] // so that it is compiled for each set of instructions, with all that it calls
    fn visit(&mut self, order: &[u32], rules: &[[Rule; S]], round: &mut Round<'_, S>) {
        self.passes += 1;
        if self.passes.is_multiple_of(PASSES_BETWEEN_SUMS) {
            round.write_back(&mut self.rows);
            self.sum_up();
        }
        self.visits += order.len();
        let (matrix, rows) = match &mut round.gathered {
            Some(gathered) => (&gathered.matrix, gathered.rows.as_mut_slice()),
            None => (self.svm.problem.rows, self.rows.as_mut_slice()),
        };
        for (at, &visited) in order.iter().enumerate() {
            fetch_ahead(matrix, order, at, |row| prefetch_index(&*rows, row));
            let row = &mut rows[visited as usize];
            let (indices, values) = matrix.row(visited as usize);
            let scores = scores(&self.terms, &self.bias, indices, values);
            let rules = &rules[row.label as usize];
            let mut changes = [0.0; S];
            for lane in 0..S {
                if row.active & round.at_work & bit(lane) == 0 {
                    continue;
                }
                let (state, dual) = (&mut round.lanes[lane], &mut row.duals[lane]);
                match rules[lane].step(*dual, scores[lane], row.lengths[lane], state.bounds) {
                    Outcome::Leaves => {
                        row.active &= !bit(lane);
                        state.complete = false;
                    }
                    Outcome::Stays { next, projected } => {
                        state.seen.see(projected);
                        changes[lane] = (next - *dual) * rules[lane].sign;
                        *dual = next;
                    }
                }
            }
            if changes != [0.0; S] {
                add(&mut self.terms, indices, values, &changes);
                add_scaled(&mut self.bias, 1.0, &changes);
            }
        }
    }

    /// Recomputes w = Σ αᵢ tᵢ xᵢ in double precision, because the rounding errors of many small steps add up.
    fn sum_up(&mut self) {
        dispatch!(self.level, _ => self.add_up());
    }

    #[inline(always)]
    fn add_up(&mut self) {
        let problem = self.svm.problem;
        let signs = self.rules(1.0);
        let mut weights = vec![[0.0_f64; S]; self.terms.len()];
        let mut bias = [0.0_f64; S];
        for row in self.rows.iter().filter(|row| row.duals != [0.0; S]) {
            let signs = &signs[row.label as usize];
            let amounts: [f64; S] = std::array::from_fn(|lane| f64::from(signs[lane].sign * row.duals[lane]));
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
        for (term, sums) in self.terms.iter_mut().zip(weights) {
            let squares = term.squares();
            *term.weights_mut() = std::array::from_fn(|lane| (sums[lane] * f64::from(squares[lane])) as f32);
        }
        self.bias = bias.map(|sum| sum as f32);
    }

    /// The current solution without padding.
    fn coefficients(&self) -> Coefficients {
        let classes = self.group.len();
        Coefficients {
            weights: self
                .terms
                .iter()
                .flat_map(|term| &term.weights()[..classes])
                .copied()
                .collect(),
            bias: self.bias[..classes].to_vec(),
        }
    }
}

/// w·x + b of each lane. There are four independent sums, so additions don't wait for each other.
#[inline(always)]
fn scores<const S: usize>(terms: &[impl Term<S>], bias: &[f32; S], indices: &[u32], values: &[f32]) -> [f32; S] {
    let (indices4, indices_rest) = indices.as_chunks::<4>();
    let (values4, values_rest) = values.as_chunks::<4>();
    let mut sums = [[0.0_f32; S]; 4];
    for (indices, values) in indices4.iter().zip(values4) {
        for at in 0..4 {
            add_scaled(&mut sums[at], values[at], terms[indices[at] as usize].weights());
        }
    }
    for (&term, &value) in indices_rest.iter().zip(values_rest) {
        add_scaled(&mut sums[0], value, terms[term as usize].weights());
    }
    std::array::from_fn(|lane| (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]) + bias[lane])
}

/// Adds a row to the weights, times each lane's factor.
#[inline(always)]
fn add<const S: usize>(terms: &mut [impl Term<S>], indices: &[u32], values: &[f32], changes: &[f32; S]) {
    for (&term, &value) in indices.iter().zip(values) {
        let term = &mut terms[term as usize];
        let squares = term.squares();
        let weights = term.weights_mut();
        for lane in 0..S {
            weights[lane] += changes[lane] * value * squares[lane];
        }
    }
}

#[inline(always)]
fn add_scaled<const S: usize>(to: &mut [f32; S], factor: f32, amounts: &[f32; S]) {
    for lane in 0..S {
        to[lane] += factor * amounts[lane];
    }
}

fn bit(lane: usize) -> Mask {
    1 << lane
}

/// The state of a class within a round.
#[derive(Debug, Clone, Copy)]
struct Lane {
    /// A row leaves if its gradient is beyond these bounds.
    bounds: Bounds,
    /// Gradients of the current pass.
    seen: Bounds,
    /// Whether all rows are still active.
    complete: bool,
}

impl Lane {
    const OPEN: Self = Self {
        bounds: Bounds::OPEN,
        seen: Bounds::CLOSED,
        complete: true,
    };
}

/// The passes from one visit of all rows to the next. A round ends when every class is optimal for its active rows.
/// Classes wait for each other, so that they share the passes over all rows.
struct Round<'a, const S: usize> {
    lanes: [Lane; S],
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
            lanes: [Lane::OPEN; S],
            at_work: classes,
            all,
            gathered: None,
            active: (0..all.rows as u32).collect(),
        }
    }

    /// Ends a class's pass. If `gives_up` is set, it was the last pass. Returns the class's bit if the class is solved
    /// or gives up.
    fn end_pass(&mut self, lane: usize, tolerance: f32, gives_up: bool) -> Mask {
        let state = &mut self.lanes[lane];
        let seen = std::mem::replace(&mut state.seen, Bounds::CLOSED);
        state.bounds = seen.open_where_settled();
        let settled = seen.spread() <= tolerance;
        if settled || gives_up {
            self.at_work &= !bit(lane);
        }
        if gives_up || settled && state.complete {
            bit(lane)
        } else {
            0
        }
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
