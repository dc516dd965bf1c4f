//! Maximum likelihood with smartcore's L-BFGS, for losses whose value and slope come from one pass over the rows.

use std::cell::RefCell;

use smartcore::optimization::FunctionOrder;
use smartcore::optimization::first_order::FirstOrderOptimizer;
use smartcore::optimization::first_order::lbfgs::LBFGS;
use smartcore::optimization::line_search::Backtracking;

/// The place with the least loss, searched from `start`. `loss` gives the value and the slope at a place; it is called once for each
/// place, although the optimiser asks for the two apart. The search ends when steps are shorter than `tolerance`, or after 100 steps.
pub(crate) fn minimise(start: Vec<f64>, tolerance: f64, loss: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Vec<f64> {
    let last = RefCell::new((Vec::new(), 0.0, Vec::new()));
    let look = |place: &Vec<f64>| {
        let mut last = last.borrow_mut();
        if last.0 != *place {
            let (value, slope) = loss(place);
            *last = (place.clone(), value, slope);
        }
    };
    let value = |place: &Vec<f64>| {
        look(place);
        last.borrow().1
    };
    let slope = |gradient: &mut Vec<f64>, place: &Vec<f64>| {
        look(place);
        gradient.copy_from_slice(&last.borrow().2);
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
    use super::minimise;

    #[test]
    fn the_lowest_place_is_found() {
        let loss = |at: &[f64]| {
            let (x, y) = (at[0] - 1.0, at[1] + 2.0);
            (x * x + 10.0 * y * y + x * y, vec![2.0 * x + y, 20.0 * y + x])
        };
        let found = minimise(vec![5.0, 5.0], 1e-9, loss);
        assert!(
            (found[0] - 1.0).abs() < 1e-4 && (found[1] + 2.0).abs() < 1e-4,
            "{found:?}"
        );
    }
}
