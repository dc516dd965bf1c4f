//! Waits for the run and the classifier through the API, and shows their progress.

use std::convert::Infallible;

use anyhow::Context as _;
use complaint_api::{
    ComplaintClassifier, ModelVersion, TrainingRun,
    condition::{self, COMPLETE, FAILED, READY, STALLED},
    labels,
};
use complaint_contract::Progress;
use complaint_operator::object::{Object, Objects};
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{
    ResourceExt,
    api::LogParams,
    runtime::{WatchStreamExt, watcher},
};

use super::{objects::Job, screen::Screen};

/// Calls `check` with each state of the object until it returns a value.
pub(crate) async fn until<K: Object + Send + 'static, T>(
    objects: &Objects,
    name: &str,
    mut check: impl FnMut(&K) -> Option<anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut states = std::pin::pin!(watcher::watch_object(objects.api::<K>(), name));
    while let Some(state) = states.try_next().await? {
        if let Some(answer) = state.as_ref().and_then(&mut check) {
            return answer;
        }
    }
    anyhow::bail!("the watch of {} {name} ended", K::kind(&()))
}

/// Waits for the end of the run, and shows its pod's progress.
pub(crate) async fn until_trained(objects: &Objects, job: &Job, screen: &Screen) -> anyhow::Result<()> {
    tokio::select! {
        ended = until_ended(objects, job, screen) => ended,
        never = follow_log(objects, job, screen) => match never {},
    }
}

/// Shows each progress line of the training pod's log, like `kubectl logs --follow`. The status of the run also has the
/// progress, but changes only every few seconds. An unreadable log is not an error: the status decides.
async fn follow_log(objects: &Objects, job: &Job, screen: &Screen) -> Infallible {
    let labels = format!("{}={}", labels::TRAINING_RUN, job.run.name_any());
    let pods = watcher(objects.api::<Pod>(), watcher::Config::default().labels(&labels)).applied_objects();
    let mut pods = std::pin::pin!(pods);
    while let Ok(Some(pod)) = pods.try_next().await {
        let running = pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
        if !running {
            continue;
        }
        let params = LogParams {
            follow: true,
            ..LogParams::default()
        };
        let Ok(log) = objects.api::<Pod>().log_stream(&pod.name_any(), &params).await else {
            continue;
        };
        let mut lines = log.lines();
        while let Ok(Some(line)) = lines.try_next().await {
            if let Some(progress) = Progress::of_line(&line) {
                screen.progress(progress.stage.name(), progress.percent, &progress.message);
            }
        }
    }
    std::future::pending().await
}

async fn until_ended(objects: &Objects, job: &Job, screen: &Screen) -> anyhow::Result<()> {
    let name = job.run.name_any();
    until::<TrainingRun, _>(objects, &name, |run| {
        let status = run.status.as_ref()?;
        if condition::is_true(&status.conditions, COMPLETE) {
            screen.clear();
            screen.trained(status);
            return Some(Ok(()));
        }
        let broken = [FAILED, STALLED].into_iter().find_map(|type_| {
            condition::find(&status.conditions, type_).filter(|condition| condition.status == "True")
        })?;
        Some(Err(anyhow::anyhow!(
            "TrainingRun {name} failed: {}: {}",
            broken.reason,
            broken.message
        )))
    })
    .await
}

/// Waits until every pod serves the new champion.
pub(crate) async fn until_served(objects: &Objects, job: &Job, screen: &Screen) -> anyhow::Result<()> {
    screen.progress("Promoting", 0, "judging the version");
    let (classifier, version) = (job.name(), job.run.name_any());
    let served = until::<ComplaintClassifier, _>(objects, &classifier, |classifier| {
        let status = classifier.status.as_ref()?;
        let ready = condition::find(&status.conditions, READY)?;
        screen.progress("Promoting", 50, &ready.message);
        if let Some(stalled) = condition::find(&status.conditions, STALLED).filter(|c| c.status == "True") {
            return Some(Err(anyhow::anyhow!("{}: {}", stalled.reason, stalled.message)));
        }
        let champion = status.champion.as_ref()?;
        (champion.name == version && ready.status == "True").then(|| Ok(status.clone()))
    });
    let rejected = until::<ModelVersion, _>(objects, &version, |version| {
        let rejection = version.status.as_ref()?.rejection()?;
        Some(Err(anyhow::anyhow!(
            "ModelVersion {} was not promoted: {}: {}",
            version.name_any(),
            rejection.reason,
            rejection.message
        )))
    });
    let status = tokio::select! {
        served = served => served?,
        rejected = rejected => rejected?,
    };
    screen.clear();
    screen.promoted(&status);
    Ok(())
}

/// The Service's address on this machine.
pub(crate) async fn address(objects: &Objects, job: &Job) -> anyhow::Result<String> {
    let service = objects
        .get::<Service>(&job.name())
        .await?
        .context("the Service is gone")?;
    let spec = service.spec.unwrap_or_default();
    let port = spec
        .ports
        .unwrap_or_default()
        .first()
        .map(|port| port.port)
        .context("the Service has no port")?;
    Ok(format!(
        "http://{}:{port}",
        spec.cluster_ip.context("the Service has no address")?
    ))
}
