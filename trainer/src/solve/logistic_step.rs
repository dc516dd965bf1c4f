//! One row's step of the dual of logistic regression.
//!
//! With the other rows fixed, the best distribution π of a row solves, for all classes k and one multiplier ν,
//! `ln π_k + a·π_k = z_k + a·π_k(old) − ν` and `Σ π_k = 1`, where a = cost × squared length. Newton's method in ln π has
//! a diagonal plus rank-one system, so an iteration costs one exponential per class.

/// ln of a probability that is treated as 0.
pub(super) const LOG_FLOOR: f32 = -60.0;
/// Maximum number of Newton iterations. More than five are rare.
const ITERATIONS: usize = 12;
/// The Newton steps stop when no probability moves by more than this. Rows are visited again, so a step need not be
/// exact: with a thousandth of this, no data set took fewer passes, and each took a quarter longer.
const SETTLED: f32 = 1e-2;
/// A row whose distribution moves by less than this does not change the weights.
const UNMOVED: f32 = 1e-6;

/// What one step needs from its row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// C times the row's weight.
    pub(super) cost: f32,
    /// Squared length, the constant feature included.
    pub(super) length: f32,
    /// The row's class.
    pub(super) label: usize,
}

/// The row's share of the duality gap and of the loss, before the step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) gap: f64,
    pub(super) loss: f64,
}

/// How many numbers a vector register holds. Rows are padded to a multiple of it.
const LANES: usize = 4;

impl Step {
    /// Moves `log_dual` to the optimum. Writes to `change` how much the weights change per unit of a term; `masses` is
    /// scratch. Returns whether anything moves. All slices have the same length, a multiple of four.
    #[inline(always)] // so that the number of classes is a constant where the caller's is
    pub(super) fn solve(
        &self,
        scores: &[f32],
        log_dual: &mut [f32],
        change: &mut [f32],
        masses: &mut [f32],
    ) -> (Found, bool) {
        let width = scores.len();
        let (log_dual, change, masses) = (&mut log_dual[..width], &mut change[..width], &mut masses[..width]);
        let highest = scores
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
        let log_sum = highest + lane_sum(width, |k| exp(scores[k] - highest)).ln();
        (0..width).for_each(|k| masses[k] = exp(log_dual[k]));
        let divergence = lane_sum(width, |k| masses[k] * (log_dual[k] - (scores[k] - log_sum)));
        let found = Found {
            gap: f64::from(self.cost * divergence.max(0.0)),
            loss: f64::from(self.cost * (log_sum - scores[self.label])),
        };
        // The prediction for the row already equals its dual.
        if divergence < 1e-9 {
            return (found, false);
        }
        let a = self.cost * self.length;
        // `change` holds the target z + a·π(old) until the end; then π(old) is recovered from it.
        (0..width).for_each(|k| change[k] = scores[k] + a * masses[k]);
        // If the row's own pull is weak, the softmax is close to the answer.
        if a < 1.0 {
            (0..width).for_each(|k| log_dual[k] = at_least(scores[k] - log_sum, LOG_FLOOR));
            (0..width).for_each(|k| masses[k] = exp(log_dual[k]));
        }
        newton(a, change, log_dual, masses);
        let mut largest = 0.0_f32;
        for k in 0..width {
            let moved = (change[k] - scores[k]) / a - masses[k];
            largest = at_least(moved.abs(), largest);
            change[k] = self.cost * moved;
        }
        (found, largest > UNMOVED)
    }
}

