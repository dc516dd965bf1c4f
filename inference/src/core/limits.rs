//! Limits on client requests.

use std::time::Duration;

use clap::Args;

/// The limits that apply to each client. A request over a limit is refused with its own status and message.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Maximum size of a request body in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub max_body_bytes: usize,

    /// Maximum size of a complaint in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 16)]
    pub max_text_bytes: usize,

    /// Maximum number of complaints in a request
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub max_texts: usize,

    /// Maximum number of prediction requests in flight; more are answered 429 with Retry-After
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    pub max_concurrency: usize,

    /// Maximum number of bytes of request bodies and answers held at once, without the first 16 KiB of each; more are
    /// answered 429 with Retry-After. Never less than two bodies of the largest size
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    pub max_bytes_in_flight: usize,

    /// Maximum number of open connections. A further connection replaces the one that has kept the server waiting for a
    /// request the longest
    #[arg(long, value_name = "COUNT", default_value_t = 1_024)]
    pub max_connections: usize,

    /// How long a connection may take to send a request's header
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub header_timeout: Duration,

    /// How long a connection may stay idle between requests
    #[arg(long, value_name = "DURATION", default_value = "75s", value_parser = parse_duration)]
    pub idle_timeout: Duration,

    /// How long a request body may take to arrive; on a stream, how long the next piece may take. Also how long a
    /// client may take to read its answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub body_timeout: Duration,
}

impl Limits {
    /// The memory budget for bodies and answers. A body may count twice: as received and decoded.
    #[must_use]
    pub fn bytes_in_flight(&self) -> usize {
        self.max_bytes_in_flight.max(self.max_body_bytes.saturating_mul(2))
    }
}

/// Parses a duration from the command line.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let scale = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => {
            return Err(format!(
                "unknown unit `{unit}`; use ms, s, m, h or d, for example 500ms or 20s"
            ));
        }
    };
    number
        .parse::<f64>()
        .ok()
        .and_then(|value| Duration::try_from_secs_f64(value * scale).ok())
        .ok_or_else(|| "a duration is a number with a unit ms, s, m, h or d, for example 20s".into())
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
            ("24h", Some(Duration::from_secs(86_400))),
            ("30d", Some(Duration::from_secs(30 * 86_400))),
            ("1w", None),
            ("s", None),
            ("", None),
            ("1e400s", None),
        ] {
            assert_eq!(parse_duration(text).ok(), expected, "{text:?}");
        }
    }
}
