//! `logs`: what a training's newest pod wrote.

use std::pin::pin;

use complaint_api::TrainingRun;
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{ListParams, LogParams},
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};

use crate::{
    cluster::Cluster,
    console::Console,
    error::Error,
    info::{Info, Objects},
    render::visible,
    view,
};

/// The container of a training.
const CONTAINER: &str = "trainer";

pub(super) async fn logs(cluster: &Cluster, console: &Console, run: &str, follow: bool) -> Result<(), Error> {
    cluster.get::<TrainingRun>(run).await?;
    let pods: Api<Pod> = cluster.plain()?;
    let selector = format!("batch.kubernetes.io/job-name={run}-train");
    let listed = pods.list(&ListParams::default().labels(&selector)).await;
    let listed = listed.map_err(|error| Error::of_access(cluster.access::<Pod>("list", ""), error))?;
    let newest = listed.items.into_iter().max_by_key(Pod::creation_timestamp);
    let pod = match newest {
        Some(pod) if has_started(&pod) => pod.name_any(),
        Some(_) | None if follow => match started(cluster, console, run, &pods, &selector).await? {
            Some(pod) => pod,
            None => return gone(cluster, console, run).await,
        },
        Some(pod) => {
            return Err(Error::Other(format!(
                "Pod {} of TrainingRun {run} has not started: -f waits for it; `kubectl complaints runs` says what the run waits for",
                pod.name_any()
            )));
        }
        None => return gone(cluster, console, run).await,
    };
    let params = LogParams {
        container: Some(CONTAINER.into()),
        follow,
        ..LogParams::default()
    };
    let failed = |error| Error::of_access(cluster.access::<Pod>("get", &pod), error);
    let mut lines = pods.log_stream(&pod, &params).await.map_err(failed)?.lines();
    loop {
        match lines.try_next().await {
            Ok(Some(line)) => console.print(&format!("{}\n", visible(&line)))?,
            Ok(None) => return Ok(()),
            Err(error) => return Err(Error::Other(format!("the log of Pod {pod} broke off: {error}"))),
        }
    }
}

/// Whether a pod's container has run, so that it has a log.
fn has_started(pod: &Pod) -> bool {
    let statuses = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    statuses
        .filter(|status| status.name == CONTAINER)
        .filter_map(|status| status.state.as_ref())
        .any(|state| state.running.is_some() || state.terminated.is_some())
}

/// Waits for a pod that has started; `None` if the run ends without one.
async fn started(
    cluster: &Cluster,
    console: &Console,
    run: &str,
    pods: &Api<Pod>,
    selector: &str,
) -> Result<Option<String>, Error> {
    let refused = |error: watcher::Error, resource: &crate::error::Access| {
        Error::Other(format!(
            "`{resource}` failed while waiting for a pod of TrainingRun {run}: {error}"
        ))
    };
    let (of_pods, of_runs) = (
        cluster.access::<Pod>("watch", ""),
        cluster.access::<TrainingRun>("watch", run),
    );
    let mut of_job = pin!(watcher(pods.clone(), watcher::Config::default().labels(selector)).touched_objects());
    let only = watcher::Config::default().fields(&format!("metadata.name={run}"));
    let mut of_run = pin!(watcher(cluster.plain::<TrainingRun>()?, only).touched_objects());
    let mut told = false;
    loop {
        tokio::select! {
            pod = of_job.try_next() => match pod.map_err(|error| refused(error, &of_pods))? {
                Some(pod) if has_started(&pod) => return Ok(Some(pod.name_any())),
                Some(_) => {}
                None => return Ok(None),
            },
            object = of_run.try_next() => match object.map_err(|error| refused(error, &of_runs))? {
                Some(object) if has_ended(&object) => return Ok(None),
                Some(_) if !told => {
                    console.note(&format!("TrainingRun {run} has no pod that has started; waiting for one"));
                    told = true;
                }
                Some(_) => {}
                None => return Ok(None),
            },
        }
    }
}

fn has_ended(run: &TrainingRun) -> bool {
    use complaint_api::RunPhase::{Failed, Succeeded};
    let phase = run.status.as_ref().and_then(|status| status.phase);
    run.metadata.deletion_timestamp.is_some() || matches!(phase, Some(Succeeded | Failed))
}

/// What is left of a run without pods.
async fn gone(cluster: &Cluster, console: &Console, run: &str) -> Result<(), Error> {
    let object: TrainingRun = cluster.get(run).await?;
    let info = Info::of(&Objects {
        runs: vec![object],
        ..Objects::default()
    });
    let known = info.runs.first();
    if let Some(known) = known {
        console.show(|_| view::summary(known), known)?;
    }
    let why = match known.is_some_and(|known| known.is_active()) {
        true => "has no pod yet: -f waits for one",
        false => "has no pod any more, and its log went with it: what its status keeps is above",
    };
    Err(Error::NotFound {
        kind: "a Pod of TrainingRun".into(),
        name: run.into(),
        namespace: cluster.namespace()?.into(),
        hint: format!("the run {why}"),
    })
}
