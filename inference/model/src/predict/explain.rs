//! Explains why a text got its class.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Found, Predictor, Scratch};
use crate::vectorize::TermKind;

/// The contribution of one term to an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The term. If the model's terms are buckets: the n-gram of the text, or all n-grams that share the bucket, joined
    /// with ` | `.
    pub term: String,
    /// What the term is made of.
    pub kind: TermKind,
    /// How much the term adds to the winner's score compared with the runner-up's.
    pub contribution: f32,
    /// Byte ranges of the words in the text that form the term, ascending, without repeats.
    pub ranges: Vec<Range<usize>>,
}

/// Why a text got its class: the winner's score minus the runner-up's, term by term.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The winning class.
    pub class: usize,
    /// The class with the second highest score.
    pub runner_up: usize,
    /// The winner's score minus the runner-up's without any term.
    pub bias: f32,
    /// `bias` plus all contributions: the winner's score minus the runner-up's.
    pub margin: f32,
    /// The contribution of each term, in descending order of absolute value.
    pub contributions: Vec<Contribution>,
}

impl Predictor {
    /// Explains why `text` gets its class. Slower than [`Predictor::predict`], with the same answer.
    pub fn explain(&self, text: &str, scratch: &mut Scratch) -> Explanation {
        let class = self.predict(text, scratch).class;
        let runner_up = runner_up(&scratch.scores, class);
        let margin = scratch.scores[class] - scratch.scores[runner_up];
        let model = self.artifact.model();
        let Occurrences {
            found: mut occurrences,
            names,
        } = self.occurrences(text, scratch);
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
                term: match names.get(&column) {
                    Some(ngrams) => ngrams.join(" | "),
                    None => self.artifact.vocabulary().term(column).to_owned(),
                },
                kind: self.artifact.vocabulary().kind(column),
                contribution: scratch.values[place] * (weights[class] - weights[runner_up]),
                ranges,
            });
        }
        // A stable sort keeps equal contributions in column order.
        contributions.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        Explanation {
            class,
            runner_up,
            bias: model.bias[class] - model.bias[runner_up],
            margin,
            contributions,
        }
    }

    /// Finds every term of the text, and each word that is part of it.
    fn occurrences(&self, text: &str, scratch: &mut Scratch) -> Occurrences {
        let mut all = Occurrences::default();
        // A bucket does not know its n-grams, so they come from the text.
        let buckets = self.lookup.ngrams().is_none();
        let (mut tokens, mut texts) = (Vec::new(), Vec::new());
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let Scratch {
            text: buffers, padded, ..
        } = scratch;
        self.walk(text, buffers, padded, |piece, range| match piece {
            Found::Token(token, text) => {
                tokens.push(token);
                texts.extend(text.filter(|_| buckets).map(str::to_owned));
                ranges.push(range.clone());
            }
            Found::Column(column, ngram) => {
                all.found.push((column, range.clone()));
                if let Some(ngram) = ngram.filter(|_| buckets) {
                    all.name(column, ngram.to_owned());
                }
            }
        });
        self.lookup.each_word_ngram(&tokens, |column, start, length| {
            let words = start..start + length;
            let found = ranges[words.clone()].iter().map(|range| (column, range.clone()));
            all.found.extend(found);
            if buckets {
                all.name(column, texts[words].join(" "));
            }
        });
        all
    }
}

/// Where a text's terms occur in it.
#[derive(Default)]
struct Occurrences {
    /// Each term's column and a word that is part of the term.
    found: Vec<(u32, Range<usize>)>,
    /// The n-grams that fell into a bucket, by column.
    names: BTreeMap<u32, Vec<String>>,
}

impl Occurrences {
    fn name(&mut self, column: u32, ngram: String) {
        let names = self.names.entry(column).or_default();
        if !names.contains(&ngram) {
            names.push(ngram);
        }
    }
}

/// The class with the highest score except `class`. If several are equal, the first of them.
fn runner_up(scores: &[f32], class: usize) -> usize {
    let others = (0..scores.len()).filter(|&other| other != class);
    others
        .reduce(|best, other| if scores[other] > scores[best] { other } else { best })
        .unwrap_or(class)
}
