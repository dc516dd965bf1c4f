//! The step of a row's dual variables, one for each class of a group, and the rule by which they leave the active set
//! (Hsieh et al. 2008, algorithm 3). All classes step at once, one per lane of a vector.

use complaint_contract::Loss;
use fearless_simd::{Select, Simd, SimdFloat, SimdMask};

/// A set of lanes, one bit each.
pub(super) type Mask = u8;

/// Smaller gradients move nothing.
const UNMOVED: f32 = 1e-12;

/// The loss of the rows of one label, for each class of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<const S: usize> {
    /// 1 for the class's own rows, −1 for the others.
    pub(super) sign: [f32; S],
    /// Upper bound of the dual variable: cᵢ for the hinge, none for the squared hinge.
    upper: [f32; S],
    /// Added to the Hessian's diagonal: 1 / (2 cᵢ) for the squared hinge.
    ridge: [f32; S],
}

impl<const S: usize> Rule<S> {
    /// `costs` are the cᵢ, and `own` tells whether the rows belong to the class of a lane.
    pub(super) fn new(loss: Loss, costs: [f64; S], own: [bool; S]) -> Self {
        Self {
            sign: own.map(|own| if own { 1.0 } else { -1.0 }),
            upper: costs.map(|cost| match loss {
                Loss::SquaredHinge => f32::INFINITY,
                Loss::Hinge => cost as f32,
            }),
            ridge: costs.map(|cost| match loss {
                Loss::SquaredHinge => (0.5 / cost) as f32,
                Loss::Hinge => 0.0,
            }),
        }
    }
}

/// The largest and the smallest projected gradient of a pass, in each lane. They are the next pass's bounds for leaving
/// the active set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<const S: usize> {
    highest: [f32; S],
    lowest: [f32; S],
}

impl<const S: usize> Bounds<S> {
    /// No row leaves.
    pub(super) const OPEN: Self = Self {
        highest: [f32::INFINITY; S],
        lowest: [f32::NEG_INFINITY; S],
    };
    /// Nothing has been seen yet.
    pub(super) const CLOSED: Self = Self {
        highest: [f32::NEG_INFINITY; S],
        lowest: [f32::INFINITY; S],
    };

    /// How far the pass was from the optimum of a lane.
    pub(super) fn spread(&self, lane: usize) -> f32 {
        self.highest[lane] - self.lowest[lane]
    }

    /// The bounds for the next pass. Where no gradient was beyond zero, no row leaves.
    pub(super) fn open_where_settled(self) -> Self {
        Self {
            highest: self
                .highest
                .map(|highest| if highest > 0.0 { highest } else { f32::INFINITY }),
            lowest: self
                .lowest
                .map(|lowest| if lowest < 0.0 { lowest } else { f32::NEG_INFINITY }),
        }
    }
}

/// What one visit did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moved<const S: usize> {
    /// What to add to the weights per unit of a term, without the lanes' factors.
    pub(super) changes: [f32; S],
    /// The lanes that the row leaves: its variable is at a bound, and the gradient pushes it outwards, so it is unlikely
    /// to change again.
    pub(super) leaves: Mask,
}

/// The state of a pass, in vectors `V` of at least `S` lanes.
pub(super) struct Pass<L, V> {
    simd: L,
    /// A row leaves if its gradient is beyond these bounds.
    highest: V,
    lowest: V,
    /// Gradients of this pass.
    seen_highest: V,
    seen_lowest: V,
}

impl<L: Simd, V: SimdFloat<L, Element = f32>> Pass<L, V> {
    #[inline(always)]
    pub(super) fn new<const S: usize>(simd: L, bounds: &Bounds<S>, seen: &Bounds<S>) -> Self {
        Self {
            simd,
            highest: load(simd, &bounds.highest),
            lowest: load(simd, &bounds.lowest),
            seen_highest: load(simd, &seen.highest),
            seen_lowest: load(simd, &seen.lowest),
        }
    }

    /// The gradients that were seen.
    #[inline(always)]
    pub(super) fn seen<const S: usize>(&self) -> Bounds<S> {
        Bounds {
            highest: store(self.seen_highest),
            lowest: store(self.seen_lowest),
        }
    }

    /// Steps the variables `duals` of a row with these scores, in the lanes `active`. `lengths` are the row's squared
    /// lengths, with the constant feature.
    #[inline(always)]
    pub(super) fn step<const S: usize>(
        &mut self,
        rule: &Rule<S>,
        active: Mask,
        scores: &[f32; S],
        lengths: &[f32; S],
        duals: &mut [f32; S],
    ) -> Moved<S> {
        let simd = self.simd;
        let zero = V::splat(simd, 0.0);
        let active = V::Mask::from_bitmask(simd, u64::from(active));
        let (sign, upper, ridge): (V, V, V) =
            (load(simd, &rule.sign), load(simd, &rule.upper), load(simd, &rule.ridge));
        let dual: V = load(simd, duals);
        let gradient = sign * load::<L, V, S>(simd, scores) - 1.0 + dual * ridge;
        let (at_zero, at_upper) = (dual.simd_eq(zero), dual.simd_eq(upper));
        let outwards = at_zero & gradient.simd_gt(self.highest) | at_upper & gradient.simd_lt(self.lowest);
        let (leaves, stays) = (active & outwards, active & !outwards);
        // The part of the gradient that the variable can follow.
        let projected = at_zero.select(gradient.min(zero), at_upper.select(gradient.max(zero), gradient));
        self.seen_highest = stays.select(self.seen_highest.max(projected), self.seen_highest);
        self.seen_lowest = stays.select(self.seen_lowest.min(projected), self.seen_lowest);
        let moves = stays & projected.max(-projected).simd_gt(V::splat(simd, UNMOVED));
        let step = gradient / (load::<L, V, S>(simd, lengths) + ridge);
        let next = moves.select((dual - step).max(zero).min(upper), dual);
        *duals = store(next);
        Moved {
            changes: store((next - dual) * sign),
            leaves: leaves.to_bitmask() as Mask,
        }
    }
}

/// The numbers in the first lanes, and zero in the others.
#[inline(always)]
fn load<L: Simd, V: SimdFloat<L, Element = f32>, const S: usize>(simd: L, numbers: &[f32; S]) -> V {
    if S == V::Mask::LEN {
        V::from_slice(simd, numbers)
    } else {
        V::from_fn(simd, |lane| if lane < S { numbers[lane] } else { 0.0 })
    }
}

/// The numbers of the first lanes.
#[inline(always)]
fn store<L: Simd, V: SimdFloat<L, Element = f32>, const S: usize>(vector: V) -> [f32; S] {
    std::array::from_fn(|lane| vector[lane])
}
