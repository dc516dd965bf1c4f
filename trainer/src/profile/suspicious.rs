//! Suspicious rows: each reason is a separate check.

use complaint_model::text::is_unspaced;
use complaint_report::{Quantiles, RowExample, Suspicion, SuspicionReason};

use crate::dataset::Row;
use crate::language::{CommonWords, word_hash};

/// Rows listed for each reason.
const EXAMPLES: usize = 20;
/// A text with fewer words is unlikely to be a complaint.
const FEW_WORDS: usize = 3;
/// A text with fewer words is too short for checks of its words' frequencies.
const ENOUGH_WORDS: usize = 20;
/// A text longer than this many times the 95 % quantile is unusually long.
const FAR_BEYOND: usize = 5;

/// The bit of a reason in [`TextFacts`].
fn bit(reason: SuspicionReason) -> u8 {
    1 << reason as u8
}

/// Collects the suspicious rows by reason. Reasons without rows are left out.
pub(super) fn find(rows: &[Row], facts: &[TextFacts], lengths: &Quantiles) -> Vec<Suspicion> {
    SuspicionReason::ALL
        .into_iter()
        .map(|reason| {
            let rows = rows.iter().zip(facts);
            let numbers = rows.filter(|(_, facts)| match reason {
                SuspicionReason::FarLonger => lengths.p95 > 0 && facts.words as usize > FAR_BEYOND * lengths.p95,
                other => facts.suspicions & bit(other) != 0,
            });
            let mut numbers = numbers.map(|(row, _)| row.number);
            let examples: Vec<RowExample> = numbers
                .by_ref()
                .take(EXAMPLES)
                .map(|row| RowExample { row, text: None })
                .collect();
            Suspicion {
                reason,
                rows: examples.len() + numbers.count(),
                examples,
            }
        })
        .filter(|suspicion| suspicion.rows > 0)
        .collect()
}

/// The facts about a text that the profile needs, so that the text itself need not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextFacts {
    pub(super) words: u32,
    /// The reasons that depend on the text alone, one bit each.
    suspicions: u8,
}

impl TextFacts {
    /// Inspects a text. This runs for every row of a training, so it compares words by their hashes, with `hashes` as
    /// buffer. `common` are the words of the data set's language.
    pub fn of(text: &str, common: CommonWords, hashes: &mut Vec<u64>) -> Self {
        let (mut words, mut redacted) = (0, 0);
        hashes.clear();
        for word in text.split_whitespace() {
            words += words_in(word);
            redacted += usize::from(is_redaction(word));
            hashes.push(word_hash(word));
        }
        let long = hashes.len() >= ENOUGH_WORDS;
        let is_spaced = words < 2 * hashes.len();
        let held = [
            (SuspicionReason::FewWords, words < FEW_WORDS),
            (
                SuspicionReason::FewCommonWords,
                long && is_spaced && common.share(hashes) < common.least_share(),
            ),
            (SuspicionReason::OneWordRepeated, long && has_majority(hashes)),
            (
                SuspicionReason::MostlyRedacted,
                words >= FEW_WORDS && 2 * redacted > words,
            ),
            (SuspicionReason::BrokenCharacters, has_broken_characters(text)),
        ];
        let held = held.into_iter().filter(|(_, holds)| *holds);
        Self {
            words: u32::try_from(words).unwrap_or(u32::MAX),
            suspicions: held.fold(0, |bits, (reason, _)| bits | bit(reason)),
        }
    }
}

/// The number of words in a text. Where no spaces are between words, each character counts as one.
pub fn word_count(text: &str) -> usize {
    text.split_whitespace().map(words_in).sum()
}

/// The number of words between two spaces.
fn words_in(word: &str) -> usize {
    if word.is_ascii() {
        return 1;
    }
    let unspaced = |c: &char| is_unspaced(*c) && c.is_alphabetic();
    word.chars().filter(unspaced).count().max(1)
}

/// Whether more than half of the words are the same. (Boyer and Moore's majority vote: only one word can be the
/// majority, so only one needs counting.)
fn has_majority(words: &[u64]) -> bool {
    let (mut candidate, mut lead) = (0, 0_usize);
    for &word in words {
        match lead {
            0 => (candidate, lead) = (word, 1),
            _ if word == candidate => lead += 1,
            _ => lead -= 1,
        }
    }
    2 * words.iter().filter(|&&word| word == candidate).count() > words.len()
}

/// Whether a word is a redaction such as `XXXX`, `XX/XX/2020` or `{$xxx}`: two or more x and no other letter.
fn is_redaction(word: &str) -> bool {
    let mut crosses = 0;
    for letter in word.chars().filter(|letter| letter.is_alphabetic()) {
        match letter {
            'x' | 'X' => crosses += 1,
            _ => return false,
        }
    }
    crosses >= 2
}

/// Whether the text contains UTF-8 that was read as Windows-1252 or Latin-1, or replacements for invalid bytes.
fn has_broken_characters(text: &str) -> bool {
    let mut before = ' ';
    text.chars().any(|letter| {
        let pair = (before, letter);
        before = letter;
        match pair {
            (_, '\u{fffd}') => true,
            // The first and second byte of an accented letter.
            ('Ã' | 'Â', '\u{80}'..='\u{bf}') => true,
            // The first two bytes of a quotation mark or dash.
            ('â', '€' | '\u{80}') => true,
            _ => false,
        }
    })
}
