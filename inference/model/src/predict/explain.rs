//! Why a text got its class.

use std::ops::Range;

use super::{Found, Predictor, Scratch};
use crate::vectorize::TermKind;

/// One term's part in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The term.
    pub term: String,
    /// What it is made of.
    pub kind: TermKind,
    /// How much it adds to the winner's score over the runner-up's.
    pub contribution: f32,
    /// Byte ranges of the words in the text that make it, ascending, each once.
    pub ranges: Vec<Range<usize>>,
}

/// Why a text got its class: the winner's score minus the runner-up's, term by term.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The winning class.
    pub class: usize,
    /// The class with the second highest score.
    pub runner_up: usize,
    /// What the winner's score has over the runner-up's without any term.
    pub bias: f32,
    /// `bias` plus all contributions: the winner's score minus the runner-up's.
    pub margin: f32,
    /// Each term's part, the largest in size first.
    pub contributions: Vec<Contribution>,
}

impl Predictor {
    /// Why `text` gets its class. Slower than [`Predictor::predict`], and the same answer.
    pub fn explain(&self, text: &str, scratch: &mut Scratch) -> Explanation {
        let class = self.predict(text, scratch).class;
        let runner_up = runner_up(&scratch.scores, class);
        let margin = scratch.scores[class] - scratch.scores[runner_up];
        let model = self.artifact.model();
        let mut occurrences = self.occurrences(text, scratch);
        occurrences.sort_unstable_by_key(|(column, range)| (*column, range.start));

        let mut contributions: Vec<Contribution> = Vec::with_capacity(scratch.indices.len());
        for same in occurrences.chunk_by(|a, b| a.0 == b.0) {
            let column = same[0].0;
            let Ok(place) = scratch.indices.binary_search(&column) else {
                continue;
            };
            let weights = model.term_weights(column);
            let mut ranges: Vec<Range<usize>> = same.iter().map(|(_, range)| range.clone()).collect();
            ranges.dedup();
            contributions.push(Contribution {
                term: self.artifact.vocabulary().term(column).to_owned(),
                kind: self.artifact.vocabulary().kind(column),
                contribution: scratch.values[place] * (weights[class] - weights[runner_up]),
                ranges,
            });
        }
        // Stable, so that equal ones stay in column order.
        contributions.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        Explanation {
            class,
            runner_up,
            bias: model.bias[class] - model.bias[runner_up],
            margin,
            contributions,
        }
    }

    /// Every term of the text with each word that takes part in it.
    fn occurrences(&self, text: &str, scratch: &mut Scratch) -> Vec<(u32, Range<usize>)> {
        let (mut found, mut tokens) = (Vec::new(), Vec::new());
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let Scratch {
            text: buffers, padded, ..
        } = scratch;
        self.walk(text, buffers, padded, |piece, range| match piece {
            Found::Token(token) => {
                tokens.push(token);
                ranges.push(range.clone());
            }
            Found::Column(column) => found.push((column, range.clone())),
        });
        self.lookup.each_word_ngram(&tokens, |column, start, length| {
            found.extend(
                ranges[start..start + length]
                    .iter()
                    .map(|range| (column, range.clone())),
            );
        });
        found
    }
}

/// The class with the highest score but `class`; of equal ones the first.
fn runner_up(scores: &[f32], class: usize) -> usize {
    let others = (0..scores.len()).filter(|&other| other != class);
    others
        .reduce(|best, other| if scores[other] > scores[best] { other } else { best })
        .unwrap_or(class)
}
