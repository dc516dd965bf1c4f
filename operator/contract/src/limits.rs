//! Bounds of the fields that a user writes. Lengths of texts are counted in characters, as JSON schemas count them.

use std::ops::RangeInclusive;

/// `preprocessing.minTokenLength`.
pub const MIN_TOKEN_LENGTH: RangeInclusive<usize> = 1..=20;
/// Longest `preprocessing.redactionPattern`.
pub const REDACTION_PATTERN: usize = 256;

/// Lengths in `features.wordNgrams`.
pub const WORD_NGRAMS: RangeInclusive<usize> = 1..=5;
/// Lengths in `features.charNgrams`.
pub const CHAR_NGRAMS: RangeInclusive<usize> = 1..=8;
/// `features.minDocumentFrequency`.
pub const MIN_DOCUMENT_FREQUENCY: RangeInclusive<usize> = 1..=1_000_000;
/// `features.maxDocumentFraction`.
pub const MAX_DOCUMENT_FRACTION: RangeInclusive<f64> = 0.01..=1.0;
/// `features.maxFeatures`.
pub const MAX_FEATURES: RangeInclusive<usize> = 1..=10_000_000;
/// `features.hashingBits`.
pub const HASHING_BITS: RangeInclusive<u8> = 10..=24;

/// `search.folds`.
pub const FOLDS: RangeInclusive<usize> = 2..=20;
/// Number of `search.candidates`.
pub const CANDIDATES: RangeInclusive<usize> = 1..=16;
/// Number of values for one parameter in a candidate's `grid`.
pub const GRID_VALUES: RangeInclusive<usize> = 1..=20;
/// Values of `C` and `alpha`.
pub const PENALTY: RangeInclusive<f64> = 1e-6..=1e6;
/// Number of n-gram ranges in `search.pipelineGrid`.
pub const GRID_NGRAMS: usize = 8;
/// Text pipelines that `search.pipelineGrid` makes.
pub const PIPELINES: usize = 64;
/// `search.ensemble.maxMembers`.
pub const ENSEMBLE_MEMBERS: RangeInclusive<usize> = 1..=10;
/// `search.maxTrialCount`.
pub const TRIALS: RangeInclusive<usize> = 1..=10_000;
/// Largest `search.maxFailedTrialCount`.
pub const FAILED_TRIALS: usize = 10_000;

/// Longest label of a model, in bytes of UTF-8.
pub const LABEL_BYTES: usize = 1024;
