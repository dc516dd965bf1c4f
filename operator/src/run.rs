//! Starts the controllers and stops them in order.

use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::RunArgs, complaint_classifier, context::Context, health, leader::Election, model_version,
    telemetry::ReconcileMetrics, training_run,
};

/// Runs the operator on a runtime of its own until SIGTERM, SIGINT or a lost lease.
///
/// # Errors
/// When there is no cluster to talk to, the health address is taken, or the lease is lost.
pub fn block_on(args: RunArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        let shutdown = CancellationToken::new();
        tokio::spawn(cancel_on_signal(shutdown.clone()));
        let client = Client::try_default()
            .await
            .context("no cluster to talk to: set KUBECONFIG, or run in a pod with a service account")?;
        operate(client, args, shutdown).await
    })
}

/// Reconciles until `shutdown`, after winning the election if there is one.
///
/// # Errors
/// When the health address is taken, the lease can't be had, or it is lost.
pub async fn operate(client: Client, args: RunArgs, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (metrics, registry) = ReconcileMetrics::new();
    let health = tokio::spawn(health::serve(args.health_bind, registry, shutdown.clone()));
    let outcome = tokio::select! {
        outcome = lead(client, &args, &metrics, shutdown.clone()) => outcome,
        served = health => served.context("the health server ended")?,
    };
    shutdown.cancel();
    outcome
}

async fn lead(
    client: Client,
    args: &RunArgs,
    metrics: &ReconcileMetrics,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if !args.leader_elect {
        control(&client, args, metrics, &shutdown).await;
        return Ok(());
    }
    let election = Election {
        namespace: args
            .lease_namespace
            .clone()
            .unwrap_or_else(|| client.default_namespace().to_owned()),
        name: args.lease_name.clone(),
        identity: std::env::var("POD_NAME").unwrap_or_else(|_| format!("process-{}", std::process::id())),
        lease_duration: Duration::from_secs(15),
        retry_period: Duration::from_secs(3),
    };
    tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        won = election.acquire(&client) => won.context("competing for the lease")?,
    }
    metrics.set_leader(true);
    let outcome = tokio::select! {
        () = control(&client, args, metrics, &shutdown) => Ok(()),
        // The process ends at once: reconciles of a successor may already run beside ours.
        lost = election.hold(&client) => Err(lost),
    };
    metrics.set_leader(false);
    if outcome.is_ok() {
        election.release(&client).await;
    }
    outcome
}

/// Runs the three controllers for every watched namespace until `shutdown`.
async fn control(client: &Client, args: &RunArgs, metrics: &ReconcileMetrics, shutdown: &CancellationToken) {
    let scopes: Vec<Option<String>> = match args.watch_namespaces.iter().filter(|name| !name.is_empty()).count() {
        0 => vec![None],
        _ => args.watch_namespaces.iter().cloned().map(Some).collect(),
    };
    let context = |controller| {
        std::sync::Arc::new(Context::new(
            client.clone(),
            args.settings.clone(),
            controller,
            metrics.clone(),
        ))
    };
    let mut controllers = Vec::new();
    for scope in scopes {
        controllers.push(tokio::spawn(training_run::control(
            context(training_run::NAME),
            scope.clone(),
            shutdown.clone(),
        )));
        controllers.push(tokio::spawn(model_version::control(
            context(model_version::NAME),
            scope.clone(),
            shutdown.clone(),
        )));
        controllers.push(tokio::spawn(complaint_classifier::control(
            context(complaint_classifier::NAME),
            scope,
            shutdown.clone(),
        )));
    }
    for ended in join_all(controllers).await {
        if let Err(error) = ended {
            tracing::error!(%error, "a controller ended");
        }
    }
}

async fn cancel_on_signal(shutdown: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals can't be handled; stop the process with SIGKILL");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    shutdown.cancel();
}
