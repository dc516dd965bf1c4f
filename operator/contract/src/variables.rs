//! Prefixes of the environment variables with a pod's keys.
//!
//! A training can need three sets of keys. Those of the data set have the names of the providers' own programs
//! (`AWS_ACCESS_KEY_ID`); the others begin with a prefix, so that no set completes or replaces another.

/// Of the artifact store (`STORE_AWS_ACCESS_KEY_ID`).
pub const STORE: &str = "STORE_";
/// Of the holdout (`HOLDOUT_AWS_ACCESS_KEY_ID`).
pub const HOLDOUT: &str = "HOLDOUT_";
