//! Fits the model that the search chose.

use complaint_contract::TrainingStage;
use complaint_model::artifact::{Provenance, SurfaceTable, TextRows};
use complaint_model::model::Calibration;
use complaint_model::sparse::CsrMatrix;
use complaint_model::thresholds::OperatingPoints;
use complaint_model::vectorize::{FoldTerms, Vectorizer};
use complaint_model::word_scores::WordScores;
use complaint_model::{Artifact, ArtifactBuilder, Estimate, LevelModels, LinearModel};
use complaint_report::LabelAudit;
use rayon::prelude::*;

use super::auditing::{MOST_SUSPECTS, label_audit};
use super::levels::fit_coarser;
use super::scaling::floor;
use super::searching::Searched;
use super::{Inputs, Prepared, Words};
use crate::calibration::{OutOfFold, calibrate};
use crate::config::Estimator;
use crate::ensemble::{Share, fold_together};
use crate::error::TrainError;
use crate::progress::Progress;
use crate::review::{UnseenRows, operating_points};
use crate::search::no_terms;
use crate::solve::estimator::fit;
use crate::solve::order::FrequencyOrder;
use crate::solve::{Coefficients, Effort, Problem};
use crate::vector_scaling::vector_scaling;

/// The final model, and the test rows as it reads them.
pub(super) struct Fitted {
    pub(super) artifact: Artifact,
    pub(super) test: TextRows,
    /// The test rows whose label ends above the finest level.
    pub(super) partial_test: TextRows,
    /// The share of the words of all training rows that have vectors, if there are vectors.
    pub(super) share_with_vectors: Option<f64>,
}

/// Fits the chosen models on all training rows, combines them and calibrates on the out-of-fold scores. Meanwhile it audits the
/// labels by these scores.
pub(super) fn fit_best(
    inputs: &Inputs<'_>,
    prepared: &Prepared,
    searched: &Searched,
    progress: &Progress,
) -> Result<(Fitted, LabelAudit), TrainError> {
    let config = inputs.config;
    let best = &searched.best;
    let rows = prepared.split.train.len();
    progress.tell(
        TrainingStage::Fitting,
        0.0,
        &format!("{} on {rows} rows", best.optimal.algorithm),
    );
    let features = &best.pipeline.features;
    let learned = prepared.rows_to_learn_from();
    let terms = best.terms.fit(&learned, features);
    let rows = terms.transform(&prepared.split.train);
    if rows.cols == 0 {
        return Err(no_terms().into());
    }
    let order = FrequencyOrder::of(&rows);
    let terms_count = rows.cols;
    let vectors = best
        .scaled
        .as_ref()
        .map(|scaled| (scaled.vectors.fit(&learned), scaled.scale));
    let share_with_vectors = vectors.as_ref().map(|(vectors, _)| vectors.share_known(&learned));
    let vectors = vectors.filter(|(_, scale)| *scale > 0.0);
    // The rows as the solvers want them, with the number of columns of word vectors.
    let ready = |mut rows: CsrMatrix, documents: &[u32]| {
        order.renumber(&mut rows);
        if let Some((vectors, scale)) = &vectors {
            vectors.append_to(&mut rows, documents, *scale);
        }
        let dense = rows.cols - terms_count;
        (rows, dense)
    };
    let (rows, dense) = ready(rows, &prepared.split.train);
    let labels = &prepared.dataset.labels;
    let problem = Problem {
        rows: &rows,
        dense,
        labels: &prepared.train_labels,
        classes: labels.len(),
    };
    let seed = config.evaluation.seed;
    // The solvers have few tasks, and the last one leaves the other threads without work. Another thread begins with the solvers at
    // once, and this one takes part when it has done the rest.
    let (beside, coefficients) = rayon::join(
        || Beside::make(inputs, prepared, searched, &terms, &learned),
        || fit_members(problem, &best.members, seed),
    );
    let coefficients = coefficients?;
    let beside = beside?;
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
        &beside.vectorizer,
        model,
        best.optimal.algorithm,
        best.optimal.parameters,
    )
    .calibration(beside.calibration)
    .estimate(beside.estimate)
    .thresholds(beside.points)
    .provenance(Provenance {
        split: prepared.split_name.clone(),
        dataset_sha256: Some(prepared.dataset.sha256),
        feedback_sha256: prepared.feedback.as_ref().and_then(|feedback| feedback.sha256),
        word_vectors_sha256: (word_scores.as_ref().and(best.scaled.as_ref()))
            .map(|scaled| scaled.vectors.vectors().sha256),
        trainer_version: env!("CARGO_PKG_VERSION").to_owned(),
        parent: None,
    });
    if let Some((levels, models)) = prepared.levels.as_ref().zip(searched.levels.as_ref()) {
        let rows_of = |documents: &[u32]| {
            let mut rows = terms.transform(documents);
            order.renumber(&mut rows);
            rows
        };
        let names = prepared.labels_of(&learned);
        let fitted = fit_coarser(levels, &models.coarser, (&learned, &names), rows_of, &order, seed)?;
        builder = builder.levels(LevelModels::new(levels.clone(), fitted));
    }
    if let Some(table) = word_scores {
        builder = builder.word_scores(table);
    }
    if let Some(table) = beside.surfaces {
        builder = builder.surface_table(table);
    }
    let artifact = builder
        .build()
        .map_err(|error| TrainError::Internal(error.to_string()))?;
    let read = |rows: &[u32]| match &best.words {
        Words::Corpus(corpus) => artifact.with_words(terms.transform(rows), corpus, rows),
        Words::Counts(_) => terms.transform(rows).into(),
    };
    let (test, partial_test) = (read(&prepared.split.test), read(&prepared.partial.test));
    let fitted = Fitted {
        artifact,
        test,
        partial_test,
        share_with_vectors,
    };
    Ok((fitted, beside.label_audit))
}

