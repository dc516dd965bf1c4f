//! What is done to a text: the `preprocessing` and `features` sections of a training run's configuration.
//!
//! Both structs read and write exactly the JSON of `docs/contracts.md`; the artifact carries them, so that serving does
//! what training did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a word is reduced to the form that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Normalizer {
    /// The WordNet noun lemma (`accounts` → `account`), as NLTK's `WordNetLemmatizer` gives it by default.
    #[default]
    Lemma,
    /// The Snowball English stem (`accounting` → `account`).
    Stem,
    /// The word as it stands, case folded.
    None,
}

/// The steps from raw text to tokens. See [`crate::text`] for what each does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Preprocessing {
    /// Expand `won't` to `will not`, `I've` to `i have`.
    pub expand_contractions: bool,
    /// Leave out the English words in scikit-learn's list.
    pub remove_stop_words: bool,
    /// The reduction of the words that are left.
    pub normalizer: Normalizer,
    /// Keep runs of up to four ASCII digits (`1099`, `7` of `chapter 7`) as words; longer ones, and otherwise all, separate
    /// words.
    pub keep_numbers: bool,
    /// Tokens with fewer characters are left out; 1 to 20.
    pub min_token_length: usize,
    /// A regular expression; what it matches in the case-folded text is taken out (`XXXX` in the CFPB's complaints).
    /// Empty: nothing is. At most 200 bytes.
    pub redaction_pattern: String,
}

impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            expand_contractions: true,
            remove_stop_words: true,
            normalizer: Normalizer::Lemma,
            keep_numbers: false,
            min_token_length: 2,
            redaction_pattern: "x{2,}".to_owned(),
        }
    }
}

/// The steps from tokens to a weighted row. See [`crate::vectorize`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Features {
    /// Shortest and longest word n-gram; 1 to 5.
    pub word_ngrams: [usize; 2],
    /// Shortest and longest character n-gram within words; 1 to 8. None when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub char_ngrams: Option<[usize; 2]>,
    /// A term must stand in at least so many training documents.
    pub min_document_frequency: usize,
    /// A term may stand in at most this share of the training documents; above 0, at most 1.
    pub max_document_fraction: f64,
    /// At most so many terms are kept, the most frequent ones; 1 to 10,000,000.
    pub max_features: usize,
    /// Weigh a term that stands `n` times in a text by `1 + ln n` instead of `n`.
    pub sublinear_tf: bool,
    /// Count n-grams by hash, in `2^bits` buckets for words and as many for characters, 10 to 24; absent: by a
    /// vocabulary. Buckets are then what the limits above call terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hashing_bits: Option<u8>,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            word_ngrams: [1, 2],
            char_ngrams: None,
            min_document_frequency: 2,
            max_document_fraction: 1.0,
            max_features: 100_000,
            sublinear_tf: true,
            hashing_bits: None,
        }
    }
}

/// A value outside its range. The message names the field as the configuration spells it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}: {expected}")]
pub struct InvalidSetting {
    /// Path of the field, such as `preprocessing.minTokenLength`.
    pub field: &'static str,
    /// The value, as text.
    pub value: String,
    /// What would be accepted.
    pub expected: String,
}

fn invalid(field: &'static str, value: impl ToString, expected: impl Into<String>) -> InvalidSetting {
    InvalidSetting {
        field,
        value: value.to_string(),
        expected: expected.into(),
    }
}

/// Accepted [`Features::hashing_bits`].
const HASHING_BITS: std::ops::RangeInclusive<u8> = 10..=24;
/// Longest accepted `redactionPattern`, in bytes.
const MAX_PATTERN: usize = 200;

impl Preprocessing {
    /// Checks every field's range and that the redaction pattern compiles.
    ///
    /// # Errors
    /// The first field outside its range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        if !(1..=20).contains(&self.min_token_length) {
            return Err(invalid(
                "preprocessing.minTokenLength",
                self.min_token_length,
                "set it to 1 to 20",
            ));
        }
        if self.redaction_pattern.len() > MAX_PATTERN {
            let length = format!("{} bytes long", self.redaction_pattern.len());
            return Err(invalid(
                "preprocessing.redactionPattern",
                length,
                "use a pattern of at most 200 bytes",
            ));
        }
        crate::text::check_redaction_pattern(&self.redaction_pattern).map_err(|reason| {
            let value = format!("`{}`", self.redaction_pattern);
            invalid(
                "preprocessing.redactionPattern",
                value,
                format!("not a usable regular expression: {reason}"),
            )
        })
    }
}

