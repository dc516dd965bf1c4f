//! Cross-validated search over the trials.
//!
//! Every fold is vectorised once, from its training part only, and shared by all trials. A fold's work is cut into
//! independent chains: a regularisation path of logistic regression, the path of the support vector machine for a few
//! classes, or one naive Bayes. Chains run on all threads. Each is sequential and has its own seed, so the result does
//! not depend on the number of threads. Where trials may be [stopped early](racing), all chains of a fold end before it is decided
//! which trials go on.

mod chain;
mod fold;
mod racing;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use complaint_contract::{CrossValidation, Metric, round4};
use complaint_model::Features;
use complaint_model::vectorize::TermCounts;
use complaint_report::{Trial as TrialReport, TrialStatus};
use rayon::prelude::*;

use crate::config::{ConfigError, Estimator};
use crate::error::TrainError;
use crate::solve::Effort;
use crate::word_vectors::CorpusVectors;
use chain::{Chain, chains};
use fold::Fold;
pub use fold::score_rows;
pub use racing::Race;
use racing::{Behind, Evidence};

/// Maximum number of entries in all folds for vectorising them at the same time. Above it, folds are vectorised one by
/// one.
const ENTRIES_AT_ONCE: usize = 30_000_000;
/// Maximum number of out-of-fold scores, over all trials, to keep in memory. Above it, the folds of the best trials are
/// run again.
const SCORES_AT_ONCE: usize = 64_000_000;

/// The class of a row that has none. Terms are learned from it, and it gets scores, but no model learns from it or is judged by it.
pub const NO_CLASS: u32 = u32::MAX;

/// The training part, in the order of the corpus.
#[derive(Debug, Clone, Copy)]
pub struct TrainingPart<'a> {
    /// The terms of all documents. Each fold learns only from its own rows.
    pub terms: &'a TermCounts,
    /// Documents of the training part.
    pub rows: &'a [u32],
    /// The class of each of `rows`, or [`NO_CLASS`].
    pub labels: &'a [u32],
    /// The fold of each of `rows`.
    pub folds: &'a [u8],
    /// Number of folds of each division.
    pub fold_count: usize,
    /// Number of divisions. All lists then hold the rows once for each, one after the other; the folds of the second are
    /// numbered from `fold_count` on.
    pub repeats: usize,
    /// Number of classes.
    pub classes: usize,
    /// Word vectors to learn from beside the terms.
    pub block: Option<Block<'a>>,
}

/// Word vectors as a block of further columns.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// The vectors of the documents' words. Each fold learns their centre and length from its own rows.
    pub vectors: &'a CorpusVectors,
    /// The average length of the block, where that of a row's words is 1.
    pub scale: f32,
}

/// The settings of a search.
#[derive(Debug, Clone, Copy)]
pub struct SearchSettings<'a> {
    /// Vectoriser steps.
    pub features: &'a Features,
    /// The metric that ranks trials.
    pub scoring: Metric,
    /// Seed of all solvers.
    pub seed: u64,
    /// How many of the best trials keep their out-of-fold scores.
    pub keep: usize,
}

/// The result of a search.
#[derive(Debug)]
pub struct SearchOutcome {
    /// All trials, in order.
    pub trials: Vec<TrialReport>,
    /// The best trials, best first, with their out-of-fold scores.
    pub best: Vec<Scored>,
}

/// A trial's out-of-fold scores.
#[derive(Debug, Clone)]
pub struct Scored {
    /// Index in [`SearchOutcome::trials`].
    pub trial: usize,
    /// `rows × classes`, in the order of [`TrainingPart::rows`].
    pub scores: Vec<f32>,
}

