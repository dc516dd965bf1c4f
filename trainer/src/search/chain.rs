//! The sequential parts of a fold's work. Each fit starts at the previous solution.

use std::ops::Range;

use complaint_contract::{ClassWeight, Loss};

use super::fold::Fold;
use crate::config::Estimator;
use crate::solve::estimator::fit;
use crate::solve::logistic::LogisticPath;
use crate::solve::nb_svm::NbSvmProblem;
use crate::solve::svm::{Separators, SvmProblem, groups};
use crate::solve::{Effort, NotFinite};

/// Trials in ascending order of `C`, each with its index in the search.
type Path = Vec<(usize, f64)>;

/// One chain.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Chain {
    /// All classes at once, along a path of penalties.
    Logistic { class_weight: ClassWeight, path: Path },
    /// Each class of a group against the rest, along a path of penalties.
    Separate {
        kind: SvmKind,
        class_weight: ClassWeight,
        group: Range<u32>,
        path: Path,
    },
    /// One fit.
    Single(usize),
}

/// The kind of support vector machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SvmKind {
    /// Over the unchanged rows.
    Plain(Loss),
    /// Over terms weighted by naive Bayes with this smoothing.
    NaiveBayes(f64),
}

/// Scores of a chain for its fold's validation rows.
#[derive(Debug)]
pub(super) enum Output {
    /// `rows × classes` for each trial, or the failure that ended the path.
    Rows(Vec<(usize, Result<Vec<f32>, NotFinite>)>),
    /// `rows × group` for each trial: the scores of some classes.
    Group {
        group: Range<u32>,
        scores: Vec<(usize, Result<Vec<f32>, NotFinite>)>,
    },
}

/// Groups the trials whose estimators differ only in their penalty.
fn families(estimators: &[Estimator], trials: &[usize]) -> Vec<(Estimator, Path)> {
    let mut families: Vec<(Estimator, Path)> = Vec::new();
    for &place in trials {
        let mut family = estimators[place];
        let penalty = match &mut family {
            Estimator::LogisticRegression { c, .. } | Estimator::LinearSvm { c, .. } | Estimator::NbSvm { c, .. } => {
                std::mem::take(c)
            }
            Estimator::ComplementNaiveBayes { .. } | Estimator::MultinomialNaiveBayes { .. } => 0.0,
        };
        match families.iter_mut().find(|(other, _)| *other == family) {
            Some((_, path)) => path.push((place, penalty)),
            None => families.push((family, vec![(place, penalty)])),
        }
    }
    for (_, path) in &mut families {
        path.sort_by(|a, b| a.1.total_cmp(&b.1));
    }
    families
}

