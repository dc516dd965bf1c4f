//! Explains why a text got its class.
//!
//! What a word adds by its vector ([`crate::word_scores`]) joins what the word's own term adds, so a word has one contribution.
//! A word without a term of its own is one by itself.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Found, Predictor, Scratch};
use crate::vectorize::TermKind;
use crate::word_scores::WordScores;

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
    /// The class with the second highest score. With levels, the other class with the highest one.
    pub runner_up: usize,
    /// The level at which the paths of both part, if the model has levels. The scores below are those of this level's model.
    pub level: Option<String>,
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
        let levels = self.artifact.levels();
        let parting = levels.and_then(|models| models.parting(class, runner_up));
        // The model that tells both apart, and their columns in it.
        let (level, [one, other], model) = match (levels, parting) {
            (Some(models), Some((level, columns))) => (Some(level), columns, models.model()),
            (Some(models), None) => (
                Some(models.levels().finest()),
                [class, runner_up],
                self.artifact.model(),
            ),
            (None, _) => (None, [class, runner_up], self.artifact.model()),
        };
        let Occurrences {
            found: mut occurrences,
            names,
            scored,
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
                contribution: scratch.values[place] * (weights[one] - weights[other]),
                ranges,
            });
        }
        if let Some(table) = self.artifact.word_scores() {
            add_word_scores(&mut contributions, table, &scored, [class, runner_up]);
        }
        // A stable sort keeps equal contributions in column order.
        contributions.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        let bias = model.bias[one] - model.bias[other];
        // With levels, scores are logarithms of probabilities.
        let margin = match level {
            None => scratch.scores[class] - scratch.scores[runner_up],
            Some(_) => bias + contributions.iter().map(|found| found.contribution).sum::<f32>(),
        };
        Explanation {
            class,
            runner_up,
            level: level.map(str::to_owned),
            bias,
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
            Found::Scored(word) => all.scored.push((word, range.clone())),
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
    /// Words of the table of word scores, in text order.
    scored: Vec<(u32, Range<usize>)>,
}

impl Occurrences {
    fn name(&mut self, column: u32, ngram: String) {
        let names = self.names.entry(column).or_default();
        if !names.contains(&ngram) {
            names.push(ngram);
        }
    }
}

/// Adds what the words `scored` of a text add by their vectors to the contributions of their terms, or as contributions of
/// their own. `classes` are the winner and the runner-up.
fn add_word_scores(
    contributions: &mut Vec<Contribution>,
    table: &WordScores,
    scored: &[(u32, Range<usize>)],
    [class, runner_up]: [usize; 2],
) {
    // The terms of one word, by where the word begins. A word such as `won't` may have several.
    let mut terms: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, term) in contributions.iter().enumerate() {
        if term.kind == TermKind::Words && !term.term.contains(' ') {
            for range in &term.ranges {
                terms.entry(range.start).or_default().push(place);
            }
        }
    }
    let weights: f32 = scored.iter().map(|(word, _)| table.weight(*word)).sum();
    let mut own: BTreeMap<u32, usize> = BTreeMap::new();
    for (word, range) in scored {
        let contribution = (table.score(*word, class) - table.score(*word, runner_up)) / weights;
        let text = table.word(*word);
        let place = match terms.get(&range.start).map(Vec::as_slice) {
            Some([one]) => Some(*one),
            Some(several) => several.iter().copied().find(|&term| contributions[term].term == text),
            None => None,
        };
        let place = place.unwrap_or_else(|| {
            *own.entry(*word).or_insert_with(|| {
                contributions.push(Contribution {
                    term: text.to_owned(),
                    kind: TermKind::Words,
                    contribution: 0.0,
                    ranges: Vec::new(),
                });
                contributions.len() - 1
            })
        });
        let joined = &mut contributions[place];
        joined.contribution += contribution;
        if !joined.ranges.contains(range) {
            joined.ranges.push(range.clone());
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
