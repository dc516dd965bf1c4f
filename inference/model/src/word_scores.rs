//! Scores that words add to a model by their vectors.
//!
//! The trainer may know a vector for each of many words. A text's mean vector, weighted by word, goes into the linear model
//! beside the terms. A mean of vectors times a matrix is a mean of products, so the model needs no vectors: each word has
//! one number a class, the product, and a weight. With words w₁ … wₙ in a text, the score of class c grows by
//!
//! ```text
//! Σ scores[wᵢ][c] / Σ weights[wᵢ]        (scores already contain the word's weight)
//! ```
//!
//! over the words of the table; a word counts as often as it occurs. A word is looked up as its *part*
//! ([`crate::text`], step 4): folded, before stop words are removed and words are reduced. So words that no training row
//! has add to the scores too.
//!
//! Scores are kept in 16 bits, in steps of the word's own size: the largest score of a word is 32,767 steps.

use crate::corpus::TokenizedCorpus;
use crate::intern::{NONE, StringTable};

/// The highest number of steps.
const STEPS: f32 = i16::MAX as f32;
/// The weights that a word may have.
const WEIGHTS: std::ops::RangeInclusive<f32> = 1e-9..=1e9;
/// The longest step that a word may have: no score is above 1e9.
const LONGEST_STEP: f32 = 1e9 / STEPS;
/// The longest word, in bytes.
const LONGEST_WORD: usize = 4096;

/// A table of words with a weight and a score a class.
///
/// ```
/// use complaint_model::word_scores::WordScores;
///
/// // Two classes: `fee` speaks for the second, and is worth twice as much as `the`.
/// let table = WordScores::new(["fee", "the"], &[1.0, 0.5], &[-2.0, 2.0, 0.0, 0.1])?;
/// let mut scores = [0.0; 2];
/// table.add(&[0, 1], &mut scores);
/// assert!((scores[0] + 2.0 / 1.5).abs() < 1e-3 && (scores[1] - 2.1 / 1.5).abs() < 1e-3);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WordScores {
    /// In ascending byte order.
    pub(crate) words: StringTable,
    pub(crate) weights: Vec<f32>,
    /// The size of one step of each word's scores.
    pub(crate) steps: Vec<f32>,
    /// `words × classes` steps.
    pub(crate) scores: Vec<i16>,
}

