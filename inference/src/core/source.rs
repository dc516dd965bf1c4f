//! Which model to serve, and under which name.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use complaint_model::Sha256Digest;

use crate::core::limits::parse_duration;
use crate::core::location::Location;
use crate::core::review::ReviewOptions;
use crate::core::verification::Verification;

/// The location of the model, its expected digest, its name and its thresholds.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The model artifact (`model.safetensors`) to serve: a file, or an address that begins with s3://, https:// or
    /// http://. Keys, region, endpoint and workload identity for s3:// come from the AWS_… variables. SIGHUP reads it
    /// again
    #[arg(long, value_name = "FILE|ADDRESS", env = "COMPLAINT_MODEL")]
    pub model: Location,

    /// The digest that the model must have, as `sha256:` and 64 hexadecimal digits. Optional for a file: without it,
    /// the server serves the file whatever it contains
    #[arg(
        long,
        value_name = "sha256:HEX",
        env = "COMPLAINT_MODEL_DIGEST",
        conflicts_with = "digest_file"
    )]
    pub digest: Option<Sha256Digest>,

    /// A file with the digest that the model must have; read again, with the model, on SIGHUP
    #[arg(long, value_name = "FILE")]
    pub digest_file: Option<PathBuf>,

    /// Cache models that come from an address in this directory, under their digest, and look there first
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,

    /// Maximum size of the model in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub max_model_bytes: usize,

    /// How long fetching the model from its address may take, retries included
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    pub fetch_timeout: Duration,

    /// The model's name in the KServe and Open Inference paths, such as /v2/models/NAME/infer
    #[arg(long, value_name = "NAME", default_value = "complaints", value_parser = parse_name)]
    pub name: String,

    /// Which answers are left to people
    #[command(flatten)]
    pub review: ReviewOptions,

    /// Whether the model's signature is verified
    #[command(flatten)]
    pub verification: Verification,
}

fn parse_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 253 || !text.chars().all(allowed) {
        return Err("a model name has 1 to 253 letters, digits, `-`, `_` or `.`".into());
    }
    Ok(text.to_owned())
}

/// Parses a probability or a share.
pub(crate) fn parse_fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("it is a number from 0 to 1, for example 0.5".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_a_path() {
        for good in ["cards", "Cards_2.1-b"] {
            assert!(parse_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a:predict", "ä", "a b"] {
            assert!(parse_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fractions() {
        assert_eq!(parse_fraction("0.5"), Ok(0.5));
        for bad in ["1.1", "-0.1", "NaN", "half"] {
            assert!(parse_fraction(bad).is_err(), "{bad}");
        }
    }
}
