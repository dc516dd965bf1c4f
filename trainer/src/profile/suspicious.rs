//! Rows that look wrong, each reason a question of its own.

use complaint_model::text::stop_words;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::Quantiles;
use crate::dataset::Dataset;

/// Rows named for each reason.
const EXAMPLES: usize = 20;
/// Fewer words are hardly a complaint.
const FEW_WORDS: usize = 3;
/// Words that a text needs before its mixture says anything.
const ENOUGH_WORDS: usize = 20;
/// Longer than so many times the 95 % quantile is out of the ordinary.
const FAR_BEYOND: usize = 5;
/// English has about two stop words in five; under this share a longer text is hardly English.
const STOP_WORD_SHARE: f64 = 0.1;

/// Why a row looks wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SuspicionReason {
    /// Under three words.
    FewWords,
    /// More than five times as long as 95 % of the texts.
    FarLonger,
    /// Twenty words or more, hardly any of which is a common English one: another language, a table, a log.
    HardlyEnglish,
    /// Twenty words or more, half of them one word.
    OneWordRepeated,
    /// Most words are redactions such as `XXXX`.
    MostlyRedacted,
    /// Characters that a wrong conversion leaves behind, such as `Ã©` or `â€™`.
    BrokenCharacters,
}

impl SuspicionReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::FewWords,
        Self::FarLonger,
        Self::HardlyEnglish,
        Self::OneWordRepeated,
        Self::MostlyRedacted,
        Self::BrokenCharacters,
    ];

    /// The reason in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::FewWords => "under three words",
            Self::FarLonger => "over five times as long as 95 % of the texts",
            Self::HardlyEnglish => "hardly any common English word",
            Self::OneWordRepeated => "half of the words are one word",
            Self::MostlyRedacted => "most words are redactions",
            Self::BrokenCharacters => "characters broken by a wrong conversion",
        }
    }
}

/// Rows that look wrong for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suspicion {
    /// The reason.
    pub reason: SuspicionReason,
    /// How many rows.
    pub rows: usize,
    /// The first of them.
    pub examples: Vec<RowExample>,
}

/// A row to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RowExample {
    /// Number of the record in the source, from 1.
    pub row: u64,
    /// The beginning of its text, where the report may hold texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Asks every question about every row; reasons without rows are left out.
pub(super) fn find(dataset: &Dataset, words: &Quantiles) -> Vec<Suspicion> {
    let reasons: Vec<Vec<SuspicionReason>> = dataset
        .rows
        .par_iter()
        .map(|row| reasons(dataset.text(row), words))
        .collect();
    SuspicionReason::ALL
        .into_iter()
        .map(|reason| {
            let rows = dataset.rows.iter().zip(&reasons);
            let numbers = rows.filter(|(_, reasons)| reasons.contains(&reason));
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

fn reasons(text: &str, lengths: &Quantiles) -> Vec<SuspicionReason> {
    let mut counts: FxHashMap<String, usize> = FxHashMap::default();
    let (mut words, mut common, mut redacted) = (0, 0, 0);
    for raw in text.split_whitespace() {
        words += 1;
        let word = raw
            .trim_matches(|letter: char| !letter.is_alphanumeric())
            .to_lowercase();
        common += usize::from(stop_words().binary_search(&word.as_str()).is_ok());
        redacted += usize::from(is_redaction(raw));
        *counts.entry(word).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    let long = words >= ENOUGH_WORDS;
    let held = [
        words < FEW_WORDS,
        lengths.p95 > 0 && words > FAR_BEYOND * lengths.p95,
        long && (common as f64) < STOP_WORD_SHARE * words as f64,
        long && 2 * most > words,
        words >= FEW_WORDS && 2 * redacted > words,
        has_broken_characters(text),
    ];
    SuspicionReason::ALL
        .into_iter()
        .zip(held)
        .filter_map(|(reason, holds)| holds.then_some(reason))
        .collect()
}

/// `XXXX`, `XX/XX/2020`, `{$xxx}`: two or more x and no other letter.
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

/// UTF-8 read as Windows-1252 or Latin-1, or bytes that were no character at all.
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
