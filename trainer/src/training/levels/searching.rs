//! Chooses the models of the coarser levels, and the calibration of all levels.

use complaint_contract::{CrossValidation, Metric, TrainingStage};
use complaint_model::Levels;
use complaint_model::model::Calibration;
use complaint_report::Trial as TrialReport;

use super::super::searching::{Best, Found, chosen, race};
use super::conditional::{LevelScores, answers, calibrate_below, join};
use crate::calibration::{OutOfFold, calibrate};
use crate::config::{Estimator, RunConfig};
use crate::ensemble::{SelectionData, Share};
use crate::error::TrainError;
use crate::progress::Progress;
use crate::search::{NO_CLASS, Race, SearchSettings, TrainingPart, mean_and_spread, search};

/// The model of a coarser level.
pub(in crate::training) struct CoarserModel {
    /// Empty if the level has one category.
    pub(in crate::training) members: Vec<(Estimator, Share)>,
    pub(in crate::training) calibration: Calibration,
    pub(in crate::training) trials: Vec<TrialReport>,
    /// Its score over the folds, alone.
    pub(in crate::training) cross_validation: CrossValidation,
}

/// The levels of a model.
pub(in crate::training) struct LeveledModel {
    /// The coarser levels, the coarsest first.
    pub(in crate::training) coarser: Vec<CoarserModel>,
    /// The calibration of the finest level's model, for categories below the same one.
    pub(in crate::training) finest: Calibration,
}

/// Adds models of the coarser levels to the best result of the search, whose scores become those that all levels give together, for
/// the rows of the first division. `part` has the finest class of each row, and `names` has the label of each row of one
/// division. `estimators` gives the trials for a number of rows and of categories.
pub(in crate::training) fn add_levels(
    config: &RunConfig,
    part: TrainingPart<'_>,
    levels: &Levels,
    names: &[&str],
    estimators: &dyn Fn(usize, usize) -> Vec<Estimator>,
    best: &mut Best,
    progress: &Progress,
) -> Result<LeveledModel, TrainError> {
    let rows = names.len();
    let first = |labels: &[u32]| labels[..rows].to_vec();
    let (mut models, mut scores) = (Vec::new(), Vec::new());
    for (place, (name, level)) in levels.coarser().enumerate() {
        let categories = level.categories().len();
        let of_row = |name: &&str| level.find(name).map_or(NO_CLASS, |category| category as u32);
        let labels: Vec<u32> = names.iter().map(of_row).collect::<Vec<u32>>().repeat(part.repeats);
        let own = TrainingPart {
            labels: &labels,
            classes: categories,
            ..part
        };
        let (found, trials) = match categories {
            1 => (only_one(rows), Vec::new()),
            _ => {
                let known = labels[..rows].iter().filter(|label| **label != NO_CLASS).count();
                let estimators = estimators(known, categories);
                let race = race(config, &estimators, categories, known, part.repeats);
                search_level(config, own, name, (&estimators, race), best, progress)?
            }
        };
        let mut own_scores = found.scores;
        own_scores.truncate(rows * categories);
        let labels = first(&labels);
        let data = OutOfFold {
            scores: &own_scores,
            labels: &labels,
            folds: &part.folds[..rows],
            classes: categories,
        };
        let calibration = match place {
            0 => calibrate(data),
            _ => calibrate_below(data, level.siblings()),
        };
        models.push(CoarserModel {
            members: found.members,
            calibration: calibration.clone(),
            trials,
            cross_validation: found.optimal.cross_validation,
        });
        scores.push(LevelScores {
            scores: own_scores,
            calibration,
        });
    }
    let mut finest_scores = std::mem::take(&mut best.scores);
    finest_scores.truncate(rows * part.classes);
    let labels = first(part.labels);
    let data = OutOfFold {
        scores: &finest_scores,
        labels: &labels,
        folds: &part.folds[..rows],
        classes: part.classes,
    };
    let finest = calibrate_below(data, levels.siblings());
    best.scores = join(
        levels,
        scores,
        LevelScores {
            scores: finest_scores,
            calibration: finest.clone(),
        },
    );
    let data = SelectionData {
        labels: &labels,
        folds: &part.folds[..rows],
        classes: part.classes,
        scoring: config.search.scoring,
    };
    best.optimal.cross_validation = mean_and_spread(&match config.search.scoring {
        Metric::LogLoss => data.fold_values(&best.scores),
        _ => data.fold_values(&answers(levels, &best.scores, part.classes)),
    });
    Ok(LeveledModel {
        coarser: models,
        finest,
    })
}

/// The result for a level with one category.
fn only_one(rows: usize) -> Found {
    Found {
        members: Vec::new(),
        scores: vec![0.0; rows],
        optimal: complaint_contract::OptimalTrial {
            algorithm: complaint_contract::Algorithm::Ensemble,
            parameters: complaint_contract::Parameters::default(),
            cross_validation: CrossValidation {
                mean: 1.0,
                standard_deviation: 0.0,
            },
        },
    }
}

fn search_level(
    config: &RunConfig,
    part: TrainingPart<'_>,
    name: &str,
    (estimators, mut race): (&[Estimator], Option<Race>),
    best: &Best,
    progress: &Progress,
) -> Result<(Found, Vec<TrialReport>), TrainError> {
    let settings = SearchSettings {
        features: &best.pipeline.features,
        scoring: config.search.scoring,
        seed: config.evaluation.seed,
        keep: config.search.members_to_choose_from(),
    };
    let outcome = search(part, estimators, settings, race.as_mut(), &|done, chains, estimator| {
        let share = done as f64 / chains.max(1) as f64;
        progress.tell(TrainingStage::Searching, share, &format!("level `{name}`: {estimator}"));
    })?;
    let trials = outcome.trials.clone();
    let found = chosen(config, part, estimators, outcome).ok_or_else(|| {
        TrainError::Training(format!(
            "no trial succeeded for the level `{name}` of dataset.labelLevels. Try smaller values of C or other features"
        ))
    })?;
    Ok((found, trials))
}