/// Runs all estimators on the folds of one text pipeline: on all folds, or as far as `race` lets them. Any thread may call
/// `on_progress` with the number of finished chains and of all chains. A failed trial is reported and does not end the search.
///
/// # Errors
/// [`TrainError::Config`] if no term is left.
pub fn search(
    part: TrainingPart<'_>,
    estimators: &[Estimator],
    settings: SearchSettings<'_>,
    mut race: Option<&mut Race>,
    on_progress: &(dyn Fn(usize, usize, &Estimator) + Sync),
) -> Result<SearchOutcome, TrainError> {
    let keep_scores = estimators.len() * part.rows.len() * part.classes <= SCORES_AT_ONCE;
    let mut run = run_folds(part, estimators, settings, keep_scores, race.as_deref(), on_progress)?;
    let trials: Vec<TrialReport> = (0..estimators.len())
        .map(|trial| run.report(trial, estimators, settings.scoring, part.fold_count * part.repeats))
        .collect();
    let mut best = ranked(&trials, settings.scoring);
    if let Some(race) = &mut race {
        for &place in &best {
            let gain = trials[place]
                .cross_validation
                .map(|score| settings.scoring.as_gain(score.mean));
            let evidence = std::mem::take(&mut run.evidence[place]);
            race.finished(trials[place].algorithm, gain.unwrap_or_default(), evidence);
        }
    }
    best.truncate(settings.keep);
    if !keep_scores {
        let again: Vec<Estimator> = best.iter().map(|&place| estimators[place]).collect();
        let scores = run_folds(part, &again, settings, true, None, &|_, _, _| ())?.scores;
        let best = best.into_iter().zip(scores);
        return Ok(SearchOutcome {
            trials,
            best: best.map(|(trial, scores)| Scored { trial, scores }).collect(),
        });
    }
    let mut scored = |trial: usize| Scored {
        trial,
        scores: std::mem::take(&mut run.scores[trial]),
    };
    let best = best.into_iter().map(&mut scored).collect();
    Ok(SearchOutcome { trials, best })
}

/// The out-of-fold scores of each estimator, `rows × classes`, or `None` if one of them failed. `on_progress` is as for [`search`].
///
/// # Errors
/// [`TrainError::Config`] if no term is left.
pub fn out_of_fold(
    part: TrainingPart<'_>,
    estimators: &[Estimator],
    settings: SearchSettings<'_>,
    on_progress: &(dyn Fn(usize, usize, &Estimator) + Sync),
) -> Result<Option<Vec<Vec<f32>>>, TrainError> {
    let run = run_folds(part, estimators, settings, true, None, on_progress)?;
    let failed = run.fold_scores.iter().flatten().any(Result::is_err);
    Ok((!failed).then_some(run.scores))
}

/// The trials that succeeded, best first. Equal trials keep their order.
pub fn ranked(trials: &[TrialReport], scoring: Metric) -> Vec<usize> {
    let gain = |place: &usize| trials[*place].cross_validation.map(|score| scoring.as_gain(score.mean));
    let mut places: Vec<usize> = (0..trials.len()).filter(|place| gain(place).is_some()).collect();
    places.sort_by(|a, b| {
        gain(b)
            .unwrap_or_default()
            .total_cmp(&gain(a).unwrap_or_default())
            .then(a.cmp(b))
    });
    places
}

/// What the folds said about each trial.
struct FoldsRun {
    /// Scores of each fold, or the error's text if the fit failed.
    fold_scores: Vec<Vec<Result<f64, String>>>,
    /// `rows × classes` per trial; empty if not kept.
    scores: Vec<Vec<f32>>,
    /// What the folds before the last comparison said.
    evidence: Vec<Vec<Evidence>>,
    /// Trials that did not run on all folds.
    stopped: Vec<Option<Behind>>,
}

