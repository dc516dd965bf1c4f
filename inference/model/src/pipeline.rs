//! The steps of a text pipeline: the sections `preprocessing` and `features` of a run, with every field set.
//!
//! The artifact holds both structs, so serving repeats the steps of training. The user's form, in which fields are
//! optional, is [`complaint_contract::Preprocessing`] and [`complaint_contract::Features`].

use std::fmt::Display;
use std::ops::RangeInclusive;

use complaint_contract::{Language, LanguageSetting, MinDocumentFrequency, Normalizer, limits};
use serde::{Deserialize, Serialize};

/// The steps from raw text to tokens. [`crate::text`] describes each step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Preprocessing {
    /// The language of the texts. English is not written, so that an English model's file is as it was before there were others.
    #[serde(skip_serializing_if = "Language::is_english")]
    pub language: Language,
    /// Expand `won't` to `will not`, `I've` to `i have`. English only.
    pub expand_contractions: bool,
    /// Remove the language's stop words; in English those of scikit-learn's list.
    pub remove_stop_words: bool,
    /// The normalisation of the remaining words.
    pub normalizer: Normalizer,
    /// Keep runs of up to four ASCII digits (`1099`, `7` in `chapter 7`) as words. Longer runs separate words; if
    /// false, all runs do.
    pub keep_numbers: bool,
    /// Tokens with fewer characters are removed; 1 to 20.
    pub min_token_length: usize,
    /// A regular expression of at most 256 characters; its matches in the case-folded text are removed (`XXXX` in the
    /// CFPB's complaints). Empty: nothing is removed.
    pub redaction_pattern: String,
    /// Make a run of characters of scripts without spaces between words ([`crate::text::is_unspaced`]) one part, so that character
    /// n-grams go across it, and each of these characters a token of any length. The trainer sets it where most of the
    /// letters of the training rows are of such scripts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub character_runs: bool,
}

impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            language: Language::En,
            expand_contractions: true,
            remove_stop_words: true,
            normalizer: Normalizer::Lemma,
            keep_numbers: false,
            min_token_length: 2,
            redaction_pattern: "x{2,}".to_owned(),
            character_runs: false,
        }
    }
}

/// The steps from tokens to a weighted row. See [`crate::vectorize`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Features {
    /// Shortest and longest word n-gram; 1 to 5.
    pub word_ngrams: [usize; 2],
    /// Shortest and longest character n-gram within words; 1 to 8. Absent: no character n-grams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub char_ngrams: Option<[usize; 2]>,
    /// Ignore terms in fewer training documents (scikit-learn's `min_df`).
    pub min_document_frequency: usize,
    /// Ignore terms in a larger share of the training documents (`max_df`); 0.01 to 1.
    pub max_document_fraction: f64,
    /// Keep at most this many terms, the most frequent ones; 1 to 10,000,000.
    pub max_features: usize,
    /// Weight a term that occurs `n` times in a text by `1 + ln n` instead of `n`.
    pub sublinear_tf: bool,
    /// Hash n-grams into `2^bits` buckets for words and as many for characters; 10 to 24. The limits above then apply
    /// to buckets. Absent: n-grams are counted by a vocabulary.
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

/// The settings as a report repeats them, each with its value.
impl From<&Preprocessing> for complaint_contract::Preprocessing {
    fn from(decided: &Preprocessing) -> Self {
        Self {
            language: Some(LanguageSetting::Is(decided.language)),
            expand_contractions: Some(decided.expand_contractions),
            remove_stop_words: Some(decided.remove_stop_words),
            normalizer: Some(decided.normalizer),
            keep_numbers: Some(decided.keep_numbers),
            min_token_length: Some(decided.min_token_length),
            redaction_pattern: Some(decided.redaction_pattern.clone()),
        }
    }
}

