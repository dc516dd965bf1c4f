//! Environment variables of the programs' pods.
//!
//! A pod can need several sets of keys. Those of the data set have the names of the providers' own programs
//! (`AWS_ACCESS_KEY_ID`); the others begin with a prefix, so that no set completes or replaces another.

/// Prefix of the artifact store's (`STORE_AWS_ACCESS_KEY_ID`).
pub const STORE: &str = "STORE_";
/// Prefix of the holdout's (`HOLDOUT_AWS_ACCESS_KEY_ID`).
pub const HOLDOUT: &str = "HOLDOUT_";
/// Prefix of the word vectors' (`VECTORS_AWS_ACCESS_KEY_ID`).
pub const WORD_VECTORS: &str = "VECTORS_";
/// Prefix of the tracking server's (`TRACKING_MLFLOW_TRACKING_TOKEN`).
pub const TRACKING: &str = "TRACKING_";
/// The trace that a training belongs to, as `traceparent` of W3C Trace Context.
pub const TRACEPARENT: &str = "TRACEPARENT";