fn run_folds(
    part: TrainingPart<'_>,
    estimators: &[Estimator],
    settings: SearchSettings<'_>,
    keep_scores: bool,
    race: Option<&Race>,
    on_progress: &(dyn Fn(usize, usize, &Estimator) + Sync),
) -> Result<FoldsRun, TrainError> {
    let mut running: Vec<usize> = (0..estimators.len()).collect();
    let mut chains = chains(estimators, &running, part.classes);
    let effort = if settings.keep > 1 {
        Effort::average(settings.seed)
    } else {
        Effort::search(settings.seed)
    };
    let fold_count = part.fold_count * part.repeats;
    let all = chains.len() * fold_count;
    let done = AtomicUsize::new(0);
    let mut run = FoldsRun {
        fold_scores: vec![Vec::new(); estimators.len()],
        scores: vec![Vec::new(); estimators.len()],
        evidence: vec![Vec::new(); estimators.len()],
        stopped: vec![None; estimators.len()],
    };
    if keep_scores {
        run.scores
            .iter_mut()
            .for_each(|scores| *scores = vec![0.0; part.rows.len() * part.classes]);
    }
    let mut next = 0;
    while next < fold_count && !running.is_empty() {
        let look = race.and(Race::next_look(next)).filter(|look| *look < fold_count);
        let folds = vectorise_some(part, next..look.unwrap_or(fold_count), settings.features);
        next += folds.len();
        if folds.iter().any(Fold::is_empty) {
            return Err(no_terms().into());
        }
        // Long chains come first, and each thread takes the next one, so that only short ones are left over at the end.
        let work: Vec<(usize, &Chain)> = chains
            .iter()
            .flat_map(|chain| (0..folds.len()).map(move |fold| (fold, chain)))
            .collect();
        let outputs: Vec<(usize, chain::Output)> = work
            .iter()
            .par_bridge()
            .map(|&(fold, chain)| {
                let output = chain.run(&folds[fold], estimators, effort);
                let finished = done.fetch_add(1, Ordering::Relaxed) + 1;
                on_progress(finished, all, &estimators[chain.last_trial()]);
                (fold, output)
            })
            .collect();
        for (index, fold) in folds.iter().enumerate() {
            let outputs = outputs.iter().filter(|(of, _)| *of == index).map(|(_, output)| output);
            let mut by_trial = chain::assemble(outputs, estimators.len(), fold, part.classes);
            for &trial in &running {
                let scores = std::mem::replace(&mut by_trial[trial], Ok(Vec::new()));
                run.fold_scores[trial].push(
                    scores
                        .as_ref()
                        .map(|scores| score_rows(scores, fold.validation_labels(), settings.scoring, part.classes))
                        .map_err(Clone::clone),
                );
                if let (Some(race), Some(_), Ok(scores)) = (race, look, &scores) {
                    run.evidence[trial].push(race.evidence(scores, fold.validation_labels()));
                }
                if let (true, Ok(scores)) = (keep_scores, scores) {
                    fold.scatter(&scores, part.classes, &mut run.scores[trial]);
                }
            }
        }
        if let (Some(race), true) = (race, look == Some(next)) {
            for (trial, behind) in race.stopped(estimators, &run.evidence, &running, next) {
                run.stopped[trial] = Some(behind);
                run.scores[trial] = Vec::new();
            }
            running.retain(|&trial| run.stopped[trial].is_none());
            let before = chains.len();
            chains = chain::chains(estimators, &running, part.classes);
            done.fetch_add((before - chains.len()) * (fold_count - next), Ordering::Relaxed);
        }
    }
    Ok(run)
}

/// Vectorises these folds: all of them, or only the first if all folds would take too much memory.
fn vectorise_some(part: TrainingPart<'_>, mut numbers: Range<usize>, features: &Features) -> Vec<Fold> {
    let all_folds = part.fold_count * part.repeats;
    let fits = |entries: usize| entries * all_folds <= ENTRIES_AT_ONCE;
    let mut first = None;
    // Most counted terms are in too few documents for a fold, so the first fold may show that all of them fit after all.
    if part.block.is_some() || !fits(part.terms.entries()) {
        first = numbers.next().map(|number| Fold::vectorise(part, number, features));
    }
    let rest = if first.as_ref().is_none_or(|fold| fits(fold.entries())) {
        numbers
    } else {
        0..0
    };
    let rest: Vec<Fold> = rest
        .into_par_iter()
        .map(|number| Fold::vectorise(part, number, features))
        .collect();
    first.into_iter().chain(rest).collect()
}

/// The error for a configuration that excludes all terms of the data.
pub(crate) fn no_terms() -> ConfigError {
    ConfigError::Invalid {
        field: "features.minDocumentFrequency".into(),
        problem: "and the other limits leave no terms in this data set".into(),
        fix: "Lower features.minDocumentFrequency, raise features.maxDocumentFraction, or shorten the n-grams".into(),
    }
}

impl FoldsRun {
    fn report(&self, trial: usize, estimators: &[Estimator], scoring: Metric, folds: usize) -> TrialReport {
        let scores = &self.fold_scores[trial];
        let failure = scores.iter().find_map(|score| score.as_ref().err());
        let values: Vec<f64> = scores.iter().filter_map(|score| score.as_ref().ok().copied()).collect();
        let (status, message) = match (failure, &self.stopped[trial]) {
            (Some(failure), _) => (TrialStatus::Failed, Some(failure.clone())),
            (None, Some(behind)) => (
                TrialStatus::EarlyStopped,
                Some(behind.message(scoring, values.len(), folds, estimators)),
            ),
            (None, None) => (TrialStatus::Succeeded, None),
        };
        TrialReport {
            algorithm: estimators[trial].algorithm(),
            parameters: estimators[trial].parameters(),
            status,
            cross_validation: (status == TrialStatus::Succeeded).then(|| mean_and_spread(&values)),
            fold_scores: match status {
                TrialStatus::Failed => Vec::new(),
                _ => values.into_iter().map(round4).collect(),
            },
            message,
        }
    }
}

/// Mean and (population) standard deviation of the folds' values.
pub fn mean_and_spread(values: &[f64]) -> CrossValidation {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    CrossValidation {
        mean,
        standard_deviation: variance.sqrt(),
    }
}