impl Features {
    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field outside its range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        check_range("features.wordNgrams", self.word_ngrams, 5)?;
        if let Some(range) = self.char_ngrams {
            check_range("features.charNgrams", range, 8)?;
        }
        if !(1..=1_000_000).contains(&self.min_document_frequency) {
            let value = self.min_document_frequency;
            return Err(invalid(
                "features.minDocumentFrequency",
                value,
                "set it to 1 to 1000000",
            ));
        }
        if !(self.max_document_fraction > 0.0 && self.max_document_fraction <= 1.0) {
            let value = self.max_document_fraction;
            return Err(invalid(
                "features.maxDocumentFraction",
                value,
                "set it above 0 and at most to 1",
            ));
        }
        if !(1..=10_000_000).contains(&self.max_features) {
            return Err(invalid(
                "features.maxFeatures",
                self.max_features,
                "set it to 1 to 10000000",
            ));
        }
        if let Some(bits) = self.hashing_bits.filter(|bits| !HASHING_BITS.contains(bits)) {
            return Err(invalid(
                "features.hashingBits",
                bits,
                "set it to 10 to 24, or leave it out to count by a vocabulary",
            ));
        }
        Ok(())
    }
}

fn check_range(field: &'static str, [low, high]: [usize; 2], max: usize) -> Result<(), InvalidSetting> {
    if 1 <= low && low <= high && high <= max {
        return Ok(());
    }
    let expected = format!("give the shortest and the longest length, from 1 to {max}, such as [1, 2]");
    Err(invalid(field, format!("[{low}, {high}]"), expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_contract_and_writes_it_back() {
        let json = r#"{"expandContractions":true,"removeStopWords":true,"normalizer":"lemma","keepNumbers":false,"minTokenLength":2,"redactionPattern":"x{2,}"}"#;
        let parsed: Preprocessing = serde_json::from_str(json).unwrap();
        assert_eq!(parsed, Preprocessing::default());
        assert_eq!(serde_json::to_string(&parsed).unwrap(), json);

        let json = r#"{"wordNgrams":[1,2],"charNgrams":[3,5],"minDocumentFrequency":2,"maxDocumentFraction":1.0,"maxFeatures":100000,"sublinearTf":true}"#;
        let parsed: Features = serde_json::from_str(json).unwrap();
        assert_eq!(
            parsed,
            Features {
                char_ngrams: Some([3, 5]),
                ..Features::default()
            }
        );
        assert_eq!(serde_json::to_string(&parsed).unwrap(), json);
        let hashed: Features = serde_json::from_str(r#"{"hashingBits":18}"#).unwrap();
        assert_eq!(hashed.hashing_bits, Some(18));
        assert!(
            serde_json::to_string(&hashed)
                .unwrap()
                .ends_with(r#","hashingBits":18}"#)
        );
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<Preprocessing>(r#"{"normaliser":"stem"}"#).is_err());
        assert!(serde_json::from_str::<Features>(r#"{"ngrams":[1,2]}"#).is_err());
    }

    #[test]
    fn ranges_name_the_field() {
        let features = Features::default();
        let cases = [
            (
                Features {
                    word_ngrams: [0, 1],
                    ..features.clone()
                },
                "features.wordNgrams",
            ),
            (
                Features {
                    word_ngrams: [2, 1],
                    ..features.clone()
                },
                "features.wordNgrams",
            ),
            (
                Features {
                    char_ngrams: Some([3, 9]),
                    ..features.clone()
                },
                "features.charNgrams",
            ),
            (
                Features {
                    min_document_frequency: 0,
                    ..features.clone()
                },
                "features.minDocumentFrequency",
            ),
            (
                Features {
                    max_document_fraction: f64::NAN,
                    ..features.clone()
                },
                "features.maxDocumentFraction",
            ),
            (
                Features {
                    max_document_fraction: 1.5,
                    ..features.clone()
                },
                "features.maxDocumentFraction",
            ),
            (
                Features {
                    max_features: 0,
                    ..features.clone()
                },
                "features.maxFeatures",
            ),
            (
                Features {
                    hashing_bits: Some(9),
                    ..features.clone()
                },
                "features.hashingBits",
            ),
            (
                Features {
                    hashing_bits: Some(25),
                    ..features.clone()
                },
                "features.hashingBits",
            ),
        ];
        for (case, field) in cases {
            assert_eq!(case.validate().unwrap_err().field, field);
        }
        assert_eq!(features.validate(), Ok(()));
        let base = Preprocessing::default();
        let length = Preprocessing {
            min_token_length: 0,
            ..base.clone()
        };
        assert_eq!(length.validate().unwrap_err().field, "preprocessing.minTokenLength");
        for pattern in ["(", "a{1000}{1000}{1000}", &"x".repeat(201)] {
            let broken = Preprocessing {
                redaction_pattern: pattern.to_owned(),
                ..base.clone()
            };
            assert_eq!(broken.validate().unwrap_err().field, "preprocessing.redactionPattern");
        }
        assert_eq!(base.validate(), Ok(()));
    }
}
