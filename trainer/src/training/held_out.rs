//! What needs the held-out rows' texts, and the figures of these rows in the artifact.

use std::collections::BTreeMap;

use complaint_contract::Comparison;
use complaint_model::artifact::{HeldOutRow, HeldOutRows};
use complaint_model::vectorize::TokenizedCorpus;
use complaint_model::{Artifact, ArtifactBuilder};

use super::fitting::Fitted;
use super::{Inputs, Prepared, Words, passing};
use crate::compare::{Champion, ChampionAnswers};
use crate::error::TrainError;
use crate::evaluate::{Evaluation, scores};
use crate::reference::{ReferenceRows, mix, reference_profile};
use crate::rng::mix as hash;
use crate::split::split_key;

/// Results that need the held-out rows' texts.
pub(super) struct HeldOut {
    pub(super) comparison: Option<Comparison>,
    /// Texts of the report's mistakes, by index in the held-out part. Empty if the report may not contain texts.
    pub(super) texts: BTreeMap<usize, String>,
    /// The share of unknown words of each row. Empty where the words of all texts are kept anyway.
    pub(super) unknown_words: Vec<f32>,
}

impl HeldOut {
    /// Lets the champion answer the held-out rows, collects the texts of the mistakes if the report may contain them, and counts
    /// unknown words if only terms were kept.
    pub(super) fn look(
        inputs: &Inputs<'_>,
        prepared: &Prepared,
        champion: Option<&Champion>,
        evaluation: &Evaluation,
        artifact: &Artifact,
    ) -> Result<Self, TrainError> {
        let (config, dataset, test) = (inputs.config, &prepared.dataset, &prepared.split.test);
        let mut answers = champion.map(|champion| ChampionAnswers::new(champion, &dataset.all_labels()));
        let mut texts: BTreeMap<usize, String> = BTreeMap::new();
        if inputs.include_texts {
            texts.extend(evaluation.mistakes.iter().map(|&(place, _)| (place, String::new())));
        }
        let counts_words = matches!(prepared.words, Words::Counts(_));
        let mut unknown_words = Vec::new();
        let mut look = |first: usize, batch: &[&str]| {
            let places = first..first + batch.len();
            if let Some(answers) = &mut answers {
                answers.answer(batch, &evaluation.scored.actual[places.clone()]);
            }
            for (place, text) in texts.range_mut(places) {
                batch[place - first].clone_into(text);
            }
            if counts_words {
                let corpus = TokenizedCorpus::build(&artifact.pipeline(), batch);
                let rows: Vec<u32> = (0..batch.len() as u32).collect();
                unknown_words.extend(artifact.unknown_word_shares(&corpus, &rows));
            }
        };
        // The texts of a holdout are kept.
        match prepared.source.as_ref().filter(|_| prepared.holdout.is_none()) {
            _ if champion.is_none() && !inputs.include_texts && !counts_words => {}
            None => {
                let all: Vec<&str> = test
                    .iter()
                    .map(|&row| dataset.text(&dataset.rows[row as usize]))
                    .collect();
                look(0, &all);
            }
            Some(source) => {
                let seed = config.evaluation.seed;
                let is_the_same = |row: u32, text: &str| split_key(text, seed) == prepared.split.keys[row as usize];
                passing::read_again(&config.dataset, source, dataset, test, is_the_same, look)?;
            }
        }
        let evaluated = &config.evaluation;
        let compare = |answers: ChampionAnswers<'_>| {
            answers.compare(
                &evaluation.scored,
                &dataset.labels,
                &prepared.split_name,
                evaluated.metric,
                evaluated.seed,
            )
        };
        Ok(Self {
            comparison: answers.map(compare),
            texts,
            unknown_words,
        })
    }
}

/// The artifact with its figures on the held-out rows, and the scores of some of these. Rows whose label no training row has are
/// left out: the model has no probability for them.
pub(super) fn with_reference(
    fitted: Fitted,
    prepared: &Prepared,
    labels: &[u32],
    unknown_words: &[f32],
) -> Result<Artifact, TrainError> {
    let Fitted { artifact, test, .. } = fitted;
    let classes = artifact.labels().len();
    let known: Vec<usize> = (0..labels.len())
        .filter(|&row| (labels[row] as usize) < classes)
        .collect();
    let scores = scores(&artifact, &test, &known);
    let labels: Vec<u32> = known.iter().map(|&row| labels[row]).collect();
    let unknown_words: Vec<f32> = known.iter().map(|&row| unknown_words[row]).collect();
    let rows = ReferenceRows {
        scores: &scores,
        labels: &labels,
        unknown_words: &unknown_words,
        weights: None,
    };
    let trained_mix = mix(&prepared.train_labels, classes);
    let Some(profile) = reference_profile(&artifact, rows, &trained_mix) else {
        return Ok(artifact);
    };
    let row = |row: usize| HeldOutRow {
        scores: &scores[row * classes..][..classes],
        label: labels[row],
        unknown_words: unknown_words[row],
    };
    let sample = sample(labels.len(), HeldOutRows::most_rows(classes))
        .into_iter()
        .map(row);
    ArtifactBuilder::from(artifact)
        .reference(profile)
        .held_out(HeldOutRows::of(sample))
        .build()
        .map_err(|error| TrainError::Internal(error.to_string()))
}

/// At most `most` of `rows` rows, chosen by a hash of their number.
fn sample(rows: usize, most: usize) -> Vec<usize> {
    let mut sample: Vec<usize> = (0..rows).collect();
    if rows > most {
        sample.select_nth_unstable_by_key(most, |&row| hash(row as u64));
        sample.truncate(most);
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_rows_from_everywhere() {
        assert_eq!(sample(3, 5), [0, 1, 2]);
        let rows = sample(10_000, 2_000);
        assert_eq!(rows.len(), 2_000);
        let early = rows.iter().filter(|row| **row < 5_000).count();
        assert!((900..1_100).contains(&early), "{early}");
    }
}