impl WordScores {
    /// A table of `words` in ascending byte order with a weight and a score a class, `words × classes`.
    ///
    /// # Errors
    /// What is wrong, as text: words that don't ascend, numbers that are not finite, lists of other lengths.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>, weights: &[f32], scores: &[f32]) -> Result<Self, String> {
        let mut table = Self {
            words: StringTable::default(),
            weights: weights.to_vec(),
            steps: Vec::with_capacity(weights.len()),
            scores: Vec::with_capacity(scores.len()),
        };
        for word in words {
            table.words.intern(word);
        }
        let classes = scores.len() / weights.len().max(1);
        for own in scores.chunks_exact(classes.max(1)) {
            let largest = own.iter().fold(0.0_f32, |largest, score| largest.max(score.abs()));
            if own.iter().any(|score| !score.is_finite()) {
                return Err("a word's score is not finite".to_owned());
            }
            let step = largest / STEPS;
            table.steps.push(step);
            table.scores.extend(own.iter().map(|score| match step {
                0.0 => 0,
                step => (score / step).round().clamp(-STEPS, STEPS) as i16,
            }));
        }
        table.check(classes)?;
        Ok(table)
    }

    /// Reads the parts of a file. [`WordScores::check`] checks them.
    pub(crate) fn from_parts(
        bytes: &str,
        offsets: &[u32],
        weights: Vec<f32>,
        steps: Vec<f32>,
        scores: Vec<i16>,
    ) -> Result<Self, &'static str> {
        if offsets.first() != Some(&0) || offsets.last().is_none_or(|&end| end as usize != bytes.len()) {
            return Err("the offsets of its words with scores don't go from the beginning to the end");
        }
        let mut words = StringTable::default();
        for place in offsets.windows(2) {
            let word = bytes
                .get(place[0] as usize..place[1] as usize)
                .ok_or("an offset of its words with scores is not where a word ends")?;
            words.intern(word);
        }
        if words.len() != offsets.len() - 1 {
            return Err("two of its words with scores are the same");
        }
        Ok(Self {
            words,
            weights,
            steps,
            scores,
        })
    }

    /// The words' bytes, and where each begins, and the end of the last.
    pub(crate) fn word_bytes(&self) -> (String, Vec<u32>) {
        let (mut bytes, mut offsets) = (String::new(), vec![0]);
        for word in self.words.iter() {
            bytes.push_str(word);
            offsets.push(bytes.len() as u32);
        }
        (bytes, offsets)
    }

    /// Checks that a model with this number of classes can use the table.
    ///
    /// # Errors
    /// The first problem.
    pub(crate) fn check(&self, classes: usize) -> Result<(), String> {
        let words = self.words.len();
        if words == 0 {
            return Err("its table of words with scores is empty".to_owned());
        }
        if self.weights.len() != words
            || self.steps.len() != words
            || words.checked_mul(classes) != Some(self.scores.len())
        {
            return Err(format!(
                "{words} words with scores and {classes} classes don't fit {} weights, {} steps and {} scores",
                self.weights.len(),
                self.steps.len(),
                self.scores.len()
            ));
        }
        if self
            .words
            .iter()
            .any(|word| word.is_empty() || word.len() > LONGEST_WORD)
        {
            return Err(format!(
                "a word with scores is empty or has more than {LONGEST_WORD} bytes"
            ));
        }
        if (1..words as u32).any(|word| self.words.get(word - 1) >= self.words.get(word)) {
            return Err("its words with scores are out of order".to_owned());
        }
        // NaN is in no range.
        if !self.weights.iter().all(|weight| WEIGHTS.contains(weight)) {
            return Err(format!("the weight of a word with scores is not within {WEIGHTS:?}"));
        }
        if !self.steps.iter().all(|step| (0.0..=LONGEST_STEP).contains(step)) {
            return Err("a word's scores are not numbers from -1e9 to 1e9".to_owned());
        }
        Ok(())
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a word.
    ///
    /// # Panics
    /// If `word` is not below [`WordScores::len`].
    pub fn word(&self, word: u32) -> &str {
        self.words.get(word)
    }

    /// The number of a word, from its part.
    #[inline]
    pub fn find(&self, part: &str) -> Option<u32> {
        self.words.find(part)
    }

    /// The weight of a word.
    ///
    /// # Panics
    /// If `word` is not below [`WordScores::len`].
    #[inline]
    pub fn weight(&self, word: u32) -> f32 {
        self.weights[word as usize]
    }

    /// A word's score for one of the model's classes, its weight included.
    ///
    /// # Panics
    /// If `word` or `class` is out of range.
    pub fn score(&self, word: u32, class: usize) -> f32 {
        let classes = self.scores.len() / self.words.len();
        self.steps[word as usize] * f32::from(self.scores[word as usize * classes + class])
    }

    /// Adds to `scores` what these words of a text, in its order and with repeats, are worth. Without words nothing changes. It
    /// adds in the order of `words`, so equal texts give equal bits.
    ///
    /// # Panics
    /// If a word is not below [`WordScores::len`], or there is not one score a class.
    pub fn add(&self, words: &[u32], scores: &mut [f32]) {
        if words.is_empty() {
            return;
        }
        let weights: f32 = words.iter().map(|&word| self.weight(word)).sum();
        for &word in words {
            let factor = self.steps[word as usize] / weights;
            let own = &self.scores[word as usize * scores.len()..][..scores.len()];
            for (score, &own) in scores.iter_mut().zip(own) {
                *score += factor * f32::from(own);
            }
        }
    }

    /// The words of the documents `rows` of a corpus that the table has.
    pub fn words_of(&self, corpus: &TokenizedCorpus, rows: &[u32]) -> FoundWords {
        let numbers: Vec<u32> = corpus.parts().map(|part| self.find(part).unwrap_or(NONE)).collect();
        let mut found = FoundWords {
            ends: Vec::with_capacity(rows.len()),
            words: Vec::new(),
        };
        for &row in rows {
            let words = corpus.document_parts(row as usize).map(|part| numbers[part as usize]);
            found.words.extend(words.filter(|&word| word != NONE));
            found.ends.push(found.words.len());
        }
        found
    }
}

