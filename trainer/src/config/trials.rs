//! The trials of the search, in order.

use complaint_contract::Strategy;

use super::{Estimator, Pipeline, RunConfig, Trial, estimators, pipelines};
use crate::rng::Rng;

/// The random number stream of a random search.
const DRAWS: u64 = 0x6472_6177;

impl RunConfig {
    /// The text pipelines of the search: all combinations of `search.pipelineGrid` and of the
    /// document frequencies to try, or one.
    pub fn pipelines(&self) -> Vec<Pipeline> {
        let all = pipelines::pipelines(
            &self.search.pipeline_grid,
            &self.preprocessing,
            &self.features,
            &self.document_frequencies,
        );
        let mut distinct: Vec<Pipeline> = Vec::new();
        for pipeline in all {
            if !distinct.contains(&pipeline) {
                distinct.push(pipeline);
            }
        }
        distinct
    }

    /// The estimators of all candidates, without duplicates.
    fn estimators(&self) -> Vec<Estimator> {
        let mut distinct: Vec<Estimator> = Vec::new();
        for estimator in self.search.candidates.iter().flat_map(estimators) {
            if !distinct.contains(&estimator) {
                distinct.push(estimator);
            }
        }
        distinct
    }

    /// Number of points of the whole grid.
    pub(super) fn grid_points(&self) -> usize {
        self.pipelines().len() * self.estimators().len()
    }

    /// The trials in the order in which they run: pipeline by pipeline. A random search draws `search.maxTrialCount` of
    /// them with the evaluation's seed.
    pub fn trials(&self) -> Vec<Trial> {
        let estimators = self.estimators();
        let mut trials: Vec<Trial> = (0..self.pipelines().len())
            .flat_map(|pipeline| estimators.iter().map(move |&estimator| Trial { pipeline, estimator }))
            .collect();
        let most = self.search.max_trial_count;
        if self.search.strategy == Strategy::Random && trials.len() > most {
            let mut places: Vec<usize> = (0..trials.len()).collect();
            Rng::new(self.evaluation.seed, DRAWS).shuffle(&mut places);
            places.truncate(most);
            places.sort_unstable();
            trials = places.into_iter().map(|place| trials[place]).collect();
        }
        trials
    }
}
