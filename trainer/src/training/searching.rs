//! The search over text pipelines and estimators.

use std::sync::Arc;

use complaint_contract::TrainingStage;
use complaint_contract::{Algorithm, CrossValidation, OptimalTrial, Parameters};
use complaint_model::vectorize::TermCounts;
use complaint_report::{Trial as TrialReport, TrialStatus};

use super::levels::{LeveledModel, add_levels};
use super::scaling::{self, Scaled, choose_scale};
use super::{Inputs, Prepared, Words, tokenise};
use crate::config::{Estimator, Pipeline, RunConfig, Trial};
use crate::ensemble::{SelectionData, Share, select};
use crate::error::TrainError;
use crate::progress::Progress;
use crate::search::{NO_CLASS, Race, SearchOutcome, SearchSettings, TrainingPart, search};
use crate::split::stratified_group_folds;

/// The result of the search.
pub(super) struct Searched {
    /// All trials, in order.
    pub(super) trials: Vec<TrialReport>,
    /// The fold of each training row, in the first division.
    pub(super) folds: Vec<u8>,
    /// The models of the coarser levels, if the categories have levels.
    pub(super) levels: Option<LeveledModel>,
    /// Out-of-fold scores of the training rows whose label ends above the finest level, `rows × classes`.
    pub(super) partial_scores: Vec<f32>,
    pub(super) best: Best,
}

/// The best result, which becomes the model: one trial, or several trials of one text pipeline.
pub(super) struct Best {
    pub(super) pipeline: Pipeline,
    pub(super) words: Words,
    pub(super) terms: Arc<TermCounts>,
    pub(super) members: Vec<(Estimator, Share)>,
    /// Out-of-fold scores of the first division, `rows × classes`.
    pub(super) scores: Vec<f32>,
    pub(super) optimal: OptimalTrial,
    /// The word vectors, if there are some.
    pub(super) scaled: Option<Scaled>,
}

/// The share of a single trial that is not averaged.
const WHOLE: Share = Share {
    candidate: 0,
    weight: 1.0,
    temperature: 1.0,
};