/// Cuts `trials`, which are indices of `estimators`, into chains, the long ones first.
pub(super) fn chains(estimators: &[Estimator], trials: &[usize], classes: usize) -> Vec<Chain> {
    let (mut logistic, mut separate, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for (family, path) in families(estimators, trials) {
        let mut add = |kind, class_weight| {
            separate.extend(groups(classes).into_iter().map(|group| Chain::Separate {
                kind,
                class_weight,
                group,
                path: path.clone(),
            }));
        };
        match family {
            Estimator::LinearSvm { class_weight, loss, .. } => add(SvmKind::Plain(loss), class_weight),
            Estimator::NbSvm {
                class_weight, alpha, ..
            } => add(SvmKind::NaiveBayes(alpha), class_weight),
            Estimator::LogisticRegression { class_weight, .. } => logistic.push(Chain::Logistic { class_weight, path }),
            Estimator::ComplementNaiveBayes { .. } | Estimator::MultinomialNaiveBayes { .. } => {
                single.extend(path.iter().map(|&(place, _)| Chain::Single(place)));
            }
        }
    }
    logistic.into_iter().chain(separate).chain(single).collect()
}

impl Chain {
    /// The last trial of the chain, for progress messages.
    pub(super) fn last_trial(&self) -> usize {
        match self {
            Self::Logistic { path, .. } | Self::Separate { path, .. } => path.last().map_or(0, |(trial, _)| *trial),
            Self::Single(trial) => *trial,
        }
    }

    /// Fits on the training side of the fold and scores the validation side.
    pub(super) fn run(&self, fold: &Fold, estimators: &[Estimator], effort: Effort) -> Output {
        match self {
            Self::Logistic { class_weight, path } => {
                let mut solver = LogisticPath::new(fold.problem(), *class_weight, effort.seed);
                let score = |&(trial, c): &(usize, f64)| {
                    (
                        trial,
                        solver.solve(c, effort).map(|fitted| fitted.scores(&fold.validation)),
                    )
                };
                Output::Rows(path.iter().map(score).collect())
            }
            Self::Separate {
                kind,
                class_weight,
                group,
                path,
            } => Output::Group {
                group: group.clone(),
                scores: separate(fold, *kind, *class_weight, group.clone(), path, effort),
            },
            &Self::Single(trial) => {
                let fitted = fit(fold.problem(), estimators[trial], effort);
                Output::Rows(vec![(trial, fitted.map(|fitted| fitted.scores(&fold.validation)))])
            }
        }
    }
}

fn separate(
    fold: &Fold,
    kind: SvmKind,
    class_weight: ClassWeight,
    group: Range<u32>,
    path: &Path,
    effort: Effort,
) -> Vec<(usize, Result<Vec<f32>, NotFinite>)> {
    let penalties: Vec<f64> = path.iter().map(|(_, c)| *c).collect();
    let mut scores: Vec<(usize, Result<Vec<f32>, NotFinite>)> = Vec::new();
    let take = |index: usize, found: &Separators| {
        scores.push((path[index].0, Ok(found.coefficients.scores(&fold.validation))));
    };
    let problem = fold.problem();
    let outcome = match kind {
        SvmKind::Plain(loss) => {
            SvmProblem::new(problem, class_weight, loss).solve_path(group, &penalties, effort, take)
        }
        SvmKind::NaiveBayes(alpha) => {
            let svm = NbSvmProblem::new(problem, fold.class_counts(), class_weight, alpha);
            svm.solve_path(group, &penalties, effort, take)
        }
    };
    if let Err(error) = outcome {
        let reached = scores.len();
        scores.extend(path[reached..].iter().map(|(trial, _)| (*trial, Err(error.clone()))));
    }
    scores
}

/// Joins a fold's chains, in any order, to `rows × classes` scores per trial.
pub(super) fn assemble<'o>(
    outputs: impl Iterator<Item = &'o Output>,
    trials: usize,
    fold: &Fold,
    classes: usize,
) -> Vec<Result<Vec<f32>, String>> {
    let rows = fold.validation.rows;
    let mut joined: Vec<Result<Vec<f32>, String>> = vec![Ok(Vec::new()); trials];
    for output in outputs {
        match output {
            Output::Rows(found) => {
                for (trial, scores) in found {
                    joined[*trial] = scores.clone().map_err(|error| error.to_string());
                }
            }
            Output::Group { group, scores } => {
                for (trial, scores) in scores {
                    match (scores, &mut joined[*trial]) {
                        (Err(error), slot) => *slot = Err(error.to_string()),
                        (Ok(scores), Ok(all)) => {
                            all.resize(rows * classes, 0.0);
                            write_group(all, scores, group, classes);
                        }
                        (Ok(_), Err(_)) => {}
                    }
                }
            }
        }
    }
    joined
}

/// Writes the columns of a group's classes. With two classes the second is the negative of the first.
fn write_group(all: &mut [f32], scores: &[f32], group: &Range<u32>, classes: usize) {
    for (row, scores) in all.chunks_exact_mut(classes).zip(scores.chunks_exact(group.len())) {
        row[group.start as usize..group.end as usize].copy_from_slice(scores);
        if classes == 2 {
            row[1] = -row[0];
        }
    }
}