/// The parts of the artifact and of the report that need no fitted model.
struct Beside {
    calibration: Calibration,
    estimate: Estimate,
    points: OperatingPoints,
    vectorizer: Vectorizer,
    surfaces: Option<SurfaceTable>,
    label_audit: LabelAudit,
}

impl Beside {
    /// Makes them from the out-of-fold scores, and from the terms of the documents `learned`.
    fn make(
        inputs: &Inputs<'_>,
        prepared: &Prepared,
        searched: &Searched,
        terms: &FoldTerms<'_>,
        learned: &[u32],
    ) -> Result<Self, TrainError> {
        let best = &searched.best;
        let classes = prepared.dataset.labels.len();
        let calibration = match &searched.levels {
            Some(models) => models.finest.clone(),
            None => calibrate(OutOfFold {
                scores: &best.scores,
                labels: &prepared.train_labels,
                folds: &searched.folds,
                classes,
            }),
        };
        // The scores of levels together are logarithms of probabilities.
        let temperature = if searched.levels.is_some() {
            1.0
        } else {
            calibration.temperature
        };
        let estimate = vector_scaling(&best.scores, &prepared.train_labels, classes, temperature);
        let unseen = UnseenRows {
            scores: [&best.scores, &searched.partial_scores],
            classes: &prepared.train_labels,
            labels: &prepared.labels_of(learned),
        };
        let points = operating_points(unseen, classes, prepared.levels.as_ref(), &calibration);
        let vectorizer = terms.vectorizer();
        let surfaces = match &best.words {
            Words::Corpus(corpus) => {
                let documents = floor(best.pipeline.features.min_document_frequency);
                Some(SurfaceTable::collect(&vectorizer, corpus, learned, documents))
            }
            Words::Counts(_) => None,
        };
        let label_audit = label_audit(inputs, prepared, searched, &estimate, MOST_SUSPECTS)?;
        Ok(Self {
            calibration,
            estimate,
            points,
            vectorizer,
            surfaces,
            label_audit,
        })
    }
}

/// Combines all members into one linear model.
pub(super) fn fit_members(
    problem: Problem<'_>,
    members: &[(Estimator, Share)],
    seed: u64,
) -> Result<Coefficients, TrainError> {
    let members = members
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
