//! Plans and statuses over objects as the API server would send them.

use complaint_api::{
    ComplaintClassifier, ModelVersion, PromotionReason, VersionDigest,
    condition::{self, AVAILABLE, PROGRESSING, READY, RECONCILING, REJECTED, STALLED, Statement},
};
use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod, policy::v1::PodDisruptionBudget,
};
use serde_json::{Value, json};

use super::{
    ComplaintClassifiers, build,
    gather::Seen,
    plan::{Hold, PIN_FAILED, Plan, plan},
    rollout::{self, Rollout},
    status,
};
use crate::{
    change::{Change, steps},
    controller::Reconciler,
    settings::Settings,
    status::Owned,
};

mod collection;
mod evidence;
mod objects;
mod promotion;
mod rollout_state;

fn sha(version: &str) -> String {
    format!("{version:0>64}")
}

fn digest_of(version: &str) -> VersionDigest {
    VersionDigest {
        name: version.into(),
        sha256: sha(&version[1..]),
    }
}

fn classifier(spec: Value, status: Value) -> ComplaintClassifier {
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "generation": 2 },
        "spec": spec, "status": status,
    }))
    .expect("a ComplaintClassifier")
}

fn with_champion(spec: Value, champion: &str, challenger: Option<&str>) -> ComplaintClassifier {
    let mut status = json!({ "champion": { "name": champion, "sha256": sha(&champion[1..]) } });
    if let Some(challenger) = challenger {
        status["challenger"] = json!({ "name": challenger, "sha256": sha(&challenger[1..]) });
    }
    classifier(spec, status)
}

/// Served by 2 to 5 pods.
fn autoscaled(status: Value) -> ComplaintClassifier {
    let autoscaling = json!({ "minReplicas": 2, "maxReplicas": 5 });
    classifier(json!({ "serving": { "autoscaling": autoscaling } }), status)
}

/// Version `v<n>`, better than `against` by `difference`.
fn version(name: &str, against: Option<(&str, f64)>) -> ModelVersion {
    let mut version = json!({
        "metadata": { "name": name, "creationTimestamp": format!("2026-01-01T00:00:0{}Z", &name[1..]) },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": format!("pvc://cards-artifacts/{name}/model.safetensors"), "sha256": sha(&name[1..]) } },
        "status": { "evaluation": { "metrics": { "macroF1": 0.8 }, "rows": 100 } },
    });
    if let Some((champion, difference)) = against {
        version["status"]["comparison"] = json!({
            "championRef": { "name": champion }, "championSha256": sha(&champion[1..]), "metric": "macroF1", "value": 0.8,
            "championValue": 0.8 - difference, "difference": difference, "confidenceInterval": [difference - 0.1, difference + 0.1],
            "rows": 100, "sameLabels": true, "sameSplit": true });
    }
    serde_json::from_value(version).expect("a ModelVersion")
}

fn promoted(mut version: ModelVersion, at: &str) -> ModelVersion {
    version
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(complaint_api::labels::PROMOTED_AT.into(), at.into());
    version
}

fn deployment(version: &str, updated: i32, extra: Value) -> Deployment {
    let mut status =
        json!({ "observedGeneration": 1, "replicas": 1, "updatedReplicas": updated, "availableReplicas": 1 });
    for (key, value) in extra.as_object().expect("an object") {
        status[key] = value.clone();
    }
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "generation": 1, "annotations": { "complaints.dev/model-version": version },
                      "ownerReferences": [owner()] },
        "spec": { "replicas": 1, "selector": {}, "template": { "metadata": { "annotations": {
            "complaints.dev/model-digest": format!("sha256:{}", sha(&version[1..])) } } } },
        "status": status,
    }))
    .expect("a Deployment")
}

fn owner() -> Value {
    json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier", "name": "cards", "uid": "cc-uid", "controller": true })
}

/// A Deployment of a version, complete with no pods.
fn no_pods(version: &str) -> Deployment {
    let mut deployment = deployment(version, 0, json!({ "replicas": 0, "availableReplicas": 0 }));
    deployment.spec.as_mut().expect("a spec").replicas = Some(0);
    deployment
}

fn pod(version: &str, ready: bool, container: Value) -> Pod {
    let mut status = json!({ "name": "server", "image": "", "imageID": "", "ready": ready, "restartCount": 0 });
    status["state"] = container;
    serde_json::from_value(json!({
        "metadata": { "name": format!("cards-{version}"), "labels": { "complaints.dev/digest": &sha(&version[1..])[..16] } },
        "status": { "phase": "Running", "containerStatuses": [status],
                    "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
    }))
    .expect("a Pod")
}

fn seen(versions: Vec<ModelVersion>, deployment: Option<Deployment>, pods: Vec<Pod>) -> Seen {
    Seen {
        versions,
        deployment,
        pods,
        ..Seen::default()
    }
}

fn target(plan: &Plan) -> Option<&str> {
    plan.target
        .as_ref()
        .and_then(|version| version.metadata.name.as_deref())
}

fn next(classifier: &ComplaintClassifier, seen: &Seen, plan: &Plan) -> complaint_api::ComplaintClassifierStatus {
    status::next(classifier, seen, plan, &Settings::default(), at(1)).0
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a valid time")
}

/// Who else set the replicas is told by the Deployment's managed fields.
fn scaled(replicas: i32, by: &str) -> Deployment {
    let mut deployment = deployment(
        "v1",
        replicas,
        json!({ "replicas": replicas, "availableReplicas": replicas }),
    );
    deployment.spec.as_mut().expect("a spec").replicas = Some(replicas);
    deployment.metadata.managed_fields = serde_json::from_value(json!([
        { "manager": ComplaintClassifiers::NAME, "operation": "Apply", "fieldsV1": { "f:spec": { "f:selector": {} } } },
        { "manager": by, "operation": "Update", "subresource": "scale", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
    ]))
    .expect("managed fields");
    deployment
}