/// The settings as a report repeats them, each with its value.
impl From<&Features> for complaint_contract::Features {
    fn from(decided: &Features) -> Self {
        Self {
            word_ngrams: Some(decided.word_ngrams),
            char_ngrams: decided.char_ngrams,
            min_document_frequency: Some(MinDocumentFrequency::Rows(decided.min_document_frequency)),
            max_document_fraction: Some(decided.max_document_fraction),
            max_features: Some(decided.max_features),
            sublinear_tf: Some(decided.sublinear_tf),
            hashing_bits: decided.hashing_bits,
            word_vectors: None,
        }
    }
}

/// A value outside its range. The message names the field as it is written in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}: {expected}")]
pub struct InvalidSetting {
    /// Path of the field, such as `preprocessing.minTokenLength`.
    pub field: &'static str,
    /// The value, as text.
    pub value: String,
    /// The values that are accepted.
    pub expected: String,
}

fn invalid(field: &'static str, value: impl ToString, expected: impl Into<String>) -> InvalidSetting {
    InvalidSetting {
        field,
        value: value.to_string(),
        expected: expected.into(),
    }
}

impl Preprocessing {
    /// These steps for texts in `language`: outside English, stems take the place of lemmas, and nothing is expanded.
    #[must_use]
    pub fn in_language(self, language: Language) -> Self {
        let normalizer = match self.normalizer {
            Normalizer::Lemma if !language.is_english() => Normalizer::Stem,
            other => other,
        };
        Self {
            language,
            normalizer,
            expand_contractions: self.expand_contractions && language.is_english(),
            ..self
        }
    }

    /// Checks the range of every field, that the redaction pattern compiles, and that English steps are left to English.
    ///
    /// # Errors
    /// The first field outside its range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        self.check_language()?;
        check_number(
            "preprocessing.minTokenLength",
            self.min_token_length,
            &limits::MIN_TOKEN_LENGTH,
        )?;
        let length = self.redaction_pattern.chars().count();
        if length > limits::REDACTION_PATTERN {
            return Err(invalid(
                "preprocessing.redactionPattern",
                format!("{length} characters long"),
                format!("use a pattern of at most {} characters", limits::REDACTION_PATTERN),
            ));
        }
        crate::text::check_redaction_pattern(&self.redaction_pattern).map_err(|reason| {
            let value = format!("`{}`", self.redaction_pattern);
            invalid(
                "preprocessing.redactionPattern",
                value,
                format!("not a valid regular expression: {reason}"),
            )
        })
    }

    /// Contractions and WordNet's lemmas are English.
    fn check_language(&self) -> Result<(), InvalidSetting> {
        let Self { language, .. } = self;
        if language.is_english() {
            return Ok(());
        }
        let english = |what: &str| format!("{what} English only, and preprocessing.language is {language}");
        if self.normalizer == Normalizer::Lemma {
            let expected = format!("{}: set it to Stem or None", english("lemmas are for"));
            return Err(invalid("preprocessing.normalizer", "Lemma", expected));
        }
        if self.expand_contractions {
            let expected = format!("{}: set it to false, or leave it out", english("contractions are for"));
            return Err(invalid("preprocessing.expandContractions", "true", expected));
        }
        Ok(())
    }
}

impl Features {
    /// Checks the range of every field.
    ///
    /// # Errors
    /// The first field outside its range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        check_range("features.wordNgrams", self.word_ngrams, &limits::WORD_NGRAMS)?;
        if let Some(range) = self.char_ngrams {
            check_range("features.charNgrams", range, &limits::CHAR_NGRAMS)?;
        }
        check_number(
            "features.minDocumentFrequency",
            self.min_document_frequency,
            &limits::MIN_DOCUMENT_FREQUENCY,
        )?;
        check_number(
            "features.maxDocumentFraction",
            self.max_document_fraction,
            &limits::MAX_DOCUMENT_FRACTION,
        )?;
        check_number("features.maxFeatures", self.max_features, &limits::MAX_FEATURES)?;
        if let Some(bits) = self.hashing_bits.filter(|bits| !limits::HASHING_BITS.contains(bits)) {
            let (low, high) = (limits::HASHING_BITS.start(), limits::HASHING_BITS.end());
            return Err(invalid(
                "features.hashingBits",
                bits,
                format!("set it to {low} to {high}, or leave it out to count by a vocabulary"),
            ));
        }
        Ok(())
    }
}