/// The words of several texts that a [`WordScores`] has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundWords {
    /// Where each text's words end.
    ends: Vec<usize>,
    words: Vec<u32>,
}

impl FoundWords {
    /// The words of one text, in its order, with repeats.
    ///
    /// # Panics
    /// If there is no such text.
    pub fn of(&self, text: usize) -> &[u32] {
        let start = if text == 0 { 0 } else { self.ends[text - 1] };
        &self.words[start..self.ends[text]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_keep_a_score_to_a_small_part_of_the_words_largest() {
        let scores = [1e-3, -2.0, 0.7, 0.0, 1e6, -1.0, 0.0, 0.0, 0.0];
        let table = WordScores::new(["a", "b", "c"], &[1.0, 0.25, 1.0], &scores).unwrap();
        for (word, own) in scores.chunks(3).enumerate() {
            let largest = own.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            for (class, score) in own.iter().enumerate() {
                let kept = table.score(word as u32, class);
                assert!((kept - score).abs() <= largest / 65_000.0, "{kept} instead of {score}");
            }
        }
    }

    #[test]
    fn the_mean_is_weighted_and_counts_repeats() {
        let table = WordScores::new(["a", "b"], &[1.0, 3.0], &[4.0, 0.0, 0.0, 12.0]).unwrap();
        let of = |words: &[u32]| {
            let mut scores = [1.0, 1.0];
            table.add(words, &mut scores);
            scores
        };
        let close = |found: [f32; 2], expected: [f32; 2]| {
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3),
                "{found:?} {expected:?}"
            );
        };
        assert_eq!(of(&[]), [1.0, 1.0]);
        close(of(&[0]), [5.0, 1.0]);
        close(of(&[1]), [1.0, 5.0]);
        close(of(&[0, 1]), [2.0, 4.0]);
        close(of(&[0, 0, 1]), [1.0 + 8.0 / 5.0, 1.0 + 12.0 / 5.0]);
    }

    #[test]
    fn unusable_tables() {
        let fine = (["a", "b"], [1.0, 1.0], [0.0; 4]);
        assert!(WordScores::new(fine.0, &fine.1, &fine.2).is_ok());
        for (what, words, weights, scores) in [
            ("order", vec!["b", "a"], vec![1.0, 1.0], vec![0.0; 4]),
            ("same", vec!["a", "a"], vec![1.0, 1.0], vec![0.0; 4]),
            ("empty word", vec!["", "a"], vec![1.0, 1.0], vec![0.0; 4]),
            ("no words", vec![], vec![], vec![]),
            ("weight", vec!["a", "b"], vec![1.0, 0.0], vec![0.0; 4]),
            ("NaN", vec!["a", "b"], vec![1.0, f32::NAN], vec![0.0; 4]),
            ("number", vec!["a", "b"], vec![1.0], vec![0.0; 4]),
            (
                "score",
                vec!["a", "b"],
                vec![1.0, 1.0],
                vec![0.0, f32::INFINITY, 0.0, 0.0],
            ),
            ("too large", vec!["a", "b"], vec![1.0, 1.0], vec![0.0, 2e9, 0.0, 0.0]),
        ] {
            assert!(WordScores::new(words, &weights, &scores).is_err(), "{what}");
        }
    }
}
