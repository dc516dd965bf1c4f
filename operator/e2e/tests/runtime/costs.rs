//! What a training and its promotion cost the API server.

use complaint_api::{ModelVersion, TrainingRun};
use complaint_operator::object::Object;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, PodTemplateSpec},
};
use kube::{
    Resource,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::world::{World, pass};

/// What the trainer says at its end.
fn trained() -> Value {
    let digest = "cd".repeat(32);
    let parameters = json!({ "C": 0.3, "classWeight": "Balanced" });
    json!({
        "artifact": { "path": "default/cards/cd/model.safetensors", "sha256": digest, "sizeBytes": 10, "format": "safetensors/2" },
        "report": { "path": "default/cards/cd/report.json", "sha256": digest },
        "algorithm": "LinearSvm", "parameters": parameters, "classCount": 8,
        "metrics": { "macroF1": 0.8, "weightedF1": 0.8, "accuracy": 0.8, "logLoss": 0.5 },
        "dataset": { "rows": 100, "trainRows": 80, "testRows": 20, "duplicates": 0, "classes": 8, "sha256": digest },
        "trials": { "succeeded": 1, "failed": 0, "total": 1 },
        "currentOptimalTrial": { "algorithm": "LinearSvm", "parameters": parameters,
                                 "crossValidation": { "mean": 0.8, "standardDeviation": 0.01 } },
        "split": "v1/42/0.2", "trainerVersion": "0.1.0",
    })
}

const NOW: &str = "2026-11-28T00:00:00Z";

/// The statuses of a trainer's container.
fn container(state: Value) -> Value {
    json!([{ "name": "trainer", "image": "i", "imageID": "i", "ready": false, "restartCount": 0, "state": state }])
}

impl World {
    /// Makes the pod of a Job, as the Job's controller does.
    pub async fn pod_of_job(&self, name: &str, job: &Job) {
        let mut template = job.spec.clone().expect("a spec").template;
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        let of_job = job.metadata.name.clone().expect("a name");
        labels.insert("batch.kubernetes.io/job-name".into(), of_job);
        self.pod(name, &template, job).await;
    }

    /// Lets a Job complete, whose pod says `message`.
    pub async fn completes(&self, job: &str, pod: &str, message: &Value) {
        let ended = json!({ "exitCode": 0, "startedAt": NOW, "finishedAt": NOW, "message": message.to_string() });
        let ended = container(json!({ "running": null, "terminated": ended }));
        self.report::<Pod>(pod, json!({ "phase": "Succeeded", "containerStatuses": ended }))
            .await;
        let condition =
            |type_: &str| json!({ "type": type_, "status": "True", "lastTransitionTime": NOW, "lastProbeTime": NOW });
        let complete = json!({ "startTime": NOW, "completionTime": NOW, "succeeded": 1, "uncountedTerminatedPods": {},
                               "conditions": [condition("SuccessCriteriaMet"), condition("Complete")] });
        self.report::<Job>(job, complete).await;
    }

    /// Makes the pod of a template, as its `owner` does.
    pub async fn pod<O: Object>(&self, name: &str, template: &PodTemplateSpec, owner: &O) {
        let metadata = template.metadata.clone().unwrap_or_default();
        let metadata =
            json!({ "name": name, "labels": metadata.labels, "ownerReferences": [owner.controller_owner_ref(&())] });
        self.make::<Pod>(json!({ "metadata": metadata, "spec": template.spec }))
            .await;
    }

    pub async fn report<K: Object + Send + 'static>(&self, name: &str, status: Value) {
        let params = PatchParams::default();
        let status = Patch::Merge(json!({ "status": status }));
        self.api::<K>()
            .patch_status(name, &params, &status)
            .await
            .expect("a valid status");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_and_its_promotion_cost_few_requests() {
    let world = World::open().await;
    let operator = world.start(false, pass);
    world
        .make::<ConfigMap>(json!({ "metadata": { "name": "data" }, "data": { "d.csv": "a,b\n" } }))
        .await;
    world.classifier("cards", json!({})).await;
    let dataset = json!({ "source": { "configMap": { "name": "data", "key": "d.csv" } }, "format": "Csv",
                          "textField": "narrative", "labelFields": ["category"] });
    let spec = json!({ "classifierRef": { "name": "cards" }, "dataset": dataset });
    world
        .make::<TrainingRun>(json!({ "metadata": { "name": "first" }, "spec": spec }))
        .await;

    let job = world.until::<Job>("first-train", "there", |_| true).await;
    world.pod_of_job("first-train-a", &job).await;
    let now = NOW;
    let running = json!({ "phase": "Running", "startTime": now, "containerStatuses": container(json!({ "running": { "startedAt": now } })) });
    world.report::<Pod>("first-train-a", running).await;
    world
        .until("first", "running", |run: &TrainingRun| {
            let status = run.status.as_ref();
            status.is_some_and(|status| status.phase == Some(complaint_api::RunPhase::Running))
        })
        .await;
    world.completes("first-train", "first-train-a", &trained()).await;

    let deployment = world.until::<Deployment>("cards", "there", |_| true).await;
    let template = deployment.spec.clone().expect("a spec").template;
    let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
    let owner = deployment.controller_owner_ref(&());
    let selector = json!({ "matchLabels": labels });
    let set: ReplicaSet = world
        .make(
            json!({ "metadata": { "name": "cards-1", "labels": labels, "ownerReferences": [owner] },
                      "spec": { "selector": selector, "template": template } }),
        )
        .await;
    world.pod("cards-a", &template, &set).await;
    let ready = json!([{ "type": "Ready", "status": "True", "lastTransitionTime": now, "lastProbeTime": null }]);
    world
        .report::<Pod>("cards-a", json!({ "phase": "Running", "conditions": ready }))
        .await;
    let complete = json!({ "observedGeneration": deployment.metadata.generation, "replicas": 1, "updatedReplicas": 1,
                           "readyReplicas": 1, "availableReplicas": 1 });
    world.report::<Deployment>("cards", complete).await;
    world.until_reason("cards", "Serving").await;
    world
        .until("first", "champion", |version: &ModelVersion| {
            let status = version.status.as_ref();
            status.is_some_and(|status| status.stage == Some(complaint_api::Stage::Champion))
        })
        .await;
    let log = operator.log.clone();
    operator.stop().await;
    // A run and a classifier.
    let calls = log.calls();
    let writes = calls.iter().filter(|call| !call.starts_with("GET")).count();
    assert!(calls.len() <= 2 * 20, "{} requests: {calls:#?}", calls.len());
    assert!(writes <= 2 * 12, "{writes} writes: {calls:#?}");
}
