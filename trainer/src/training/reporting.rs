//! Builds the report of a finished training.

use std::collections::BTreeMap;

use complaint_contract::{Algorithm, Parameters};
use complaint_model::word_scores::WordScores;
use complaint_model::{Artifact, Sha256Digest};
use complaint_report::{
    Choice, ClassBalance, ClassTerms, DatasetSummary, EnsembleMember, LabelAudit, LevelModel, LevelsReport, Mistake,
    MonthAccuracy, Report, ReviewReport, WeightedTerm, WordVectorsReport,
};

use super::fitting::Fitted;
use super::held_out::HeldOut;
use super::levels::CoarserModel;
use super::searching::Searched;
use super::{Inputs, Prepared, TOP_TERMS};
use crate::config::Estimator;
use crate::dataset::month;
use crate::ensemble::Share;
use crate::evaluate::{Evaluation, predict};
use crate::level_answers::LevelAnswers;

/// What the steps of a training found.
pub(super) struct Parts {
    pub(super) searched: Searched,
    pub(super) choices: Vec<Choice>,
    /// The share of the words of all training rows that have vectors, if there are vectors.
    pub(super) share_with_vectors: Option<f64>,
    pub(super) evaluation: Evaluation,
    pub(super) levels: Option<LevelsReport>,
    pub(super) held_out: HeldOut,
    pub(super) review: Option<ReviewReport>,
    pub(super) label_audit: Option<LabelAudit>,
}

/// The report of a finished training, whose artifact has this digest.
pub(super) fn report(
    inputs: &Inputs<'_>,
    prepared: &Prepared,
    artifact: &Artifact,
    digest: Sha256Digest,
    parts: Parts,
) -> Report {
    let config = inputs.config;
    let Parts {
        searched,
        choices,
        share_with_vectors,
        evaluation,
        levels,
        held_out,
        review,
        label_audit,
    } = parts;
    let best = searched.best;
    let confusion_matrix = evaluation.scored.confusion().matrix(&prepared.dataset.all_labels());
    let mistakes = mistakes(prepared, &evaluation, held_out.texts);
    let months = months(prepared, &evaluation);
    Report {
        name: config.name.clone(),
        artifact_sha256: digest,
        algorithm: best.optimal.algorithm,
        parameters: best.optimal.parameters,
        metrics: evaluation.metrics,
        per_class: evaluation.per_class,
        months,
        confusion_matrix,
        calibration: evaluation.calibration,
        review,
        weakest_classes: evaluation.weakest,
        dataset: summary(prepared),
        split: prepared.split_name.clone(),
        preprocessing: (&best.pipeline.preprocessing).into(),
        features: (&best.pipeline.features).into(),
        term_count: artifact.vocabulary().len(),
        scoring: config.search.scoring,
        folds: config.search.folds,
        repeats: config.search.repeats.unwrap_or(1),
        choices,
        ensemble: ensemble(&best.members),
        word_vectors: best.scaled.as_ref().map(|scaled| WordVectorsReport {
            sha256: scaled.vectors.vectors().sha256,
            license: config
                .word_vectors
                .as_ref()
                .and_then(|settings| settings.license.clone()),
            dimensions: scaled.vectors.vectors().dimensions,
            file_words: scaled.vectors.vectors().file_words,
            words: artifact.word_scores().map_or(0, WordScores::len),
            known_share: share_with_vectors.unwrap_or_default(),
            scale: f64::from(scaled.scale),
            scales: scaled.trials.clone(),
        }),
        current_optimal_trial: best.optimal,
        trials: searched.trials,
        levels,
        top_terms: top_terms(artifact),
        comparison: held_out.comparison,
        trainer_version: env!("CARGO_PKG_VERSION").to_owned(),
        architecture: Some(std::env::consts::ARCH.to_owned()),
        confidence_intervals: evaluation.intervals,
        mistakes,
        label_audit,
        profile: prepared.profile.clone(),
        spec_hash: config.spec_hash.clone(),
        run: Some(config.reproducible()),
    }
}

/// The quality at the coarser levels, if the categories have levels.
pub(super) fn level_reports(
    prepared: &Prepared,
    fitted: &Fitted,
    searched: &Searched,
    seed: u64,
) -> Option<LevelsReport> {
    let levels = prepared.levels.as_ref()?;
    let mut answers = LevelAnswers::new(levels, &prepared.dataset.labels);
    for (rows, documents) in [
        (&fitted.test, &prepared.split.test),
        (&fitted.partial_test, &prepared.partial.test),
    ] {
        let labels = prepared.labels_of(documents);
        for (label, (answer, probabilities)) in labels.iter().zip(predict(&fitted.artifact, rows)) {
            answers.take(label, answer, &probabilities);
        }
    }
    let mut coarser = answers.reports(seed);
    for (report, model) in coarser
        .iter_mut()
        .zip(searched.levels.iter().flat_map(|models| &models.coarser))
    {
        report.model = level_model(model);
    }
    Some(LevelsReport {
        names: levels.names().to_vec(),
        partial_train_rows: prepared.partial.train.len(),
        partial_test_rows: prepared.partial.test.len(),
        coarser,
    })
}

