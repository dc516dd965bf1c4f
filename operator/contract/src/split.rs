//! How rows are held out, and the names of splits: equal names on equal data mean equal test rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Sha256Digest;

/// Which rows are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SplitBy {
    /// Rows drawn by a hash of their words.
    #[default]
    Hash,
    /// The newest rows, by `dataset.timeField`: how a model does on complaints that come after its training.
    Time,
}

/// Which rows of a data set are its test part.
///
/// ```
/// use complaint_contract::SplitName;
///
/// let holdout = format!("holdout/sha256:{}", "ab".repeat(32));
/// for name in ["v1/seed=42/testFraction=0.2", "time-v1/seed=42/testFraction=0.2/received/at", "published/part", &holdout] {
///     assert_eq!(name.parse::<SplitName>().unwrap().to_string(), name);
/// }
/// assert!("v1/seed=42".parse::<SplitName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum SplitName {
    /// Rows whose key, drawn with `seed`, is below `test_fraction`.
    Key {
        /// Version of the key, such as `v1`.
        version: String,
        /// The seed.
        seed: u64,
        /// Share of the rows.
        test_fraction: f64,
    },
    /// The newest rows.
    Time {
        /// Version of the key that keeps near copies together, such as `v1`.
        version: String,
        /// The key's seed.
        seed: u64,
        /// Share of the rows.
        test_fraction: f64,
        /// The field with the time.
        field: String,
    },
    /// Rows that a field of the data set marks.
    Published {
        /// The field.
        field: String,
    },
    /// Rows of their own.
    Holdout {
        /// Digest of their bytes.
        sha256: Sha256Digest,
    },
}

/// The text is not the name of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the name of a split: write v1/seed=SEED/testFraction=SHARE, time-v1/seed=SEED/testFraction=SHARE/FIELD, published/FIELD or holdout/sha256:HEX"
)]
pub struct ParseSplitError;

impl SplitName {
    /// What the rows were drawn by, the seed, and their share; `None` where nothing is drawn.
    pub fn drawn(&self) -> Option<(SplitBy, u64, f64)> {
        match self {
            Self::Key {
                seed, test_fraction, ..
            } => Some((SplitBy::Hash, *seed, *test_fraction)),
            Self::Time {
                seed, test_fraction, ..
            } => Some((SplitBy::Time, *seed, *test_fraction)),
            Self::Published { .. } | Self::Holdout { .. } => None,
        }
    }
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key {
                version,
                seed,
                test_fraction,
            } => write!(f, "{version}/seed={seed}/testFraction={test_fraction}"),
            Self::Time {
                version,
                seed,
                test_fraction,
                field,
            } => write!(f, "time-{version}/seed={seed}/testFraction={test_fraction}/{field}"),
            Self::Published { field } => write!(f, "published/{field}"),
            Self::Holdout { sha256 } => write!(f, "holdout/{}", sha256.prefixed()),
        }
    }
}

impl FromStr for SplitName {
    type Err = ParseSplitError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = name.split_once('/').ok_or(ParseSplitError)?;
        fn number<T: FromStr>(text: &str, name: &str) -> Result<T, ParseSplitError> {
            let number = text.strip_prefix(name).ok_or(ParseSplitError)?;
            number.parse().map_err(|_| ParseSplitError)
        }
        match kind {
            "published" => Ok(Self::Published { field: rest.to_owned() }),
            "holdout" => rest
                .parse()
                .map(|sha256| Self::Holdout { sha256 })
                .map_err(|_| ParseSplitError),
            version => {
                let (seed, fraction) = rest.split_once('/').ok_or(ParseSplitError)?;
                let seed = number(seed, "seed=")?;
                let Some(version) = version.strip_prefix("time-") else {
                    return Ok(Self::Key {
                        version: version.to_owned(),
                        seed,
                        test_fraction: number(fraction, "testFraction=")?,
                    });
                };
                let (fraction, field) = fraction.split_once('/').ok_or(ParseSplitError)?;
                Ok(Self::Time {
                    version: version.to_owned(),
                    seed,
                    test_fraction: number(fraction, "testFraction=")?,
                    field: field.to_owned(),
                })
            }
        }
    }
}
