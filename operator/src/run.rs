//! Starts the controllers and stops them in order.

use std::time::Duration;

use anyhow::Context as _;
use futures::{FutureExt, future::BoxFuture};
use kube::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    adaptation::Adaptations,
    cache::Caches,
    cli::RunArgs,
    client::{PATIENCE, patient},
    comparison::Comparisons,
    complaint_classifier::ComplaintClassifiers,
    context::Context,
    controller::{Controller, Reconciler},
    deletion::{Deletions, Finalizers},
    expiry::Expiries,
    health,
    leader::{Election, identity},
    model_version::ModelVersions,
    monitoring::Monitorings,
    retention::Retentions,
    retraining::Retrainings,
    store_record::StoreRecords,
    telemetry::ReconcileMetrics,
    tracking::Trackings,
    training_run::TrainingRuns,
};

/// How long reconciles under way may take to end; less than a Pod's usual grace period. What is not done by then is cut off.
const GRACE: Duration = Duration::from_secs(10);

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
    let client = patient(client, PATIENCE);
    let (metrics, registry) = ReconcileMetrics::new();
    // Health is served to the end: a process that hands its lease over is healthy.
    let ended = CancellationToken::new();
    let health = tokio::spawn(health::serve(args.health_bind, registry, ended.clone()));
    let outcome = tokio::select! {
        outcome = lead(client, &args, &metrics, shutdown.clone()) => outcome,
        served = health => served.context("the health server ended")?,
    };
    shutdown.cancel();
    ended.cancel();
    outcome
}

async fn lead(
    client: Client,
    args: &RunArgs,
    metrics: &ReconcileMetrics,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if !args.leader_elect {
        return control(&client, args, metrics, &shutdown).await;
    }
    let election = Election {
        namespace: args
            .lease_namespace
            .clone()
            .unwrap_or_else(|| client.default_namespace().to_owned()),
        name: args.lease_name.clone(),
        identity: identity(std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME")).ok()),
        lease_duration: Duration::from_secs(15),
        renew_period: Duration::from_secs(3),
        retry_period: Duration::from_secs(1),
    };
    tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        won = election.acquire(&client) => won.context("competing for the lease")?,
    }
    metrics.set_leader(true);
    let outcome = tokio::select! {
        outcome = control(&client, args, metrics, &shutdown) => outcome,
        // The process ends at once: reconciles of a successor may already run beside ours.
        lost = election.hold(&client) => {
            metrics.set_leader(false);
            return Err(lost);
        }
    };
    metrics.set_leader(false);
    // The controllers have ended: a successor may begin.
    election.release(&client).await;
    outcome
}

/// Fills the caches and runs the controllers over all watched namespaces until `shutdown`.
///
/// # Errors
/// When one of them ends before that: the others would go on without it, and nobody would notice.
async fn control(
    client: &Client,
    args: &RunArgs,
    metrics: &ReconcileMetrics,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let mut scopes: Vec<Option<String>> = args
        .watch_namespaces
        .iter()
        .filter(|name| !name.is_empty())
        .cloned()
        .map(Some)
        .collect();
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() {
        scopes.push(None);
    }
    let caches = Caches::new();
    caches.turns.allow(args.settings.max_concurrent_trainings);
    caches.monitoring.show_in(metrics.production.clone());
    let context = &|controller| {
        let (client, settings) = (client.clone(), args.settings.clone());
        Context::new(client, caches.clone(), settings, controller, metrics.clone())
    };
    // They listen before the caches fill, so that they know of every object, and work afterwards.
    let working = [
        controller::<TrainingRuns>(context, shutdown),
        controller::<ModelVersions>(context, shutdown),
        controller::<ComplaintClassifiers>(context, shutdown),
        controller::<Retrainings>(context, shutdown),
        controller::<Comparisons>(context, shutdown),
        controller::<StoreRecords>(context, shutdown),
        controller::<Trackings>(context, shutdown),
        controller::<Monitorings>(context, shutdown),
        controller::<Adaptations>(context, shutdown),
        controller::<Retentions>(context, shutdown),
        controller::<Expiries>(context, shutdown),
        controller::<Deletions>(context, shutdown),
        controller::<Finalizers>(context, shutdown),
    ];
    let mut feeds = JoinSet::new();
    tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        () = caches.start(client, &scopes, &mut feeds) => {}
    }
    // Dropping the set cuts off what did not end in time.
    let mut controllers: JoinSet<()> = working.into_iter().collect();
    let out_of_patience = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = all_ended(&mut controllers, &mut feeds, shutdown) => ended,
        () = out_of_patience => Ok(()),
    }
}

/// A controller that listens to the caches from now on, and works when it is polled.
fn controller<R: Reconciler>(
    context: &impl Fn(&'static str) -> Context,
    shutdown: &CancellationToken,
) -> BoxFuture<'static, ()> {
    let controller = Controller::new::<R>(context(R::NAME));
    controller.run::<R>(shutdown.clone()).boxed()
}

/// Waits for the controllers, and takes one, or a watch, that ends before `shutdown` for a failure.
async fn all_ended(
    controllers: &mut JoinSet<()>,
    feeds: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let ended = tokio::select! {
            ended = controllers.join_next() => match ended {
                Some(ended) => ended,
                None => return Ok(()),
            },
            Some(ended) = feeds.join_next() => ended,
        };
        if !shutdown.is_cancelled() {
            shutdown.cancel();
            ended.context("a controller or a watch panicked")?;
            anyhow::bail!("a controller or a watch ended by itself");
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
