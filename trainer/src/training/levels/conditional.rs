//! The out-of-fold probabilities of a level's categories below a given one.

use std::ops::Range;

use complaint_model::Levels;
use complaint_model::level_models::{condition, probabilities};
use complaint_model::model::Calibration;
use rayon::prelude::*;

use crate::calibration::{Answer, OutOfFold, temperature, temperature_of, top_map};

/// The calibration of a level's choice among the categories below the same category of the level above, from the rows whose category
/// there has others beside it. `scores` are `rows × categories`.
pub(super) fn calibrate_below(data: OutOfFold<'_>, groups: &[Range<usize>]) -> Calibration {
    let group_of = group_of(groups, data.classes);
    // The rows, each with the scores of its group and the place of its category among them.
    let rows = || {
        let all = data.scores.chunks_exact(data.classes).zip(data.labels).enumerate();
        all.filter_map(|(row, (scores, &label))| {
            let group = group_of.get(label as usize).filter(|group| group.len() > 1)?;
            Some((row, &scores[group.clone()], label as usize - group.start))
        })
    };
    let start = temperature(data.scores, data.labels, data.classes);
    let temperature = temperature_of(|| rows().map(|(_, scores, label)| (scores, label)), start).unwrap_or(start);
    let tempered = Calibration { temperature, top: None };
    let mut buffer = Vec::new();
    let answers = rows().map(|(row, scores, label)| {
        buffer.resize(scores.len(), 0.0);
        let winner = tempered.probabilities(scores, &mut buffer);
        Answer {
            probability: f64::from(buffer[winner]),
            right: winner == label,
            row: row as u32,
        }
    });
    let answers = answers.collect();
    Calibration {
        temperature,
        top: top_map(answers, data.folds),
    }
}

/// The group of each category.
fn group_of(groups: &[Range<usize>], categories: usize) -> Vec<Range<usize>> {
    let mut group_of = vec![0..0; categories];
    for group in groups {
        group_of[group.clone()].fill(group.clone());
    }
    group_of
}

/// The out-of-fold scores of one level's model.
pub(super) struct LevelScores {
    /// `rows × categories`.
    pub(super) scores: Vec<f32>,
    pub(super) calibration: Calibration,
}

/// The scores of classes that the levels give together, `rows × classes`. `coarser` are those above the finest, the coarsest first.
pub(super) fn join(levels: &Levels, coarser: Vec<LevelScores>, finest: LevelScores) -> Vec<f32> {
    let rows = {
        let (_, coarsest) = levels.coarser().next().expect("there is one");
        coarser[0].scores.len() / coarsest.categories().len()
    };
    let mut above = vec![0.0; rows];
    let mut width = 1;
    for ((_, level), own) in levels.coarser().zip(coarser) {
        above = below(own, level.siblings(), &above, width);
        width = level.categories().len();
    }
    below(finest, levels.siblings(), &above, width)
}

fn below(own: LevelScores, groups: &[Range<usize>], above: &[f32], width: usize) -> Vec<f32> {
    let LevelScores {
        mut scores,
        calibration,
    } = own;
    let categories = groups.iter().map(|group| group.end).max().unwrap_or_default();
    scores
        .par_chunks_mut(categories)
        .zip(above.par_chunks(width))
        .for_each_init(Vec::new, |buffer, (scores, above)| {
            condition(scores, groups, above, &calibration, buffer);
        });
    scores
}

/// Each row's answer, as scores: 1 for the class that it is.
pub(super) fn answers(levels: &Levels, scores: &[f32], classes: usize) -> Vec<f32> {
    let mut answers = vec![0.0; scores.len()];
    answers
        .par_chunks_mut(classes)
        .zip(scores.par_chunks(classes))
        .for_each_init(
            || vec![0.0; classes],
            |shares, (answer, scores)| answer[probabilities(levels, scores, shares)] = 1.0,
        );
    answers
}
