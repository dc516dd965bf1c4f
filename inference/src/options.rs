//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::core::collection::CollectionOptions;
use crate::core::limits::{Limits, parse_duration};
use crate::core::source::Source;
use crate::core::statistics::StatisticsOptions;

/// Serves the predictions of one complaint classifier over HTTP.
///
/// The server compares the model's SHA-256 digest with --digest before it uses any byte of it, and is ready only while
/// that model is loaded.
#[derive(Debug, Clone, Parser)]
#[command(name = "complaint-inference", version)]
pub struct Options {
    /// Which model to serve
    #[command(flatten)]
    pub source: Source,

    /// Address and port to listen on; with port 0 the system chooses one
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:8080")]
    pub bind: SocketAddr,

    /// Also write the reason for a failed start to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub termination_log: Option<PathBuf>,

    /// Only answer requests with a bearer token from this file, which has one token per line; probes, metrics and statistics
    /// stay open. The file is read again when it changes
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Number of threads that answer requests; by default, as many as the machine has or the container's CPU limit
    /// allows
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// Limits on client requests
    #[command(flatten)]
    pub limits: Limits,

    /// What the statistics count
    #[command(flatten)]
    pub statistics: StatisticsOptions,

    /// What to collect
    #[command(flatten)]
    pub collection: CollectionOptions,

    /// How long SIGTERM waits for requests in flight, and keeps idle connections open for further ones, e.g. 20s
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = parse_duration)]
    pub drain_timeout: Duration,

    /// How long the server still accepts new connections after SIGTERM has turned readiness off; for load balancers
    /// that only check readiness
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_duration)]
    pub drain_delay: Duration,

    /// Format of the log on standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// Which lines to log: a level, or tracing directives. Every request is logged at `debug`, refused ones at `info`,
    /// failed ones at `error`
    #[arg(long, value_name = "FILTER", default_value = "info", env = "RUST_LOG")]
    pub log: String,
}

impl Options {
    /// The number of threads that answer requests.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        let granted = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(granted, usize::from)
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line
    Json,
    /// For people
    Text,
}
