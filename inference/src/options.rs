//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use complaint_model::Sha256Digest;

use crate::location::Location;

/// Serves predictions of one complaint classifier over HTTP.
///
/// The model is read, its SHA-256 digest is compared with --digest before a byte of it is used, and the server answers
/// readiness only while that model is loaded.
#[derive(Debug, Clone, Parser)]
#[command(name = "complaint-inference", version)]
pub struct Options {
    /// The model artifact (`model.safetensors`) to serve: a file, or an address that begins with s3://, https:// or
    /// http://. Keys, region, endpoint and workload identity for s3:// come from the AWS_… variables. SIGHUP reads it
    /// again
    #[arg(long, value_name = "FILE|ADDRESS", env = "COMPLAINT_MODEL")]
    pub model: Location,

    /// The digest the model must have, as `sha256:` and 64 hexadecimal digits. A file may go without: then whatever
    /// it holds is served
    #[arg(
        long,
        value_name = "sha256:HEX",
        env = "COMPLAINT_MODEL_DIGEST",
        conflicts_with = "digest_file"
    )]
    pub digest: Option<Sha256Digest>,

    /// A file with the digest the model must have; read again, with the model, at SIGHUP
    #[arg(long, value_name = "FILE")]
    pub digest_file: Option<PathBuf>,

    /// Keep models that come from an address in this directory, under their digest, and look there first
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,

    /// Bytes of the model at most
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub max_model_bytes: usize,

    /// How long the model may take to come from its address, retries included
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    pub fetch_timeout: Duration,

    /// Address and port to listen on; port 0 lets the system choose one
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:8080")]
    pub bind: SocketAddr,

    /// The model's name in the KServe and Open Inference paths, such as /v2/models/NAME/infer
    #[arg(long, value_name = "NAME", default_value = "complaints", value_parser = parse_name)]
    pub name: String,

    /// Answers with a lower probability are marked `needsReview`
    #[arg(long, value_name = "PROBABILITY", default_value_t = 0.0, value_parser = parse_probability)]
    pub abstain_below: f64,

    /// Also write the reason of a failed start to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub termination_log: Option<PathBuf>,

    /// Answer only requests with a bearer token from this file, one a line; probes and metrics stay open. Read again
    /// when it changes
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Threads that answer requests; as many as the machine or the container's CPU limit grants when absent
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// What a client may ask for at most
    #[command(flatten)]
    pub limits: Limits,

    /// How long SIGTERM waits for requests in flight, e.g. 20s
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = parse_duration)]
    pub drain_timeout: Duration,

    /// How long the server still takes new requests after SIGTERM has turned readiness off; for load balancers that
    /// only watch readiness
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    pub drain_delay: Duration,

    /// Format of the log on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// Which log lines are written: a level, or tracing directives. Every request is logged at `debug`, refused ones
    /// at `info`, failed ones at `error`
    #[arg(long, value_name = "FILTER", default_value = "info", env = "RUST_LOG")]
    pub log: String,
}

/// What one client may ask of the server. Whatever passes a limit is refused with a status and a message of its own.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Bytes of one request body
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub max_body_bytes: usize,

    /// Bytes of one complaint
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 16)]
    pub max_text_bytes: usize,

    /// Complaints in one request
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub max_texts: usize,

    /// Prediction requests in flight; more are answered 429 with Retry-After
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub max_concurrency: usize,

    /// Open connections; more wait in the system's accept queue
    #[arg(long, value_name = "COUNT", default_value_t = 4_096)]
    pub max_connections: usize,

    /// How long a connection may take to send a request's header; also how long it may stay idle between requests
    #[arg(long, value_name = "DURATION", default_value = "75s", value_parser = parse_duration)]
    pub header_timeout: Duration,

    /// How long a request body may take to arrive; on a stream, how long the next piece may take. Also
    /// how long a client may leave its answer untaken
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub body_timeout: Duration,
}

impl Options {
    /// How many threads answer requests.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        let granted = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(granted, usize::from)
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line
    Json,
    /// For people
    Text,
}

fn parse_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 253 || !text.chars().all(allowed) {
        return Err("a model name has 1 to 253 letters, digits, `-`, `_` or `.`".into());
    }
    Ok(text.to_owned())
}

fn parse_probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a probability is a number from 0 to 1, for example 0.5".into()),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let scale = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        _ => {
            return Err(format!(
                "unknown unit `{unit}`; use ms, s or m, for example 500ms or 20s"
            ));
        }
    };
    number
        .parse::<f64>()
        .ok()
        .and_then(|value| Duration::try_from_secs_f64(value * scale).ok())
        .ok_or_else(|| "a duration is a number with a unit ms, s or m, for example 20s".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("20s", Some(Duration::from_secs(20))),
            ("20", Some(Duration::from_secs(20))),
            ("500ms", Some(Duration::from_millis(500))),
            ("2m", Some(Duration::from_secs(120))),
            ("0s", Some(Duration::ZERO)),
            ("1.5s", Some(Duration::from_millis(1500))),
            ("-1s", None),
            ("1h", None),
            ("s", None),
            ("", None),
            ("1e400s", None),
        ] {
            assert_eq!(parse_duration(text).ok(), expected, "{text:?}");
        }
    }

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
    fn probabilities() {
        assert_eq!(parse_probability("0.5"), Ok(0.5));
        for bad in ["1.1", "-0.1", "NaN", "half"] {
            assert!(parse_probability(bad).is_err(), "{bad}");
        }
    }
}