fn check_number<T: PartialOrd + Display>(
    field: &'static str,
    value: T,
    accepted: &RangeInclusive<T>,
) -> Result<(), InvalidSetting> {
    if accepted.contains(&value) {
        return Ok(());
    }
    let (low, high) = (accepted.start(), accepted.end());
    Err(invalid(field, value, format!("set it to {low} to {high}")))
}

fn check_range(
    field: &'static str,
    [low, high]: [usize; 2],
    accepted: &RangeInclusive<usize>,
) -> Result<(), InvalidSetting> {
    let (least, most) = (*accepted.start(), *accepted.end());
    if least <= low && low <= high && high <= most {
        return Ok(());
    }
    let expected = format!("give the shortest and the longest length, from {least} to {most}, such as [1, 2]");
    Err(invalid(field, format!("[{low}, {high}]"), expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_contract_and_writes_it_back() {
        let json = r#"{"expandContractions":true,"removeStopWords":true,"normalizer":"Lemma","keepNumbers":false,"minTokenLength":2,"redactionPattern":"x{2,}"}"#;
        let parsed: Preprocessing = serde_json::from_str(json).unwrap();
        assert_eq!(parsed, Preprocessing::default());
        assert_eq!(serde_json::to_string(&parsed).unwrap(), json);
        let json = r#"{"language":"pt","expandContractions":false,"removeStopWords":true,"normalizer":"Stem","keepNumbers":false,"minTokenLength":2,"redactionPattern":"x{2,}","characterRuns":true}"#;
        let parsed: Preprocessing = serde_json::from_str(json).unwrap();
        assert_eq!((parsed.language, parsed.character_runs), (Language::Pt, true));
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
        assert!(serde_json::from_str::<Preprocessing>(r#"{"normaliser":"Stem"}"#).is_err());
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
        for pattern in ["(", "a{1000}{1000}{1000}", &"ä".repeat(257)] {
            let broken = Preprocessing {
                redaction_pattern: pattern.to_owned(),
                ..base.clone()
            };
            assert_eq!(broken.validate().unwrap_err().field, "preprocessing.redactionPattern");
        }
        assert_eq!(base.validate(), Ok(()));
    }

    #[test]
    fn english_steps_are_refused_in_other_languages() {
        let german = Preprocessing {
            language: Language::De,
            expand_contractions: false,
            normalizer: Normalizer::Stem,
            ..Preprocessing::default()
        };
        assert_eq!(german.validate(), Ok(()));
        let lemma = Preprocessing {
            normalizer: Normalizer::Lemma,
            ..german.clone()
        };
        let told = lemma.validate().unwrap_err().to_string();
        assert_eq!(
            told,
            "preprocessing.normalizer is Lemma: lemmas are for English only, and preprocessing.language is de: set it to Stem or None"
        );
        let contractions = Preprocessing {
            expand_contractions: true,
            ..german
        };
        let refused = contractions.validate().unwrap_err();
        assert_eq!(refused.field, "preprocessing.expandContractions");
    }

    #[test]
    fn steps_for_another_language() {
        let english = Preprocessing::default();
        let german = english.clone().in_language(Language::De);
        assert_eq!(
            (german.normalizer, german.expand_contractions),
            (Normalizer::Stem, false)
        );
        assert_eq!(german.validate(), Ok(()));
        let plain = Preprocessing {
            normalizer: Normalizer::None,
            ..english.clone()
        };
        assert_eq!(plain.in_language(Language::De).normalizer, Normalizer::None);
        assert_eq!(english.clone().in_language(Language::En), english);
    }
}