/// Reads the word vectors, if there are some, and runs all trials, one text pipeline after the other. Takes the counted terms out of
/// `prepared`.
pub(super) fn run_search(
    inputs: &Inputs<'_>,
    prepared: &mut Prepared,
    progress: &Progress,
) -> Result<Searched, TrainError> {
    let mut terms = prepared.terms.take();
    let prepared = &*prepared;
    let vectors = scaling::read(inputs, prepared, progress)?;
    let config = inputs.config;
    let pipelines = config.pipelines();
    let all = config.trials();
    let train = prepared.rows_to_learn_from();
    let keys: Vec<u64> = train.iter().map(|&row| prepared.split.keys[row as usize]).collect();
    let classes = prepared.dataset.labels.len();
    let repeats = config.search.repeats.unwrap_or(1);
    // Rows without a class of the finest level are spread over the folds by their own labels.
    let (strata, all_strata) = strata(prepared, &train);
    let class_of = |&label: &u32| if (label as usize) < classes { label } else { NO_CLASS };
    let labels: Vec<u32> = strata.iter().map(class_of).collect::<Vec<u32>>().repeat(repeats);
    let rows = train.repeat(repeats);
    let fold_count = config.search.folds;
    let folds: Vec<u8> = (0..repeats)
        .flat_map(|repeat| {
            let seed = config.evaluation.seed + repeat as u64;
            let folds = stratified_group_folds(&strata, &keys, all_strata, fold_count, seed);
            folds.into_iter().map(move |fold| fold + (repeat * fold_count) as u8)
        })
        .collect();
    progress.tell(
        TrainingStage::Searching,
        0.0,
        &format!("{} trials on {} folds", all.len(), fold_count * repeats),
    );
    let divided = Divided {
        rows: &rows,
        labels: &labels,
        folds: &folds,
        fold_count,
        repeats,
        classes,
    };
    let mut words = (&pipelines[0].preprocessing, prepared.words.clone());
    let tried: Vec<Estimator> = all.iter().map(|trial| trial.estimator).collect();
    let mut race = race(config, &tried, classes, prepared.split.train.len(), repeats);
    let (mut trials, mut best) = (Vec::new(), None::<Best>);
    for (place, pipeline) in pipelines.iter().enumerate() {
        let estimators: Vec<Estimator> = of_pipeline(&all, place);
        if estimators.is_empty() {
            continue;
        }
        if words.0 != &pipeline.preprocessing {
            words = (
                &pipeline.preprocessing,
                Words::Corpus(Arc::new(tokenise(&prepared.dataset, &pipeline.preprocessing)?)),
            );
        }
        let counted = terms
            .take()
            .filter(|terms| place == 0 && terms.features() == &pipeline.features);
        let terms = counted.unwrap_or_else(|| words.1.counts(&pipeline.features));
        let part = divided.part(&terms);
        let settings = SearchSettings {
            features: &pipeline.features,
            scoring: config.search.scoring,
            seed: config.evaluation.seed,
            keep: config.search.members_to_choose_from(),
        };
        let before = trials.len();
        let outcome = search(
            part,
            &estimators,
            settings,
            race.as_mut(),
            &|done, chains, estimator| {
                let share = done as f64 / chains.max(1) as f64;
                let finished = before + (share * estimators.len() as f64) as usize;
                progress.tell(
                    TrainingStage::Searching,
                    (before as f64 + share * estimators.len() as f64) / all.len() as f64,
                    &format!("{finished} of {} trials: {estimator}", all.len()),
                );
            },
        )?;
        trials.extend(outcome.trials.iter().cloned().map(|trial| TrialReport {
            parameters: pipeline.parameters(trial.parameters),
            ..trial
        }));
        let found = chosen(config, part, &estimators, outcome);
        if let Some(found) = found.filter(|found| better(config, found, best.as_ref())) {
            best = Some(Best {
                optimal: OptimalTrial {
                    parameters: pipeline.parameters(found.optimal.parameters),
                    ..found.optimal
                },
                pipeline: pipeline.clone(),
                words: words.1.clone(),
                terms,
                members: found.members,
                scores: found.scores,
                scaled: None,
            });
        }
    }
    check_failures(config, &trials)?;
    let mut best = best.ok_or_else(|| TrainError::Internal("no trial succeeded, and none failed".into()))?;
    if let Some(vectors) = &vectors {
        let terms = Arc::clone(&best.terms);
        choose_scale(config, divided.part(&terms), vectors, &mut best, progress)?;
    }
    let coarser = match &prepared.levels {
        None => None,
        Some(levels) => {
            let terms = Arc::clone(&best.terms);
            let names = prepared.labels_of(&train);
            // A level with more rows a class may want other parameters.
            let estimators = |rows: usize, classes: usize| {
                // One text pipeline serves all levels, so each estimator is tried once.
                let mut all: Vec<Estimator> = Vec::new();
                for trial in prepared.config_of_level(rows, classes).trials() {
                    if !all.contains(&trial.estimator) {
                        all.push(trial.estimator);
                    }
                }
                all
            };
            Some(add_levels(
                config,
                divided.part(&terms),
                levels,
                &names,
                &estimators,
                &mut best,
                progress,
            )?)
        }
    };
    best.scores.truncate(train.len() * classes);
    let complete = prepared.split.train.len();
    let partial_scores = best.scores.split_off(complete * classes);
    let mut folds = folds;
    folds.truncate(complete);
    Ok(Searched {
        trials,
        folds,
        levels: coarser,
        partial_scores,
        best,
    })
}

/// The training rows, divided into folds.
struct Divided<'a> {
    rows: &'a [u32],
    labels: &'a [u32],
    folds: &'a [u8],
    fold_count: usize,
    repeats: usize,
    classes: usize,
}

impl Divided<'_> {
    /// The rows with the terms of one text pipeline.
    fn part<'t>(&'t self, terms: &'t TermCounts) -> TrainingPart<'t> {
        TrainingPart {
            terms,
            rows: self.rows,
            labels: self.labels,
            folds: self.folds,
            fold_count: self.fold_count,
            repeats: self.repeats,
            classes: self.classes,
            block: None,
        }
    }
}

/// What the rows are spread over the folds by, and the number of such values: their labels.
fn strata(prepared: &Prepared, rows: &[u32]) -> (Vec<u32>, usize) {
    let dataset = &prepared.dataset;
    let labels = rows.iter().map(|&row| dataset.rows[row as usize].label).collect();
    let all = dataset.labels.len() + dataset.unknown_labels.len() + dataset.inner_labels.len();
    (labels, all)
}

