//! The data set's format and the text pipeline, as a user writes them.

use serde::{Deserialize, Serialize};

use crate::{LanguageSetting, limits};

/// Format of a data set. The file's suffix tells its compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum DatasetFormat {
    /// Comma-separated values with a header row (RFC 4180).
    #[default]
    Csv,
    /// One JSON object per line.
    JsonLines,
    /// One JSON array of objects, or an Elasticsearch response with `hits.hits`.
    Json,
}

/// The normalisation of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Normalizer {
    /// The WordNet noun lemma (`accounts` becomes `account`), as NLTK's `WordNetLemmatizer` gives it by default. English only.
    #[default]
    Lemma,
    /// The Snowball stem of the language (`accounting` becomes `account`).
    Stem,
    /// The case-folded word.
    None,
}

/// How a text becomes words. A field that is left out is the preset's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Preprocessing {
    /// The language of the texts: `Auto` (the language of most training rows), or an ISO 639-1 code. It decides stop words and
    /// stems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageSetting>,
    /// Expand English contractions (`won't` becomes `will not`) before words are cut. Only for English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expand_contractions: Option<bool>,
    /// Remove the stop words of the language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_stop_words: Option<bool>,
    /// Normalisation of words: `Lemma` (WordNet, only for English), `Stem` (Snowball) or `None`. A preset's `Lemma` is `Stem` in
    /// other languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalizer: Option<Normalizer>,
    /// Keep numbers of up to four digits as words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_numbers: Option<bool>,
    /// Words with fewer characters are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::MIN_TOKEN_LENGTH.start(), max = *limits::MIN_TOKEN_LENGTH.end()))
    )]
    pub min_token_length: Option<usize>,
    /// Regular expression for redactions such as `XXXX`; matches are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::REDACTION_PATTERN)))]
    pub redaction_pattern: Option<String>,
}

/// How words become numbers: TF-IDF over n-grams, each row of unit length. A field that is left out is the preset's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.wordNgrams) || self.wordNgrams[0] <= self.wordNgrams[1]",
        "message": "wordNgrams is [shortest, longest]: the first number must not be the larger one",
    },
    {
        "rule": "!has(self.charNgrams) || self.charNgrams[0] <= self.charNgrams[1]",
        "message": "charNgrams is [shortest, longest]: the first number must not be the larger one",
    },
])))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Features {
    /// Shortest and longest word n-gram.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(inner(range(min = *limits::WORD_NGRAMS.start(), max = *limits::WORD_NGRAMS.end())))
    )]
    pub word_ngrams: Option<[usize; 2]>,
    /// Shortest and longest character n-gram within words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(inner(range(min = *limits::CHAR_NGRAMS.start(), max = *limits::CHAR_NGRAMS.end())))
    )]
    pub char_ngrams: Option<[usize; 2]>,
    /// Terms in fewer rows are left out; 5 excludes the words of single customers. `Auto` chooses 2 or 5 on the folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_document_frequency: Option<MinDocumentFrequency>,
    /// Terms in a larger share of the training rows are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::MAX_DOCUMENT_FRACTION.start(), max = *limits::MAX_DOCUMENT_FRACTION.end()))
    )]
    pub max_document_fraction: Option<f64>,
    /// At most this many terms, the most frequent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::MAX_FEATURES.start(), max = *limits::MAX_FEATURES.end()))
    )]
    pub max_features: Option<usize>,
    /// Use `1 + ln(count)` in place of a term's count in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sublinear_tf: Option<bool>,
    /// Hash n-grams into 2^N buckets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::HASHING_BITS.start(), max = *limits::HASHING_BITS.end()))
    )]
    pub hashing_bits: Option<u8>,
}

/// The least number of rows with a term that is kept: a number, or `Auto` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinDocumentFrequency {
    /// The number among [`limits::AUTO_DOCUMENT_FREQUENCY`] that does best on the folds.
    Auto,
    /// This number of rows.
    Rows(usize),
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for MinDocumentFrequency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MinDocumentFrequency".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// The bounds apply to a number and the pattern to a string.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "x-kubernetes-int-or-string": true,
            "minimum": limits::MIN_DOCUMENT_FREQUENCY.start(),
            "maximum": limits::MIN_DOCUMENT_FREQUENCY.end(),
            "pattern": "^Auto$",
        })
    }
}

impl Serialize for MinDocumentFrequency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => "Auto".serialize(serializer),
            Self::Rows(rows) => rows.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for MinDocumentFrequency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "write a number of rows, or Auto")]
        enum Written {
            Rows(usize),
            Word(Word),
        }
        #[derive(Deserialize)]
        enum Word {
            Auto,
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Rows(rows) => Self::Rows(rows),
            Written::Word(Word::Auto) => Self::Auto,
        })
    }
}

/// As an argument: a number, or `auto`.
impl std::str::FromStr for MinDocumentFrequency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        text.parse()
            .map(Self::Rows)
            .map_err(|_| "give a number of rows, or auto".to_owned())
    }
}

/// A range of character n-gram lengths, or none: `[3, 5]` or `[]` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CharNgrams(pub Option<[usize; 2]>);

#[cfg(feature = "schema")]
impl schemars::JsonSchema for CharNgrams {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CharNgrams".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = Vec::<usize>::json_schema(generator);
        schema.insert("maxItems".into(), 2.into());
        schema
    }
}

impl Serialize for CharNgrams {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0
            .as_ref()
            .map_or(&[][..], |range| &range[..])
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CharNgrams {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Vec::deserialize(deserializer)?[..] {
            [] => Ok(Self(None)),
            [low, high] => Ok(Self(Some([low, high]))),
            _ => Err(serde::de::Error::custom(
                "write the shortest and the longest length, such as [3, 5], or [] for none",
            )),
        }
    }
}
