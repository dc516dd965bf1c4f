//! What a missing or invalid signature of a model means.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether a server serves a model by its signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum VerificationPolicy {
    /// Only a model with a valid signature is served.
    #[default]
    Required,
    /// A model without a signature is served, one with an invalid signature is not.
    IfSigned,
    /// No signature is read.
    Ignore,
}

impl VerificationPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Required, Self::IfSigned, Self::Ignore];

    /// The word in arguments.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::IfSigned => "if-signed",
            Self::Ignore => "ignore",
        }
    }
}

impl fmt::Display for VerificationPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for VerificationPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|policy| policy.as_str() == text)
            .ok_or_else(|| format!("`{text}` is none of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
