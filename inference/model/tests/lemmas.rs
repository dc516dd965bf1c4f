//! Lemmas agree with NLTK's `WordNetLemmatizer`.

use complaint_model::text::TextPipeline;
use complaint_model::{Normalizer, Preprocessing};

/// `word lemma` lines: NLTK 3.10's lemmas for words from public complaint and news data, frequent words, irregular
/// plurals, and words with an ending that looks like a plural.
const PAIRS: &str = include_str!("nltk_lemmas.txt");

#[test]
fn lemmas_agree_with_nltk() {
    let pipeline = TextPipeline::new(&Preprocessing {
        expand_contractions: false,
        remove_stop_words: false,
        normalizer: Normalizer::Lemma,
        keep_numbers: false,
        min_token_length: 1,
        redaction_pattern: String::new(),
        ..Preprocessing::default()
    })
    .unwrap();
    let pairs: Vec<(&str, &str)> = PAIRS.lines().filter_map(|line| line.split_once(' ')).collect();
    assert!(pairs.len() >= 2_000, "{} pairs", pairs.len());
    let wrong: Vec<String> = pairs
        .iter()
        .map(|(word, lemma)| (word, lemma, pipeline.tokenize(word)))
        .filter(|(_, lemma, ours)| ours.len() != 1 || ours[0] != **lemma)
        .map(|(word, lemma, ours)| format!("{word}: {lemma}, not {ours:?}"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        pairs.len(),
        wrong.join("\n")
    );
}