/// The comparisons that stop trials early, if the configuration asks for them and the rows are enough.
pub(super) fn race(
    config: &RunConfig,
    estimators: &[Estimator],
    classes: usize,
    rows: usize,
    repeats: usize,
) -> Option<Race> {
    // Further divisions are for few rows, and have them all again.
    let races = config.search.early_stopping && repeats == 1;
    let rows_a_fold = rows / config.search.folds;
    races
        .then(|| Race::new(config.search.scoring, classes, rows_a_fold, estimators))
        .flatten()
}

/// The maximum number of models in an ensemble, if the configuration asks for one.
fn averaging(config: &RunConfig) -> Option<usize> {
    let members = config.search.ensemble?.max_members;
    (members > 1).then_some(members)
}

fn of_pipeline(trials: &[Trial], place: usize) -> Vec<Estimator> {
    let own = trials.iter().filter(|trial| trial.pipeline == place);
    own.map(|trial| trial.estimator).collect()
}

/// The best result of one text pipeline.
pub(super) struct Found {
    pub(super) members: Vec<(Estimator, Share)>,
    pub(super) scores: Vec<f32>,
    pub(super) optimal: OptimalTrial,
}

fn better(config: &RunConfig, found: &Found, best: Option<&Best>) -> bool {
    let gain = |of: &OptimalTrial| config.search.scoring.as_gain(of.cross_validation.mean);
    best.is_none_or(|best| gain(&found.optimal) > gain(&best.optimal))
}

/// The best trial, or an ensemble if the configuration asks for one and it is better. `None` if every trial failed.
pub(super) fn chosen(
    config: &RunConfig,
    part: TrainingPart<'_>,
    estimators: &[Estimator],
    outcome: SearchOutcome,
) -> Option<Found> {
    let data = SelectionData {
        labels: part.labels,
        folds: part.folds,
        classes: part.classes,
        scoring: config.search.scoring,
    };
    let selection = averaging(config).and_then(|members| {
        let candidates: Vec<&[f32]> = outcome.best.iter().map(|scored| scored.scores.as_slice()).collect();
        select(data, &candidates, members)
    });
    if let Some(selection) = selection {
        let member = |share: &Share| (estimators[outcome.best[share.candidate].trial], *share);
        return Some(Found {
            members: selection.shares.iter().map(member).collect(),
            scores: selection.scores,
            optimal: optimal(Algorithm::Ensemble, Parameters::default(), selection.cross_validation),
        });
    }
    let best = outcome.best.into_iter().next()?;
    let report = &outcome.trials[best.trial];
    Some(Found {
        members: vec![(estimators[best.trial], WHOLE)],
        scores: best.scores,
        optimal: optimal(report.algorithm, report.parameters, report.cross_validation?),
    })
}

fn optimal(algorithm: Algorithm, parameters: Parameters, cross_validation: CrossValidation) -> OptimalTrial {
    OptimalTrial {
        algorithm,
        parameters,
        cross_validation,
    }
}

/// Fails the run if too many trials failed.
fn check_failures(config: &RunConfig, trials: &[TrialReport]) -> Result<(), TrainError> {
    let failed: Vec<&TrialReport> = trials
        .iter()
        .filter(|trial| trial.status == TrialStatus::Failed)
        .collect();
    let Some(first) = failed.first() else { return Ok(()) };
    if trials.iter().all(|trial| trial.status != TrialStatus::Succeeded) {
        let why = first.message.as_deref().unwrap_or_default();
        let which = match trials.len() - failed.len() {
            0 => format!("all {} trials failed", failed.len()),
            stopped => format!(
                "{stopped} trials were stopped early, and the other {} failed",
                failed.len()
            ),
        };
        return Err(TrainError::Training(format!(
            "{which}, the first with: {why}. Try smaller values of C or other features"
        )));
    }
    let limit = config.search.max_failed_trial_count;
    if failed.len() > limit {
        return Err(TrainError::Training(format!(
            "{} of {} trials failed, but search.maxFailedTrialCount allows only {limit}. Raise it, or remove the values that fail",
            failed.len(),
            trials.len()
        )));
    }
    Ok(())
}
