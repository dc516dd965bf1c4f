//! Maximum likelihood with smartcore's L-BFGS, for losses whose value and slope come from one pass over the rows, and the mean of
//! such a loss over out-of-fold scores.

use std::cell::RefCell;

use rayon::prelude::*;
use smartcore::optimization::FunctionOrder;
use smartcore::optimization::first_order::FirstOrderOptimizer;
use smartcore::optimization::first_order::lbfgs::LBFGS;
use smartcore::optimization::line_search::Backtracking;

/// Rows whose losses are summed together. The number is fixed, so sums don't depend on the number of threads.
const ROWS_AT_ONCE: usize = 1024;

/// A loss at a place: of a row, a sum or a mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loss {
    pub(crate) value: f64,
    /// Its derivatives by the place's numbers.
    pub(crate) slope: Vec<f64>,
    /// What the rows say about a number whose error is wanted: the sum of the squared derivatives of their log likelihoods by it.
    pub(crate) information: f64,
}

impl Loss {
    /// No loss at a place with so many numbers.
    pub(crate) fn none(numbers: usize) -> Self {
        Self {
            slope: vec![0.0; numbers],
            ..Self::default()
        }
    }
}

/// The mean loss of one of every `step` rows at a place that begins with a temperature's logarithm and one bias a class. Biases have a
/// normal prior with standard deviation 1. `scores` are `rows × classes`; `sum` adds up the losses of a block of them.
pub(crate) fn mean_loss(
    scores: &[f32],
    labels: &[u32],
    step: usize,
    (classes, at): (usize, &[f64]),
    sum: impl Fn(&[f32], &[u32]) -> Loss + Sync,
) -> Loss {
    let biases = &at[1..=classes];
    let parts: Vec<Loss> = scores
        .par_chunks(ROWS_AT_ONCE * step * classes)
        .zip(labels.par_chunks(ROWS_AT_ONCE * step))
        .map(|(scores, labels)| sum(scores, labels))
        .collect();
    let rows = labels.len().div_ceil(step).max(1) as f64;
    let mut all = Loss::none(at.len());
    all.value = biases.iter().map(|bias| bias * bias / 2.0).sum();
    all.slope[1..=classes].copy_from_slice(biases);
    for part in parts {
        all.value += part.value;
        all.information += part.information;
        all.slope
            .iter_mut()
            .zip(part.slope)
            .for_each(|(sum, part)| *sum += part);
    }
    all.value /= rows;
    all.slope.iter_mut().for_each(|slope| *slope /= rows);
    all
}

/// The place with the least loss, searched from `start`. `loss` is called once for each place, although the optimiser asks for value
/// and slope apart. The search ends when steps are shorter than `tolerance`, or after 100 steps.
pub(crate) fn minimise(start: Vec<f64>, tolerance: f64, loss: impl Fn(&[f64]) -> Loss) -> Vec<f64> {
    let last = RefCell::new((Vec::new(), Loss::default()));
    let look = |place: &Vec<f64>| {
        let mut last = last.borrow_mut();
        if last.0 != *place {
            *last = (place.clone(), loss(place));
        }
    };
    let value = |place: &Vec<f64>| {
        look(place);
        last.borrow().1.value
    };
    let slope = |gradient: &mut Vec<f64>, place: &Vec<f64>| {
        look(place);
        gradient.copy_from_slice(&last.borrow().1.slope);
    };
    let search = Backtracking::<f64> {
        order: FunctionOrder::THIRD,
        ..Backtracking::default()
    };
    let optimizer = LBFGS {
        max_iter: 100,
        g_atol: 1e-6,
        x_atol: tolerance,
        ..LBFGS::default()
    };
    optimizer.optimize(&value, &slope, &start, &search).x
}

#[cfg(test)]
mod tests {
    use super::{Loss, minimise};

    #[test]
    fn the_lowest_place_is_found() {
        let loss = |at: &[f64]| {
            let (x, y) = (at[0] - 1.0, at[1] + 2.0);
            Loss {
                value: x * x + 10.0 * y * y + x * y,
                slope: vec![2.0 * x + y, 20.0 * y + x],
                information: 0.0,
            }
        };
        let found = minimise(vec![5.0, 5.0], 1e-9, loss);
        assert!(
            (found[0] - 1.0).abs() < 1e-4 && (found[1] + 2.0).abs() < 1e-4,
            "{found:?}"
        );
    }
}
