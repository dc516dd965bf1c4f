//! The profile of a data set: lengths, copies, near-twins, vocabulary, suspicious rows.

use complaint_contract::RecordCounts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::{Contradiction, Duplicate};

/// The profile of a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Numbers of records, read and left out.
    pub records: RecordCounts,
    /// The languages of a sample of at most 1,000 rows, most rows first.
    pub languages: Vec<LanguageShare>,
    /// Quantiles of the words per text. In scripts without spaces between words, each character counts as a word.
    pub words: Quantiles,
    /// Texts by number of words, in bins of equal width. The last bin is open.
    pub length_histogram: Vec<LengthBin>,
    /// Growth of the vocabulary with the rows, in the source's order.
    pub vocabulary_growth: Vec<VocabularyPoint>,
    /// Number of groups of near-twins: rows whose texts differ in a few words (Jaccard similarity of their 5-word
    /// shingles, or with hashing of their buckets, of at least 0.8). A group is never divided between folds and, unless
    /// the split is published, never between training and test rows.
    pub near_twin_groups: usize,
    /// Number of rows in these groups.
    pub near_twin_rows: usize,
    /// The largest of these groups, by the numbers of their first records.
    pub largest_near_twin_groups: Vec<NearTwins>,
    /// Examples of removed copies.
    pub duplicate_examples: Vec<Duplicate>,
    /// Examples of copies of one text with different labels.
    pub contradiction_examples: Vec<Contradiction>,
    /// Suspicious rows, by reason.
    pub suspicious_rows: Vec<Suspicion>,
    /// Largest difference of a class's share between training and test part, in percentage points.
    pub largest_share_difference: f64,
}

/// The rows of a sample in one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LanguageShare {
    /// The language's code: ISO 639-1 for languages with stop words and stems, ISO 639-3 for others, `und` for rows whose language is
    /// not clear.
    pub language: String,
    /// Its name in English.
    pub name: String,
    /// Rows of the sample.
    pub rows: usize,
    /// Their share of the sample.
    pub share: f64,
}

/// Quantiles of a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// The smallest value.
    pub min: usize,
    /// 25 %.
    pub lower: usize,
    /// 50 %.
    pub median: usize,
    /// 75 %.
    pub upper: usize,
    /// 95 %.
    pub p95: usize,
    /// The largest value.
    pub max: usize,
}

impl Quantiles {
    /// Computes the quantiles of a list.
    pub fn of(mut values: Vec<usize>) -> Self {
        values.sort_unstable();
        let Some(last) = values.len().checked_sub(1) else {
            return Self::default();
        };
        let at = |share: f64| values[(share * last as f64).round() as usize];
        Self {
            min: at(0.0),
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
            p95: at(0.95),
            max: at(1.0),
        }
    }
}

/// Texts with a number of words in `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LengthBin {
    /// Fewest words.
    pub from: usize,
    /// The number of words where the next bin begins; absent in the last bin, which has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<usize>,
    /// Texts in the bin.
    pub rows: usize,
}

/// The vocabulary after some of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VocabularyPoint {
    /// Rows seen.
    pub rows: usize,
    /// Distinct tokens in these rows; with hashing, distinct buckets that pass the limits for terms.
    pub words: usize,
}

/// A group of rows with nearly the same text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NearTwins {
    /// Number of rows.
    pub rows: usize,
    /// Number of distinct labels. More than one means that nearly the same text was labelled differently.
    pub labels: usize,
    /// Numbers of its first records.
    pub examples: Vec<u64>,
}

/// Rows that are suspicious for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspicion {
    /// The reason.
    pub reason: SuspicionReason,
    /// Number of rows.
    pub rows: usize,
    /// The first of these rows.
    pub examples: Vec<RowExample>,
}

/// Why a row is suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SuspicionReason {
    /// Fewer than three words.
    FewWords,
    /// More than five times as many words as 95 % of the texts have.
    FarLonger,
    /// Twenty words or more, almost none of them a common word of the data set's language: another language, a table, a log.
    FewCommonWords,
    /// Twenty words or more, more than half of them the same word.
    OneWordRepeated,
    /// Most words are redactions such as `XXXX`.
    MostlyRedacted,
    /// Characters from a wrong text encoding, such as `Ã©` or `â€™`.
    BrokenCharacters,
}

impl SuspicionReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::FewWords,
        Self::FarLonger,
        Self::FewCommonWords,
        Self::OneWordRepeated,
        Self::MostlyRedacted,
        Self::BrokenCharacters,
    ];

    /// A description of the reason.
    pub fn describe(self) -> &'static str {
        match self {
            Self::FewWords => "fewer than three words",
            Self::FarLonger => "more than five times as long as 95 % of the texts",
            Self::FewCommonWords => "almost no common words of the language",
            Self::OneWordRepeated => "more than half of the words are the same",
            Self::MostlyRedacted => "most words are redactions",
            Self::BrokenCharacters => "characters broken by a wrong conversion",
        }
    }
}

/// An example of a suspicious row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowExample {
    /// Number of the record in the source, counted from 1.
    pub row: u64,
    /// The beginning of the row's text, if the report may hold texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}
