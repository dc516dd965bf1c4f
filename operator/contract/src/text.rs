//! The data set's format and the text pipeline, as a user writes them.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::limits;
use crate::{LanguageSetting, Sha256Digest};

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
// `V` says where word vectors come from: `WordVectors` in `run.json`, and a source of the cluster in a TrainingRun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
pub struct Features<V = WordVectors> {
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
    /// Vectors of words, learned elsewhere: words that no training row has then count too. How much they count is chosen on the
    /// folds, and may be nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_vectors: Option<V>,
}

// Derived, it would ask for a default of `V`.
impl<V> Default for Features<V> {
    fn default() -> Self {
        Self {
            word_ngrams: None,
            char_ngrams: None,
            min_document_frequency: None,
            max_document_fraction: None,
            max_features: None,
            sublinear_tf: None,
            hashing_bits: None,
            word_vectors: None,
        }
    }
}

impl<V> Features<V> {
    /// The same settings with what `change` makes of the word vectors.
    pub fn map_word_vectors<W>(self, change: impl FnOnce(V) -> W) -> Features<W> {
        let Self {
            word_ngrams,
            char_ngrams,
            min_document_frequency,
            max_document_fraction,
            max_features,
            sublinear_tf,
            hashing_bits,
            word_vectors,
        } = self;
        Features {
            word_ngrams,
            char_ngrams,
            min_document_frequency,
            max_document_fraction,
            max_features,
            sublinear_tf,
            hashing_bits,
            word_vectors: word_vectors.map(change),
        }
    }
}

/// A file of word vectors: on each line a word and its numbers, the most frequent words first, as GloVe, fastText and word2vec
/// write them as text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WordVectors {
    /// Path or address, in the forms of `--dataset`: a file, `http(s)://`, `s3://`, `gs://` or `az://`. The argument
    /// `--word-vectors` replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// SHA-256 that its bytes must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Words of the file that the model knows even if no training row has them: this many of the first. Left out: 50,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = *limits::WORD_VECTOR_WORDS.start(), max = *limits::WORD_VECTOR_WORDS.end()))
    )]
    pub max_words: Option<usize>,
    /// Licence of the file, for the report and the lineage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = limits::LICENSE)))]
    pub license: Option<String>,
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
