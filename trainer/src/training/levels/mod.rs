//! Models whose categories have levels, such as products and their issues.
//!
//! Each level has a linear model of its own. The coarsest is learned from all rows, also from those whose issue is not known; the
//! finest from the rows whose whole path is. An answer is the most probable product, and then the most probable of its
//! issues; [`complaint_model::level_models`] says how the levels make one probability a class.

mod conditional;
mod fitting;
mod searching;

pub(super) use fitting::fit_coarser;
pub(super) use searching::{CoarserModel, LeveledModel, add_levels};

use crate::dataset::Dataset;
use crate::split::Split;

/// Rows whose label ends above the finest level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) train: Vec<u32>,
    pub(super) test: Vec<u32>,
}

impl Partial {
    /// Takes these rows out of the split, and their labels out of [`Dataset::labels`].
    pub(super) fn take(dataset: &mut Dataset, split: &mut Split) -> Self {
        dataset.take_inner_labels();
        let take = |rows: &mut Vec<u32>| {
            let (partial, complete) = rows.iter().partition(|row| dataset.is_partial(**row));
            *rows = complete;
            partial
        };
        Self {
            train: take(&mut split.train),
            test: take(&mut split.test),
        }
    }
}
