//! Work of one fold that is sequential inside: each fit begins at the solution before it.

use complaint_model::report::ClassWeight;

use super::fold::Fold;
use crate::config::Trial;
use crate::solve::logistic::LogisticPath;
use crate::solve::svm::SvmProblem;
use crate::solve::{Effort, NotFinite, naive_bayes};

/// One chain. Trials are indices; penalties ascend.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Chain {
    /// All classes at once, along a path of penalties.
    Logistic {
        class_weight: ClassWeight,
        path: Vec<(usize, f64)>,
    },
    /// One class against the rest, along a path of penalties.
    Svm {
        class_weight: ClassWeight,
        class: u32,
        path: Vec<(usize, f64)>,
    },
    /// One fit.
    NaiveBayes { trial: usize, alpha: f64 },
}

/// Scores that a chain gives its fold's judged rows.
#[derive(Debug)]
pub(super) enum Output {
    /// For each trial `rows × classes`, or the failure that ended the path there.
    Rows(Vec<(usize, Result<Vec<f32>, NotFinite>)>),
    /// For each trial one score a row, of one class.
    Class {
        class: u32,
        scores: Vec<(usize, Result<Vec<f32>, NotFinite>)>,
    },
}

/// Cuts trials into chains, the long ones first.
pub(super) fn chains(trials: &[Trial], classes: usize) -> Vec<Chain> {
    let mut chains = Vec::new();
    for weight in [ClassWeight::None, ClassWeight::Balanced] {
        let path = path(trials, |trial| match *trial {
            Trial::LogisticRegression { c, class_weight } if class_weight == weight => Some(c),
            _ => None,
        });
        if !path.is_empty() {
            chains.push(Chain::Logistic {
                class_weight: weight,
                path,
            });
        }
    }
    for weight in [ClassWeight::None, ClassWeight::Balanced] {
        let path = path(trials, |trial| match *trial {
            Trial::LinearSvm { c, class_weight } if class_weight == weight => Some(c),
            _ => None,
        });
        if !path.is_empty() {
            let separators = if classes == 2 { 1 } else { classes as u32 };
            chains.extend((0..separators).map(|class| Chain::Svm {
                class_weight: weight,
                class,
                path: path.clone(),
            }));
        }
    }
    chains.extend(trials.iter().enumerate().filter_map(|(trial, of)| match *of {
        Trial::ComplementNaiveBayes { alpha } => Some(Chain::NaiveBayes { trial, alpha }),
        _ => None,
    }));
    chains
}

fn path(trials: &[Trial], penalty: impl Fn(&Trial) -> Option<f64>) -> Vec<(usize, f64)> {
    let mut path: Vec<(usize, f64)> = trials
        .iter()
        .enumerate()
        .filter_map(|(index, trial)| penalty(trial).map(|c| (index, c)))
        .collect();
    path.sort_by(|a, b| a.1.total_cmp(&b.1));
    path
}

impl Chain {
    /// The trial that the chain ends with, for progress messages.
    pub(super) fn last_trial(&self) -> usize {
        match self {
            Self::Logistic { path, .. } | Self::Svm { path, .. } => path.last().map_or(0, |(trial, _)| *trial),
            Self::NaiveBayes { trial, .. } => *trial,
        }
    }

    /// Fits on the fold's one side and scores the other.
    pub(super) fn run(&self, fold: &Fold, trials: &[Trial], seed: u64) -> Output {
        debug_assert!(self.last_trial() < trials.len());
        let effort = Effort::search(seed);
        match self {
            Self::Logistic { class_weight, path } => {
                let mut solver = LogisticPath::new(fold.problem(), *class_weight, seed);
                let score = |&(trial, c): &(usize, f64)| {
                    (
                        trial,
                        solver.solve(c, effort).map(|fitted| fitted.scores(&fold.validation)),
                    )
                };
                Output::Rows(path.iter().map(score).collect())
            }
            Self::Svm {
                class_weight,
                class,
                path,
            } => Output::Class {
                class: *class,
                scores: svm_scores(fold, *class_weight, *class, path, effort),
            },
            Self::NaiveBayes { trial, alpha } => Output::Rows(vec![(
                *trial,
                naive_bayes::fit(fold.problem(), *alpha).map(|fitted| fitted.scores(&fold.validation)),
            )]),
        }
    }
}

fn svm_scores(
    fold: &Fold,
    class_weight: ClassWeight,
    class: u32,
    path: &[(usize, f64)],
    effort: Effort,
) -> Vec<(usize, Result<Vec<f32>, NotFinite>)> {
    let problem = SvmProblem::new(fold.problem(), class_weight);
    let penalties: Vec<f64> = path.iter().map(|(_, c)| *c).collect();
    let mut scores: Vec<(usize, Result<Vec<f32>, NotFinite>)> = Vec::new();
    let outcome = problem.solve_path(class, &penalties, effort, |index, separator| {
        scores.push((path[index].0, Ok(separator.scores(&fold.validation))));
    });
    if let Err(error) = outcome {
        let reached = scores.len();
        scores.extend(path[reached..].iter().map(|(trial, _)| (*trial, Err(error.clone()))));
    }
    scores
}

/// Joins a fold's chains to `rows × classes` scores a trial.
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
            Output::Class { class, scores } => {
                for (trial, scores) in scores {
                    match (scores, &mut joined[*trial]) {
                        (Err(error), slot) => *slot = Err(error.to_string()),
                        (Ok(scores), Ok(all)) => {
                            all.resize(rows * classes, 0.0);
                            write_class(all, scores, *class as usize, classes);
                        }
                        (Ok(_), Err(_)) => {}
                    }
                }
            }
        }
    }
    joined
}

/// Writes one class's column; with two classes the other is its mirror image.
fn write_class(all: &mut [f32], scores: &[f32], class: usize, classes: usize) {
    for (row, &score) in all.chunks_exact_mut(classes).zip(scores) {
        row[class] = score;
        if classes == 2 {
            row[1 - class] = -score;
        }
    }
}
