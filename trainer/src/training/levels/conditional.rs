//! The out-of-fold probabilities of a level's categories below a given one.

use std::ops::Range;

use complaint_model::Levels;
use complaint_model::level_models::{condition, probabilities};
use complaint_model::model::Calibration;
use rayon::prelude::*;

use crate::calibration::{Answer, OutOfFold, temperature, top_map};
use crate::likelihood::{Loss, minimise};

/// Temperatures outside are no fit.
const TEMPERATURES: Range<f64> = 1e-4..1e4;

/// The temperature that makes the rows' categories most likely among those of their group. `start` is where the search begins.
fn conditional_temperature(data: OutOfFold<'_>, group_of: &[Range<usize>], start: f64) -> f64 {
    let found = minimise(vec![start.ln()], 1e-6, |at| {
        let temperature = at[0].exp();
        let mut loss = Loss::none(1);
        let mut rows = 0_usize;
        for (scores, &label) in data.scores.chunks_exact(data.classes).zip(data.labels) {
            let Some(group) = group_of.get(label as usize).filter(|group| group.len() > 1) else {
                continue;
            };
            rows += 1;
            let own = &scores[group.clone()];
            let highest = own.iter().copied().fold(f32::MIN, f32::max);
            let scaled = |score: f32| f64::from(score - highest) / temperature;
            let (mut sum, mut weighted) = (0.0, 0.0);
            for &score in own {
                let odds = scaled(score).exp();
                sum += odds;
                weighted += odds * scaled(score);
            }
            let right = scaled(scores[label as usize]);
            loss.value += sum.ln() - right;
            loss.slope[0] += right - weighted / sum;
        }
        let rows = rows.max(1) as f64;
        loss.value /= rows;
        loss.slope[0] /= rows;
        loss
    });
    let found = found[0].exp();
    if TEMPERATURES.contains(&found) { found } else { start }
}

/// The calibration of a level's choice among the categories below the same category of the level above, from the rows whose category
/// there has others beside it. `scores` are `rows × categories`.
pub(super) fn calibrate_below(data: OutOfFold<'_>, groups: &[Range<usize>]) -> Calibration {
    let start = temperature(data.scores, data.labels, data.classes);
    let group_of = group_of(groups, data.classes);
    let temperature = conditional_temperature(data, &group_of, start);
    let tempered = Calibration { temperature, top: None };
    let mut buffer = Vec::new();
    let mut answers = Vec::new();
    for (row, (scores, &label)) in data.scores.chunks_exact(data.classes).zip(data.labels).enumerate() {
        let Some(group) = group_of.get(label as usize).filter(|group| group.len() > 1) else {
            continue;
        };
        buffer.resize(group.len(), 0.0);
        let winner = tempered.probabilities(&scores[group.clone()], &mut buffer);
        answers.push(Answer {
            probability: f64::from(buffer[winner]),
            right: group.start + winner == label as usize,
            row: row as u32,
        });
    }
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
