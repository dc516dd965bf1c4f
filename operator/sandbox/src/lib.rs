//! The sandbox's program: `demo`, `start`, and `exec`, by which it runs itself as trainer, server, operator or dashboard.
//!
//! It combines a Kubernetes API server (`sandbox_apiserver`) and a cluster (`sandbox_cluster`), which are independent
//! of the product, with the product's programs and kinds. `main.rs` only calls [`main_from`], so that the code is
//! compiled once, here.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod cluster;
mod demo;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use sandbox_cluster::runner::lifeline;

use crate::{
    cluster::{Cluster, ClusterOptions},
    demo::DemoArgs,
};

/// A Kubernetes API in one process that runs Jobs and Deployments as local processes.
#[derive(Debug, Parser)]
#[command(name = "complaint-sandbox", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train on the sample (or your data), promote, serve, and ask for a prediction: the whole product on this machine.
    Demo(DemoArgs),
    /// Run the Kubernetes API and its node until Ctrl-C.
    Start(StartArgs),
    /// Run as one of the product's programs: `exec trainer|inference|operator|dashboard ARGS…`.
    Exec {
        /// End with the process group when standard input ends: for programs that the sandbox starts.
        #[arg(long)]
        lifeline: bool,
        /// The program.
        program: String,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

#[derive(Debug, clap::Args)]
struct StartArgs {
    /// Directory for objects, volumes, logs and the kubeconfig; unset: a temporary one that goes with the process.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Keep objects in memory only: each start begins with none. Volumes and logs still go to the state directory.
    #[arg(long)]
    ephemeral: bool,
    /// Where to write the kubeconfig; unset: `kubeconfig` in the state directory.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// Port of the API server; 0: any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Authorise requests by RBAC; unset: every valid token is allowed everything.
    #[arg(long)]
    rbac: bool,
    /// Append every request to this file: one audit.k8s.io/v1 event per line.
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Install the CRDs and run the operator too.
    #[arg(long)]
    with_operator: bool,
    /// End when standard input ends: for programs that start the sandbox and must not leave it behind.
    #[arg(long)]
    lifeline: bool,
}

/// Runs the program with these arguments, the first being its own name.
pub fn main_from(args: Vec<OsString>) -> ExitCode {
    match Cli::parse_from(args).command {
        Command::Exec {
            lifeline,
            program,
            args,
        } => exec(lifeline, &program, args),
        Command::Demo(args) => finish(demo::block_on(args)),
        Command::Start(args) => finish(start(args)),
    }
}

fn exec(with_lifeline: bool, program: &str, args: Vec<OsString>) -> ExitCode {
    if with_lifeline {
        lifeline::watch_stdin();
    }
    let args = std::iter::once(OsString::from(format!("complaint-{program}"))).chain(args);
    match program {
        "trainer" => complaint_trainer::main_from(args),
        "inference" => complaint_inference::main_from(args),
        "operator" => complaint_operator::cli::main_from(args),
        // The image's program is the plugin, and the arguments begin with its command.
        "dashboard" => complaint_cli::main_from(args),
        other => {
            eprintln!(
                "complaint-sandbox: there is no program `{other}`; use trainer, inference, operator or dashboard"
            );
            ExitCode::from(64)
        }
    }
}

fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("complaint-sandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: StartArgs) -> anyhow::Result<()> {
    complaint_operator::telemetry::init(false);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // The directory is removed with this value, after everything in it has stopped.
        let temporary = match args.state {
            Some(_) => None,
            None => Some(tempfile::tempdir().context("no temporary directory can be made")?),
        };
        let state = args
            .state
            .clone()
            .or_else(|| Some(temporary.as_ref()?.path().to_owned()))
            .unwrap_or_default();
        let mut cluster = Cluster::start(ClusterOptions {
            // A temporary directory is never read again.
            ephemeral: args.ephemeral || temporary.is_some(),
            state,
            kinds: args.with_operator,
            kubeconfig: args.kubeconfig.clone(),
            port: args.port,
            rbac: args.rbac,
            audit_log: args.audit_log.clone(),
            executable: std::env::current_exe().context("this program's path can't be found")?,
        })
        .await?;
        if args.with_operator {
            cluster.start_operator().await?;
        }
        let stop = demo::interrupted();
        println!("Kubernetes API  {}", cluster.url());
        println!("kubeconfig      {}", cluster.kubeconfig().display());
        println!(
            "\n  export KUBECONFIG={}\n  kubectl get all\n\nCtrl-C ends it.",
            cluster.kubeconfig().display()
        );
        let outcome = tokio::select! {
            () = stop => Ok(()),
            () = input_ended(args.lifeline) => Ok(()),
            error = cluster.operator_ended() => Err(error),
        };
        cluster.stop().await;
        drop(temporary);
        outcome
    })
}

/// Returns when standard input ends, if that is asked for.
async fn input_ended(asked: bool) {
    if !asked {
        return std::future::pending().await;
    }
    let read_to_end = || std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    // A read error counts as the end of the input.
    let _ = tokio::task::spawn_blocking(read_to_end).await;
}
