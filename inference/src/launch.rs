//! The process: from arguments to an exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use complaint_contract::{ErrorEnvelope, ExitKind, ServerReason};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::core::app::App;
use crate::core::collection::Collecting;
use crate::core::loading::{LoadError, Loaded, load};
use crate::core::tokens::{Tokens, TokensError};
use crate::http::serve::{Drain, serve};
use crate::http::workers::Workers;
use crate::options::{LogFormat, Options};
use crate::reload;

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error("can't listen on {address}: {source}. Choose another address or port with --bind")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("--log `{filter}` is not a log filter: {source}. Use a level such as info or debug")]
    LogFilter {
        filter: String,
        source: tracing_subscriber::filter::ParseError,
    },
    #[error("the operating system refused what the server needs to start: {0}")]
    System(#[from] io::Error),
}

impl Failure {
    /// The reason for the termination log. It decides the exit code.
    fn reason(&self) -> ServerReason {
        match self {
            Self::Load(error) => error.reason(),
            Self::LogFilter { .. } => ServerReason::InvalidArguments,
            Self::Tokens(_) => ServerReason::InvalidTokens,
            Self::Bind { .. } => ServerReason::AddressUnavailable,
            Self::System(_) => ServerReason::Internal,
        }
    }
}

/// Runs the server with these arguments (the first is the program's name) until SIGTERM or SIGINT, in its own runtime.
/// A second signal ends the process without waiting for requests in flight.
///
/// Exit codes: 0 after a signal, 64 for invalid arguments, 65 for a model that can't be used (wrong digest, other
/// format, damaged), 1 for errors that a restart may fix. Once the server listens, it writes one line to standard
/// output: a JSON object with the actual `address`. The log goes to standard error.
pub fn main_from<I: IntoIterator<Item = OsString>>(args: I) -> ExitCode {
    let options = match Options::try_parse_from(args) {
        Ok(options) => Arc::new(options),
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitKind::BadConfiguration.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Write to standard error directly: the log may have failed or be filtered.
            eprintln!(
                "{}",
                json!({ "level": "ERROR", "message": failure.to_string(), "reason": failure.reason().as_str() })
            );
            if let Some(path) = &options.termination_log {
                write_termination_log(path, &failure);
            }
            failure.reason().exit_kind().into()
        }
    }
}

fn run(options: &Arc<Options>) -> Result<(), Failure> {
    start_log(options)?;
    if let Err(reason) = complaint_telemetry::start("complaint-inference") {
        tracing::warn!(%reason, "there are no traces");
    }
    let ended = serve_until_stopped(options);
    complaint_telemetry::end();
    ended
}

fn serve_until_stopped(options: &Arc<Options>) -> Result<(), Failure> {
    // This thread accepts connections and waits for signals.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let (app, collecting) = app(options).await?;
        let app = Arc::new(app);
        // Install the signal handlers before announcing the address, so whoever reads it can stop the server at once.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let hangup = signal(SignalKind::hangup())?;
        let mut stop = async move || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };

        let bind = |source| Failure::Bind {
            address: options.bind,
            source,
        };
        let listener = TcpListener::bind(options.bind).await.map_err(bind)?;
        announce(&app, listener.local_addr().map_err(bind)?);
        let reloading = reload::at_each(hangup, Arc::clone(&app), Arc::clone(options));

        let drain = Drain {
            delay: options.drain_delay,
            timeout: options.drain_timeout,
        };
        let (first_signal, first_came) = tokio::sync::oneshot::channel();
        let workers = Workers::start(options.thread_count())?;
        let serving = serve(listener, app, workers, drain, async {
            let _ = first_came.await;
        });
        let signals = async {
            stop().await;
            let _ = first_signal.send(());
            stop().await;
        };
        let stopping = async {
            serving.await;
            collecting.finish().await;
        };
        tokio::select! {
            () = stopping => {}
            () = reloading => {}
            () = signals => tracing::warn!("second signal: requests in flight are dropped"),
        }
        Ok(())
    });
    // A volume that hangs must not keep the process.
    runtime.shutdown_background();
    ended
}

async fn app(options: &Options) -> Result<(App, Collecting), Failure> {
    let Some(Loaded { engine, report }) = load(&options.source, None).await? else {
        unreachable!("no model is in service yet that the one loaded could equal");
    };
    let mut app = App::new(engine, report, options.limits.clone(), options.statistics.clone());
    let tokens = options.token_file.as_deref();
    app.tokens = tokens.map(|path| Tokens::read(path, "--token-file")).transpose()?;
    let collecting = Collecting::start(&options.collection, &mut app);
    Ok((app, collecting))
}

/// Writes the one line on standard output. If nobody reads it, the server continues.
fn announce(app: &App, address: SocketAddr) {
    let served = app.served();
    let line = json!({
        "level": "INFO",
        "message": "listening",
        "address": address.to_string(),
        "model": served.engine.name(),
        "modelDigest": served.digest,
        "categories": served.engine.labels().len(),
    });
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

fn start_log(options: &Options) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&options.log).map_err(|source| Failure::LogFilter {
        filter: options.log.clone(),
        source,
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // If a log is already set up, this server is embedded in another program, and the log belongs to that program.
    let _ = match options.log_format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.try_init(),
    };
    complaint_contract::hide_panic_messages(|place| tracing::error!(place, "panic"));
    Ok(())
}

fn write_termination_log(path: &Path, failure: &Failure) {
    let words = ErrorEnvelope::new(failure.reason().as_str(), failure);
    if let Err(error) = std::fs::write(path, words.to_json()) {
        eprintln!(
            "{}",
            json!({
                "level": "ERROR",
                "message": format!("can't write the termination log {}: {error}", path.display()),
            })
        );
    }
}
