//! The step of one dual variable, and the rule by which it leaves the active set (Hsieh et al. 2008, algorithm 3).

use complaint_contract::Loss;

/// The loss of the rows of one label, for one class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// 1 for the class's own rows, −1 for the others.
    pub(super) sign: f32,
    /// Upper bound of the dual variable: cᵢ for the hinge, none for the squared hinge.
    upper: f32,
    /// Added to the Hessian's diagonal: 1 / (2 cᵢ) for the squared hinge.
    ridge: f32,
}

/// The result of a step for a dual variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    /// It is at a bound, and the gradient pushes it outwards. It is unlikely to change again.
    Leaves,
    /// It moves or keeps its value.
    Stays { next: f32, projected: f32 },
}

impl Rule {
    pub(super) fn new(loss: Loss, cost: f64, own: bool) -> Self {
        let (upper, ridge) = match loss {
            Loss::SquaredHinge => (f32::INFINITY, (0.5 / cost) as f32),
            Loss::Hinge => (cost as f32, 0.0),
        };
        Self {
            sign: if own { 1.0 } else { -1.0 },
            upper,
            ridge,
        }
    }

    /// The step of a row with this score. `length` is the row's squared length, with the constant feature.
    #[inline(always)]
    pub(super) fn step(self, dual: f32, score: f32, length: f32, bounds: Bounds) -> Outcome {
        let gradient = self.sign * score - 1.0 + dual * self.ridge;
        if (dual == 0.0 && gradient > bounds.highest) || (dual == self.upper && gradient < bounds.lowest) {
            return Outcome::Leaves;
        }
        let projected = self.projected(dual, gradient);
        let next = if projected.abs() > 1e-12 {
            (dual - gradient / (length + self.ridge)).clamp(0.0, self.upper)
        } else {
            dual
        };
        Outcome::Stays { next, projected }
    }

    /// The part of the gradient that the dual variable can follow.
    #[inline(always)]
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

/// The largest and the smallest projected gradient of a pass. They are the next pass's bounds for leaving the active
/// set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    highest: f32,
    lowest: f32,
}

impl Bounds {
    /// No row leaves.
    pub(super) const OPEN: Self = Self {
        highest: f32::INFINITY,
        lowest: f32::NEG_INFINITY,
    };
    /// Nothing has been seen yet.
    pub(super) const CLOSED: Self = Self {
        highest: f32::NEG_INFINITY,
        lowest: f32::INFINITY,
    };

    #[inline(always)]
    pub(super) fn see(&mut self, projected: f32) {
        self.highest = self.highest.max(projected);
        self.lowest = self.lowest.min(projected);
    }

    /// How far the pass was from the optimum.
    pub(super) fn spread(self) -> f32 {
        self.highest - self.lowest
    }

    pub(super) fn open_where_settled(self) -> Self {
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
