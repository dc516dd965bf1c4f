//! The HorizontalPodAutoscaler controller of a cluster without a metrics API: it keeps targets within their bounds and
//! reports that it has no metrics.

pub mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::autoscaling::v2::{CrossVersionObjectReference, HorizontalPodAutoscaler};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::events::EventWriter;
use super::{Error, Pass};

/// Upstream's interval of reconciles.
const PERIOD: Duration = Duration::from_secs(15);

/// Runs the controller until `shutdown`.
pub async fn run(client: Client, shutdown: CancellationToken) {
    let pass = Arc::new(Pass {
        events: EventWriter::new(client.clone(), "horizontal-pod-autoscaler", None),
        client: client.clone(),
    });
    let controller = super::controller::<HorizontalPodAutoscaler>(&client, shutdown);
    super::drive("horizontalpodautoscaler", controller, reconcile, pass).await;
}

/// The kinds with a scale subresource.
enum Target {
    Deployment(Api<Deployment>),
    ReplicaSet(Api<ReplicaSet>),
}

impl Target {
    fn of(client: &Client, namespace: &str, reference: &CrossVersionObjectReference) -> Option<Self> {
        let version = reference.api_version.as_deref().unwrap_or_default();
        match (version, reference.kind.as_str()) {
            ("apps/v1", "Deployment") => Some(Self::Deployment(Api::namespaced(client.clone(), namespace))),
            ("apps/v1", "ReplicaSet") => Some(Self::ReplicaSet(Api::namespaced(client.clone(), namespace))),
            _ => None,
        }
    }

    async fn scale(&self, name: &str) -> Result<Scale, kube::Error> {
        match self {
            Self::Deployment(api) => api.get_scale(name).await,
            Self::ReplicaSet(api) => api.get_scale(name).await,
        }
    }

    async fn set(&self, name: &str, replicas: i32) -> Result<Scale, kube::Error> {
        let (params, patch) = (
            PatchParams::default(),
            Patch::Merge(json!({ "spec": { "replicas": replicas } })),
        );
        match self {
            Self::Deployment(api) => api.patch_scale(name, &params, &patch).await,
            Self::ReplicaSet(api) => api.patch_scale(name, &params, &patch).await,
        }
    }
}

async fn reconcile(scaler: Arc<HorizontalPodAutoscaler>, pass: Arc<Pass>) -> Result<Action, Error> {
    let namespace = scaler.namespace().unwrap_or_default();
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(pass.client.clone(), &namespace);
    let live = api
        .get_opt(&scaler.name_any())
        .await
        .map_err(Error::reading("HorizontalPodAutoscaler", &*scaler))?;
    let Some(mut scaler) = live else {
        return Ok(Action::await_change());
    };
    let reference = &scaler.spec.scale_target_ref;
    let target = Target::of(&pass.client, &namespace, reference);
    let found = match &target {
        Some(target) => target.scale(&reference.name).await.map_err(|error| error.to_string()),
        None => Err(format!("no matches for kind \"{}\" with a scale", reference.kind)),
    };
    let plan = plan::plan(&scaler, &found, Timestamp::now());
    if let (Some(wanted), Some(target)) = (plan.scale_to, &target) {
        let written = target.set(&reference.name, wanted).await;
        written.map_err(Error::writing("scale of", &reference.name))?;
    }
    for notice in &plan.notices {
        pass.events.tell(&scaler, notice).await;
    }
    if scaler.status.as_ref() != Some(&plan.status) {
        let name = scaler.name_any();
        scaler.status = Some(plan.status);
        scaler.meta_mut().managed_fields = None;
        let written = api.replace_status(&name, &PostParams::default(), &scaler).await;
        written.map_err(Error::writing("status of HorizontalPodAutoscaler", &name))?;
    }
    Ok(Action::requeue(PERIOD))
}