/// Solves ln π + a·π = target − ν for a distribution π. `log` is the start and the result; `masses` is e^log.
#[inline(always)]
fn newton(a: f32, target: &[f32], log: &mut [f32], masses: &mut [f32]) {
    let width = log.len();
    for _ in 0..ITERATIONS {
        let slope_of = |p: f32| p / (1.0 + a * p);
        let mass = lane_sum(width, |k| masses[k]);
        let moved = lane_sum(width, |k| slope_of(masses[k]) * (target[k] - log[k] - a * masses[k]));
        let slope = lane_sum(width, |k| slope_of(masses[k]));
        let multiplier = (mass - 1.0 + moved) / slope;
        let mut largest = 0.0_f32;
        for k in 0..width {
            let p = masses[k];
            let next = log[k] + (target[k] - log[k] - a * p - multiplier) / (1.0 + a * p);
            log[k] = at_most(at_least(next, LOG_FLOOR), 0.0);
            masses[k] = exp(log[k]);
            largest = at_least((masses[k] - p).abs(), largest);
        }
        if largest < SETTLED {
            break;
        }
    }
    let mass = lane_sum(width, |k| masses[k]);
    let (share, correction) = (1.0 / mass, mass.ln());
    for k in 0..width {
        masses[k] *= share;
        log[k] = at_most(at_least(log[k] - correction, LOG_FLOOR), 0.0);
    }
}

/// A sum over the classes in four lanes, which the processor adds in parallel.
#[inline(always)]
fn lane_sum(width: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for start in (0..width).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// `f32::max` for numbers other than NaN: one instruction.
#[inline(always)]
fn at_least(value: f32, bound: f32) -> f32 {
    if value > bound { value } else { bound }
}

/// `f32::min` for numbers other than NaN: one instruction.
#[inline(always)]
fn at_most(value: f32, bound: f32) -> f32 {
    if value < bound { value } else { bound }
}

/// e^x for x ≤ 88 within 2 units in the last place; 0 below −87. It has no branches, so a row's classes are computed in
/// parallel. (Range reduction by ln 2 in two parts and the polynomial of Cephes' `expf`.)
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 × 2²³: adding it leaves an integer in the low bits
    let clamped = at_most(at_least(x, -87.0), 88.0);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    // The low bits of `shifted` are n. Adding 127 and shifting makes the exponent of 2ⁿ.
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let value = (p * r * r + r + 1.0) * scale;
    if x < -87.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_close() {
        for step in -8700..=800 {
            let x = step as f32 / 100.0;
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((ours - exact).abs() <= 3e-7 * exact, "exp({x}) = {ours}, not {exact}");
        }
        assert_eq!(exp(-100.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn steps_solve_their_equation() {
        for a in [0.01, 0.5, 1.0, 5.0, 50.0, 1000.0] {
            for start in [[0.0, LOG_FLOOR, LOG_FLOOR], [-1.1, -1.1, -1.1], [-9.0, -0.1, -3.0]] {
                let target = [2.0 + a * 0.1, -1.0, 0.5 + a * 0.9];
                let (mut log, target) = (
                    [start[0], start[1], start[2], LOG_FLOOR],
                    [target[0], target[1], target[2], -240.0],
                );
                let mut masses = log.map(exp);
                // Each visit of a row goes on where the last one stopped.
                for _ in 0..4 {
                    newton(a, &target, &mut log, &mut masses);
                }
                let multipliers: Vec<f32> = log
                    .iter()
                    .zip(target)
                    .map(|(log, target)| target - log - a * log.exp())
                    .collect();
                let total: f32 = log.iter().map(|log| log.exp()).sum();
                assert!((total - 1.0).abs() < 1e-4, "a={a}: {log:?}");
                // Classes at the floor are at their bound and need not satisfy the equation.
                let inner: Vec<f32> = multipliers
                    .into_iter()
                    .zip(log)
                    .filter(|(_, log)| *log > LOG_FLOOR + 1.0)
                    .map(|(m, _)| m)
                    .collect();
                let spread =
                    inner.iter().copied().fold(f32::MIN, f32::max) - inner.iter().copied().fold(f32::MAX, f32::min);
                assert!(
                    spread <= 2e-3 * (1.0 + a),
                    "a={a} from {start:?}: {log:?} spread {spread}"
                );
            }
        }
    }
}
