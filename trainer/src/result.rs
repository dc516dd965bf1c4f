//! The result of a training, from its report.

use complaint_contract::{
    DatasetResult, DroppedLabel, FeedbackResult, LevelEvaluation, StoredArtifact, StoredReport, TrainingResult,
    TrialCounts, is_shown, round4,
};
use complaint_report::{Report, TrialStatus};

use crate::evaluate::min_class_recall;
use crate::level_answers::level_evaluations;

/// The result of a training whose report is in the store.
pub fn result(report: &Report, artifact: StoredArtifact, stored: StoredReport) -> TrainingResult {
    let dataset = &report.dataset;
    TrainingResult {
        artifact,
        report: stored,
        algorithm: report.algorithm,
        parameters: report.parameters,
        class_count: dataset.classes,
        metrics: report.metrics,
        weakest_classes: report.weakest_classes.clone(),
        calibration_error: Some(report.calibration.error_after),
        min_class_recall: min_class_recall(&report.per_class),
        coverage: report.calibration.coverage.clone(),
        levels: report.levels.as_ref().map_or_else(Vec::new, |levels| {
            let finest = LevelEvaluation {
                level: levels.names.last().cloned().unwrap_or_default(),
                metrics: report.metrics.into(),
                rows: dataset.test_rows,
                calibration_error: Some(round4(report.calibration.error_after)),
            };
            level_evaluations(&levels.coarser, finest)
        }),
        dataset: DatasetResult {
            rows: dataset.rows,
            train_rows: dataset.train_rows,
            test_rows: dataset.test_rows,
            duplicates: dataset.duplicates,
            classes: dataset.classes,
            sha256: dataset.sha256,
            dropped_labels: named(&dataset.dropped_labels),
            records: report.profile.records,
            warnings: dataset.warnings.clone(),
            holdout: dataset.holdout.clone(),
            feedback: dataset.feedback.clone().map(shown),
        },
        trials: trial_counts(report),
        current_optimal_trial: report.current_optimal_trial.clone(),
        split: report.split.clone(),
        trainer_version: report.trainer_version.clone(),
        comparison: report.comparison.clone(),
    }
}

/// The labels that may be shown.
fn named(dropped: &[DroppedLabel]) -> Vec<DroppedLabel> {
    let named = dropped.iter().filter(|dropped| is_shown(&dropped.label));
    named.cloned().collect()
}

fn shown(mut feedback: FeedbackResult) -> FeedbackResult {
    feedback.dropped_labels = named(&feedback.dropped_labels);
    feedback
}

/// Counts a report's trials by status.
fn trial_counts(report: &Report) -> TrialCounts {
    let count = |status| report.trials.iter().filter(|trial| trial.status == status).count();
    TrialCounts {
        succeeded: count(TrialStatus::Succeeded),
        failed: count(TrialStatus::Failed),
        early_stopped: count(TrialStatus::EarlyStopped),
        total: report.trials.len(),
    }
}
