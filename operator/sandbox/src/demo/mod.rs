//! The demo: applies the examples, watches a model being trained, promoted and served, and requests predictions.

mod drift;
mod objects;
mod prediction;
mod question;
mod screen;
mod watch;

use std::{path::PathBuf, time::Instant};

use anyhow::Context as _;
use complaint_operator::object::Objects;

use crate::cluster::{Cluster, ClusterOptions};
use objects::Job;
use screen::Screen;

/// The namespace of the demo.
const NAMESPACE: &str = "default";

/// Arguments of `complaint-sandbox demo`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct DemoArgs {
    /// Leave everything running at the end, and print commands to try.
    #[arg(long)]
    keep: bool,
    /// Then let the mix of complaints shift, and watch the operator find it without labels, adapt the champion to it, and promote the
    /// adapted version.
    #[arg(long)]
    drift: bool,
    /// Train on this file instead of the sample: CSV, JSON Lines or JSON, also compressed (.gz, .zip).
    #[arg(long, value_name = "FILE", requires_all = ["text_field", "label_field"])]
    data: Option<PathBuf>,
    /// The field with the text; dots descend into objects.
    #[arg(long, value_name = "FIELD", requires = "data")]
    text_field: Option<String>,
    /// The field with the category; given more than once, the fields are joined.
    #[arg(long, value_name = "FIELD", requires = "data")]
    label_field: Vec<String>,
    /// A field with the values `train` and `test`, for data with a published split.
    #[arg(long, value_name = "FIELD", requires = "data")]
    split_field: Option<String>,
    /// How the file is written; unset: by its suffix.
    #[arg(long, value_parser = ["csv", "json-lines", "json"], requires = "data")]
    data_format: Option<String>,
    /// Directory for volumes, logs and the kubeconfig; unset: a temporary one.
    #[arg(long)]
    state: Option<PathBuf>,
}

/// Runs the demo on a runtime of its own. Ctrl-C ends it at any moment and leaves no process behind.
///
/// # Errors
/// What the user needs to know to make it work.
pub fn block_on(args: DemoArgs) -> anyhow::Result<()> {
    let job = Job::new(&args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(args, job))
}

async fn run(args: DemoArgs, job: Job) -> anyhow::Result<()> {
    let screen = Screen::new();
    let started = Instant::now();
    let temporary = match args.state {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("complaint-sandbox-").tempdir()?),
    };
    let state = args
        .state
        .clone()
        .or_else(|| Some(temporary.as_ref()?.path().to_owned()))
        .unwrap_or_default();
    // One listener for all steps, so that no signal is lost between them.
    let mut stop = std::pin::pin!(interrupted());
    let starting = Cluster::start(ClusterOptions {
        ephemeral: true,
        rbac: false,
        audit_log: None,
        state,
        kinds: true,
        kubeconfig: None,
        port: 0,
        executable: std::env::current_exe().context("this program's path can't be found")?,
    });
    let mut cluster = tokio::select! {
        cluster = starting => cluster?,
        () = &mut stop => anyhow::bail!("interrupted"),
    };
    let outcome = tokio::select! {
        outcome = steps(&mut cluster, &job, args.drift, &screen) => outcome,
        () = &mut stop => Err(anyhow::anyhow!("interrupted; everything is stopped")),
    };
    if let Ok(address) = &outcome {
        screen.line("", &format!("done in {:.1} s", started.elapsed().as_secs_f64()));
        if args.keep {
            screen.keep(&cluster, &job, address);
            tokio::select! {
                () = &mut stop => {}
                error = cluster.operator_ended() => eprintln!("{error:#}"),
            }
        }
    }
    screen.clear();
    cluster.stop().await;
    drop(temporary);
    outcome.map(|_| ())
}

/// Runs the steps, each with a line on the screen. Returns the Service's address.
async fn steps(cluster: &mut Cluster, job: &Job, drifts: bool, screen: &Screen) -> anyhow::Result<String> {
    screen.line(
        "sandbox",
        &format!(
            "Kubernetes API at {}, kubeconfig {}",
            cluster.url(),
            cluster.kubeconfig().display()
        ),
    );
    cluster.start_operator().await?;
    screen.line("operator", "CRDs installed, operator running");
    let client = cluster.client().clone();
    let objects = Objects::new(&client, NAMESPACE, "complaint-sandbox-demo");
    let applied = job.apply(cluster, &objects).await?;
    screen.line("applied", &applied.join(", "));
    let working = async {
        watch::until_trained(&objects, job, screen).await?;
        watch::until_served(&objects, job, screen).await?;
        let address = watch::address(&objects, job).await?;
        screen.line("serving", &format!("{address}/predict"));
        prediction::ask(&address, job, screen).await?;
        if drifts {
            drift::show(&address, job, &objects, screen).await?;
        }
        Ok(address)
    };
    tokio::select! {
        outcome = working => outcome,
        error = cluster.operator_ended() => Err(error),
    }
}

/// Waits for Ctrl-C or SIGTERM. It listens from the call on, not from the first poll, so that no signal is lost.
pub fn interrupted() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let handlers = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = handlers else {
            // Without handlers, signals end the process, and the lifelines end its children.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
