//! Fits the models of the coarser levels.

use complaint_model::model::Calibration;
use complaint_model::sparse::CsrMatrix;
use complaint_model::{Levels, LinearModel};

use super::super::fitting::fit_members;
use super::CoarserModel;
use crate::error::TrainError;
use crate::solve::order::FrequencyOrder;
use crate::solve::{Coefficients, Problem};

/// Fits each coarser level's model on all rows that have a category there. `rows_of` gives the weighted rows of documents, with terms
/// in the given order; `names` are the labels of all `rows` that may be learned from.
pub(in crate::training) fn fit_coarser(
    levels: &Levels,
    models: &[CoarserModel],
    (rows, names): (&[u32], &[&str]),
    rows_of: impl Fn(&[u32]) -> CsrMatrix,
    order: &FrequencyOrder,
    seed: u64,
) -> Result<Vec<(LinearModel, Calibration)>, TrainError> {
    let fit = |((_, level), model): ((&str, _), &CoarserModel)| {
        let level: &complaint_model::levels::Level = level;
        let (known, labels): (Vec<u32>, Vec<u32>) = rows
            .iter()
            .zip(names)
            .filter_map(|(&row, name)| level.find(name).map(|category| (row, category as u32)))
            .unzip();
        let matrix = rows_of(&known);
        let categories = level.categories().len();
        let fitted = match model.members.as_slice() {
            // There is one category, and nothing to learn.
            [] => Coefficients {
                weights: vec![0.0; matrix.cols * categories],
                bias: vec![0.0; categories],
            },
            members => {
                let problem = Problem {
                    rows: &matrix,
                    dense: 0,
                    labels: &labels,
                    classes: categories,
                };
                order.restore(fit_members(problem, members, seed)?)
            }
        };
        let fitted = LinearModel {
            labels: level.categories().to_vec(),
            weights: fitted.weights,
            bias: fitted.bias,
        };
        Ok((fitted, model.calibration.clone()))
    };
    levels.coarser().zip(models).map(fit).collect()
}