/// The model of a coarser level. `None` if there is nothing to choose.
fn level_model(model: &CoarserModel) -> Option<LevelModel> {
    let single = (model.members.len() == 1).then(|| model.members[0].0);
    (!model.members.is_empty()).then(|| LevelModel {
        algorithm: single.map_or(Algorithm::Ensemble, |estimator| estimator.algorithm()),
        parameters: single.map_or_else(Parameters::default, |estimator| estimator.parameters()),
        ensemble: ensemble(&model.members),
        temperature: model.calibration.temperature,
        monotone_map: model.calibration.top.is_some(),
        cross_validation: model.cross_validation,
        trials: model.trials.clone(),
    })
}

/// Right answers by month. Empty where no held-out row has a time.
fn months(prepared: &Prepared, evaluation: &Evaluation) -> Vec<MonthAccuracy> {
    let scored = &evaluation.scored;
    let mut months: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (place, &row) in prepared.split.test.iter().enumerate() {
        if let Some(time) = prepared.dataset.rows[row as usize].time {
            let (rows, right) = months.entry(month(time)).or_default();
            *rows += 1;
            *right += usize::from(scored.predicted[place] == scored.actual[place]);
        }
    }
    let months = months.into_iter().map(|(month, (rows, right))| MonthAccuracy {
        month,
        rows,
        accuracy: right as f64 / rows as f64,
    });
    months.collect()
}

/// The members of an ensemble. Empty for a single trial.
fn ensemble(members: &[(Estimator, Share)]) -> Vec<EnsembleMember> {
    if members.len() < 2 {
        return Vec::new();
    }
    let member = |(estimator, share): &(Estimator, Share)| EnsembleMember {
        algorithm: estimator.algorithm(),
        parameters: estimator.parameters(),
        weight: share.weight,
        temperature: share.temperature,
    };
    members.iter().map(member).collect()
}

fn summary(prepared: &Prepared) -> DatasetSummary {
    let (dataset, split) = (&prepared.dataset, &prepared.split);
    let count = |rows: &[u32], class: usize| {
        rows.iter()
            .filter(|&&row| dataset.rows[row as usize].label as usize == class)
            .count()
    };
    let class_balance = dataset
        .all_labels()
        .into_iter()
        .enumerate()
        .map(|(class, label)| ClassBalance {
            label,
            train_rows: count(&split.train, class),
            test_rows: count(&split.test, class),
        });
    DatasetSummary {
        rows: dataset.rows.len(),
        train_rows: split.train.len(),
        test_rows: split.test.len(),
        duplicates: dataset.counts.duplicates as usize,
        contradictions: dataset.counts.contradictory as usize,
        empty_rows: (dataset.counts.without_text
            + dataset.counts.text_of_other_type
            + dataset.counts.without_label
            + dataset.counts.label_of_other_type) as usize,
        classes: dataset.labels.len(),
        sha256: dataset.sha256,
        dropped_labels: dataset.dropped_labels.clone(),
        warnings: dataset.warnings.clone(),
        holdout: prepared.holdout.clone(),
        feedback: prepared.feedback.clone(),
        class_balance: class_balance.collect(),
    }
}

fn mistakes(prepared: &Prepared, evaluation: &Evaluation, mut texts: BTreeMap<usize, String>) -> Vec<Mistake> {
    let (dataset, labels) = (&prepared.dataset, prepared.dataset.all_labels());
    evaluation
        .mistakes
        .iter()
        .map(|&(position, probability)| {
            let row = &dataset.rows[prepared.split.test[position] as usize];
            Mistake {
                row: row.number,
                actual: labels[row.label as usize].clone(),
                predicted: labels[evaluation.scored.predicted[position] as usize].clone(),
                probability: complaint_contract::round4(probability),
                text: texts.remove(&position),
            }
        })
        .collect()
}

/// For each class, the terms whose weights are furthest above their mean over all classes, heaviest first.
fn top_terms(artifact: &Artifact) -> Vec<ClassTerms> {
    let model = artifact.model();
    let means: Vec<f32> = (0..model.terms() as u32)
        .map(|term| model.term_weights(term).iter().sum::<f32>() / model.classes() as f32)
        .collect();
    // Naive Bayes gives rare terms the greatest weights, so its terms are ranked by their contribution to a typical
    // text.
    let scale = |term: u32| {
        if matches!(
            artifact.algorithm(),
            Algorithm::ComplementNaiveBayes | Algorithm::MultinomialNaiveBayes
        ) {
            1.0 / artifact.idf()[term as usize]
        } else {
            1.0
        }
    };
    artifact
        .labels()
        .iter()
        .enumerate()
        .map(|(class, label)| {
            let weight = |term: u32| (model.term_weights(term)[class] - means[term as usize]) * scale(term);
            let mut terms: Vec<(f32, u32)> = (0..model.terms() as u32).map(|term| (weight(term), term)).collect();
            let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
            if terms.len() > TOP_TERMS {
                terms.select_nth_unstable_by(TOP_TERMS, order);
                terms.truncate(TOP_TERMS);
            }
            terms.sort_by(order);
            let terms = terms.into_iter().map(|(weight, term)| WeightedTerm {
                term: artifact.vocabulary().term(term).to_owned(),
                weight: f64::from(weight),
            });
            ClassTerms {
                label: label.clone(),
                terms: terms.collect(),
            }
        })
        .collect()
}
