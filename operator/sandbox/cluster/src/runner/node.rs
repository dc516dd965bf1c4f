//! The Node object, which shows where Pods run.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use super::{NODE, downward, scheduler, status};

/// Creates or updates the Node. Errors are ignored.
pub(super) async fn announce(client: Client) {
    let nodes: Api<Node> = Api::all(client);
    let node =
        json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": NODE, "labels": scheduler::labels() } });
    let Ok(node) = serde_json::from_value::<Node>(node) else {
        return;
    };
    if let Err(error) = nodes.create(&PostParams::default(), &node).await {
        tracing::debug!(%error, "the Node was not created");
    }
    let resources = json!({
        "cpu": format!("{:.0}", downward::machine_cpus()),
        "memory": format!("{:.0}Ki", downward::machine_memory() / 1024.0),
        "pods": "110",
    });
    let now = Time(Timestamp::now());
    let status = json!({ "status": {
        "capacity": resources, "allocatable": resources,
        "addresses": [{ "type": "InternalIP", "address": status::HOST }, { "type": "Hostname", "address": NODE }],
        "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the sandbox runs processes",
                         "lastHeartbeatTime": now, "lastTransitionTime": now }],
        "nodeInfo": { "architecture": std::env::consts::ARCH, "operatingSystem": std::env::consts::OS, "osImage": "",
                      "kernelVersion": "", "machineID": "", "systemUUID": "", "bootID": "", "kubeProxyVersion": "",
                      "kubeletVersion": concat!("sandbox-", env!("CARGO_PKG_VERSION")), "containerRuntimeVersion": "sandbox://1" },
    }});
    if let Err(error) = nodes
        .patch_status(NODE, &PatchParams::default(), &Patch::Merge(status))
        .await
    {
        tracing::debug!(%error, "the Node's status was not written");
    }
}
