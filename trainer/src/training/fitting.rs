//! Fits the model that the search chose.

use complaint_contract::TrainingStage;
use complaint_model::artifact::Provenance;
use complaint_model::artifact::TextRows;
use complaint_model::word_scores::WordScores;
use complaint_model::{Artifact, ArtifactBuilder, LinearModel};
use rayon::prelude::*;

use super::scaling::floor;
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

/// The final model, and the test rows as it reads them.
pub(super) struct Fitted {
    pub(super) artifact: Artifact,
    pub(super) test: TextRows,
    /// The share of the words of all training rows that have vectors, if there are vectors.
    pub(super) share_with_vectors: Option<f64>,
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
    let terms_count = rows.cols;
    let vectors = best
        .scaled
        .as_ref()
        .map(|scaled| (scaled.vectors.fit(&prepared.split.train), scaled.scale));
    let share_with_vectors = vectors
        .as_ref()
        .map(|(vectors, _)| vectors.share_known(&prepared.split.train));
    let vectors = vectors.filter(|(_, scale)| *scale > 0.0);
    if let Some((vectors, scale)) = &vectors {
        vectors.append_to(&mut rows, &prepared.split.train, *scale);
    }
    let labels = &prepared.dataset.labels;
    let problem = Problem {
        rows: &rows,
        dense: rows.cols - terms_count,
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
    let coefficients = coefficients?;
    progress.tell(TrainingStage::Fitting, 0.9, "building the artifact");
    let word_scores: Option<WordScores> = vectors
        .map(|(vectors, scale)| {
            let block = &coefficients.weights[terms_count * labels.len()..];
            vectors
                .word_scores(block, labels.len(), scale)
                .map_err(TrainError::Internal)
        })
        .transpose()?;
    let coefficients = order.restore(coefficients);
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
        word_vectors_sha256: (word_scores.as_ref().and(best.scaled.as_ref()))
            .map(|scaled| scaled.vectors.vectors().sha256),
        trainer_version: env!("CARGO_PKG_VERSION").to_owned(),
        parent: None,
    });
    if let Some(table) = word_scores {
        builder = builder.word_scores(table);
    }
    if let Words::Corpus(corpus) = &best.words {
        let documents = floor(features.min_document_frequency);
        builder = builder.surface_forms(corpus, &prepared.split.train, documents);
    }
    let artifact = builder
        .build()
        .map_err(|error| TrainError::Internal(error.to_string()))?;
    let test = terms.transform(&prepared.split.test);
    let test = match &best.words {
        Words::Corpus(corpus) => artifact.with_words(test, corpus, &prepared.split.test),
        Words::Counts(_) => test.into(),
    };
    Ok(Fitted {
        artifact,
        test,
        share_with_vectors,
    })
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
