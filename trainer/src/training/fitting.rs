//! Fits the model that the search chose.

use complaint_contract::TrainingStage;
use complaint_model::artifact::Provenance;
use complaint_model::sparse::CsrMatrix;
use complaint_model::{Artifact, ArtifactBuilder, LinearModel};
use rayon::prelude::*;

use super::searching::Searched;
use super::{Prepared, Words};
use crate::calibration::{OutOfFold, calibrate};
use crate::config::RunConfig;
use crate::ensemble::fold_together;
use crate::error::TrainError;
use crate::progress::Progress;
use crate::review::operating_points;
use crate::search::no_terms;
use crate::solve::estimator::fit;
use crate::solve::order::FrequencyOrder;
use crate::solve::{Coefficients, Effort, Problem};
use crate::vector_scaling::vector_scaling;

/// Minimum number of documents that must contain a word's spelling before the spelling is stored. If terms need fewer
/// documents, that lower number applies.
const SURFACE_FORM_DOCUMENTS: usize = 5;

/// The final model, and the test rows vectorised with its terms.
pub(super) struct Fitted {
    pub(super) artifact: Artifact,
    pub(super) test: CsrMatrix,
}

/// Fits the chosen models on all training rows, combines them and calibrates on the out-of-fold scores.
pub(super) fn fit_best(
    config: &RunConfig,
    prepared: &Prepared,
    searched: &Searched,
    progress: &Progress,
) -> Result<Fitted, TrainError> {
    let best = &searched.best;
    let rows = prepared.split.train.len();
    progress.tell(
        TrainingStage::Fitting,
        0.0,
        &format!("{} on {rows} rows", best.optimal.algorithm),
    );
    let features = &best.pipeline.features;
    let terms = best.terms.fit(&prepared.split.train, features);
    let mut rows = terms.transform(&prepared.split.train);
    if rows.cols == 0 {
        return Err(no_terms().into());
    }
    let order = FrequencyOrder::of(&rows);
    order.renumber(&mut rows);
    let labels = &prepared.dataset.labels;
    let problem = Problem {
        rows: &rows,
        labels: &prepared.train_labels,
        classes: labels.len(),
    };
    let (coefficients, (calibration, estimate, points)) = rayon::join(
        || fit_members(problem, searched, config.evaluation.seed),
        || {
            let calibration = calibrate(OutOfFold {
                scores: &best.scores,
                labels: &prepared.train_labels,
                folds: &searched.folds,
                classes: labels.len(),
            });
            let temperature = calibration.temperature;
            let estimate = vector_scaling(&best.scores, &prepared.train_labels, labels.len(), temperature);
            let points = operating_points(&best.scores, &prepared.train_labels, labels.len(), &calibration);
            (calibration, estimate, points)
        },
    );
    let coefficients = order.restore(coefficients?);
    progress.tell(TrainingStage::Fitting, 0.9, "building the artifact");
    let test = terms.transform(&prepared.split.test);
    let model = LinearModel {
        labels: labels.clone(),
        weights: coefficients.weights,
        bias: coefficients.bias,
    };
    let mut builder = ArtifactBuilder::new(
        &best.pipeline.preprocessing,
        &terms.vectorizer(),
        model,
        best.optimal.algorithm,
        best.optimal.parameters,
    )
    .calibration(calibration)
    .estimate(estimate)
    .thresholds(points)
    .provenance(Provenance {
        split: prepared.split_name.clone(),
        dataset_sha256: Some(prepared.dataset.sha256),
        feedback_sha256: prepared.feedback.as_ref().and_then(|feedback| feedback.sha256),
        trainer_version: env!("CARGO_PKG_VERSION").to_owned(),
        parent: None,
    });
    if let Words::Corpus(corpus) = &best.words {
        let documents = SURFACE_FORM_DOCUMENTS.min(features.min_document_frequency);
        builder = builder.surface_forms(corpus, &prepared.split.train, documents);
    }
    let artifact = builder
        .build()
        .map_err(|error| TrainError::Internal(error.to_string()))?;
    Ok(Fitted { artifact, test })
}

/// Combines all members into one linear model.
fn fit_members(problem: Problem<'_>, searched: &Searched, seed: u64) -> Result<Coefficients, TrainError> {
    let members = searched
        .best
        .members
        .par_iter()
        .map(|&(estimator, share)| {
            fit(problem, estimator, Effort::fit(seed))
                .map(|fitted| (fitted, share))
                .map_err(|error| {
                    TrainError::Training(format!("{estimator} could not be fitted on all training rows: {error}"))
                })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(fold_together(&members))
}
