//! The EndpointSlice controller: the Pods of a Service and their readiness.

pub mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::events::EventWriter;
use super::{Error, Pass, gone_is_fine, selected};
use plan::{CONTROLLER, MANAGED_BY, SERVICE};

/// Runs the controller until `shutdown`.
pub async fn run(client: Client, shutdown: CancellationToken) {
    let pass = Arc::new(Pass {
        events: EventWriter::new(client.clone(), "endpoint-slice-controller", None),
        client: client.clone(),
    });
    let controller = super::owns::<EndpointSlice>(super::controller::<Service>(&client, shutdown), &client);
    let controller = super::watches(controller, &client, |pod: &Pod, service: &Service| {
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        service.namespace() == pod.namespace()
            && selector.is_some_and(|selector| selector.iter().all(|(key, value)| pod.labels().get(key) == Some(value)))
    });
    super::drive("endpointslice", controller, reconcile, pass).await;
}

async fn reconcile(service: Arc<Service>, pass: Arc<Pass>) -> Result<Action, Error> {
    let namespace = service.namespace().unwrap_or_default();
    let name = service.name_any();
    let services: Api<Service> = Api::namespaced(pass.client.clone(), &namespace);
    let Some(service) = services
        .get_opt(&name)
        .await
        .map_err(Error::reading("Service", &*service))?
    else {
        return Ok(Action::await_change());
    };
    let slices: Api<EndpointSlice> = Api::namespaced(pass.client.clone(), &namespace);
    let own = ListParams::default().labels(&format!("{SERVICE}={name},{MANAGED_BY}={CONTROLLER}"));
    let existing = slices
        .list(&own)
        .await
        .map_err(Error::reading("EndpointSlices of Service", &service))?
        .items;
    let selector = service
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.clone())
        .unwrap_or_default();
    let pods = if selector.is_empty() {
        Vec::new()
    } else {
        let pods: Api<Pod> = Api::namespaced(pass.client.clone(), &namespace);
        let selector = LabelSelector {
            match_labels: Some(selector),
            match_expressions: None,
        };
        selected(&pods, Some(&selector))
            .await
            .map_err(Error::reading("pods of Service", &service))?
    };
    let plan = plan::plan(&service, &pods, &existing);
    for slice in &plan.create {
        slices
            .create(&PostParams::default(), slice)
            .await
            .map_err(Error::writing("EndpointSlice of Service", &name))?;
    }
    for slice in &plan.replace {
        let written = slices.replace(&slice.name_any(), &PostParams::default(), slice).await;
        written.map_err(Error::writing("EndpointSlice", &slice.name_any()))?;
    }
    for old in &plan.delete {
        gone_is_fine(slices.delete(old, &DeleteParams::default()).await)
            .map_err(Error::writing("EndpointSlice", old))?;
    }
    Ok(Action::await_change())
}
