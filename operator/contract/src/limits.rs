//! Bounds of the fields that a user writes. Lengths of texts are in characters, as in JSON Schema.

use std::ops::RangeInclusive;

/// Longest name of a field (`dataset.textField`, `labelFields`, `splitField`, `timeField`).
pub const FIELD: usize = 256;
/// Number of `dataset.labelFields`.
pub const LABEL_FIELDS: RangeInclusive<usize> = 1..=8;
/// Number of `dataset.labelLevels`.
pub const LABEL_LEVELS: RangeInclusive<usize> = 2..=5;
/// `dataset.minSamplesPerClass`.
pub const MIN_SAMPLES_PER_CLASS: RangeInclusive<usize> = 2..=1_000_000;
/// Most entries of `dataset.labelMap`.
pub const LABEL_MAP: usize = 200;
/// Longest new label in `dataset.labelMap`.
pub const LABEL: usize = 256;

/// `evaluation.testFraction`.
pub const TEST_FRACTION: RangeInclusive<f64> = 0.01..=0.5;
/// Fewest test rows of a class whose recall counts for `promotion.minClassRecall`. With 30 rows a recall of 0.8 is known to
/// about 0.15.
pub const CLASS_RECALL_ROWS: usize = 30;
/// Longest `documentation.purpose` and `limitations`.
pub const DOCUMENTATION_TEXT: usize = 4096;
/// Longest `documentation.owner` and `contact`.
pub const DOCUMENTATION_NAME: usize = 256;
/// Most `serving.thresholds`.
pub const THRESHOLDS: usize = 200;
/// `minPrecision` in `serving.thresholds`. No number of right answers shows that all are.
pub const MIN_PRECISION: RangeInclusive<f64> = 0.01..=0.999;
/// `minRecall` in `serving.thresholds`.
pub const MIN_RECALL: RangeInclusive<f64> = 0.01..=1.0;
/// Largest `evaluation.seed`.
pub const SEED: u64 = 2_147_483_647;

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
/// The values that `features.minDocumentFrequency: Auto` chooses from. The least is a floor: a term of one complaint is never
/// kept.
pub const AUTO_DOCUMENT_FREQUENCY: [usize; 2] = [2, 5];
/// `features.maxDocumentFraction`.
pub const MAX_DOCUMENT_FRACTION: RangeInclusive<f64> = 0.01..=1.0;
/// `features.maxFeatures`.
pub const MAX_FEATURES: RangeInclusive<usize> = 1..=10_000_000;
/// `features.hashingBits`.
pub const HASHING_BITS: RangeInclusive<u8> = 10..=24;
/// `features.wordVectors.maxWords`.
pub const WORD_VECTOR_WORDS: RangeInclusive<usize> = 0..=1_000_000;
/// `features.wordVectors.maxWords` where it is left out. On the measured sets 150,000 words are worth 0.001 more.
pub const DEFAULT_WORD_VECTOR_WORDS: usize = 50_000;
/// Longest `features.wordVectors.license`.
pub const LICENSE: usize = 256;

/// `search.folds`.
pub const FOLDS: RangeInclusive<usize> = 2..=20;
/// `search.repeats`.
pub const REPEATS: RangeInclusive<usize> = 1..=10;
/// Number of `search.candidates`.
pub const CANDIDATES: RangeInclusive<usize> = 1..=16;
/// Number of values for one parameter in a candidate's `grid`.
pub const GRID_VALUES: RangeInclusive<usize> = 1..=20;
/// Values of `C`.
pub const C: RangeInclusive<f64> = 1e-6..=1e6;
/// Values of `alpha`.
pub const ALPHA: RangeInclusive<f64> = 1e-6..=1e3;
/// Most values of `classWeight` and `loss` in a candidate's `grid`, and of `removeStopWords` and `sublinearTf` in
/// `search.pipelineGrid`: each parameter has two values.
pub const BOTH: usize = 2;
/// Most values of `normalizer` in `search.pipelineGrid`.
pub const NORMALIZERS: usize = 3;
/// Number of n-gram ranges in `search.pipelineGrid`.
pub const GRID_NGRAMS: usize = 8;
/// Most text pipelines in `search.pipelineGrid`.
pub const PIPELINES: usize = 64;
/// `search.ensemble.maxMembers`.
pub const ENSEMBLE_MEMBERS: RangeInclusive<usize> = 1..=10;
/// `search.maxTrialCount`.
pub const TRIALS: RangeInclusive<usize> = 1..=10_000;
/// Largest `search.maxFailedTrialCount`.
pub const FAILED_TRIALS: usize = 10_000;

/// `search.maxTrialCount` of every preset.
pub const PRESET_TRIALS: usize = 100;

/// Longest label of a model, in bytes of UTF-8: [`LABEL`] characters fit.
pub const LABEL_BYTES: usize = 1024;
/// Longest label of a data set's row, in bytes of UTF-8; `dataset.labelMap` may give up to [`LABEL_BYTES`].
pub const ROW_LABEL_BYTES: usize = 1000;

/// Most `verification.publicKeys`: with two, keys are rotated.
pub const PUBLIC_KEYS: usize = 8;
/// Longest public key in PEM. One of P-256 has 178 bytes.
pub const PUBLIC_KEY: usize = 1024;
