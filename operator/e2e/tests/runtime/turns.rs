//! At most so many trainings at once in the whole cluster, and namespaces take turns.

use std::fmt::Debug;

use complaint_api::{
    ComplaintClassifier, TrainingRun,
    condition::{self, READY},
};
use complaint_operator::settings::Settings;
use k8s_openapi::api::{batch::v1::Job, core::v1::Namespace};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
    runtime::wait::await_condition,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::world::{PATIENCE, World, pass};

async fn make<K: Clone + Debug + DeserializeOwned + Serialize>(api: &Api<K>, object: Value) {
    let object = serde_json::from_value(object).expect("an object");
    api.create(&PostParams::default(), &object).await.expect("accepted");
}

async fn run(world: &World, namespace: &str, name: &str) -> Api<TrainingRun> {
    let api = Api::namespaced(world.client.clone(), namespace);
    let dataset = json!({ "source": { "uri": "https://data.example/cards.csv" }, "format": "Csv",
                          "textField": "narrative", "labelFields": ["product"] });
    let spec = json!({ "classifierRef": { "name": "cards" }, "dataset": dataset });
    make(&api, json!({ "metadata": { "name": name }, "spec": spec })).await;
    api
}

async fn until_waiting(runs: &Api<TrainingRun>, name: &str) {
    let waits = |run: Option<&TrainingRun>| {
        let status = run.and_then(|run| run.status.as_ref());
        let ready = status.and_then(|status| condition::find(&status.conditions, READY));
        ready.is_some_and(|ready| ready.reason == "WaitingForTurn")
    };
    let waiting = await_condition(runs.clone(), name, waits);
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited
        .unwrap_or_else(|_| panic!("{name} does not wait"))
        .expect("a watch");
}

async fn until_started(world: &World, namespace: &str, name: &str) -> Api<Job> {
    let jobs: Api<Job> = Api::namespaced(world.client.clone(), namespace);
    let job = format!("{name}-train");
    let started = await_condition(jobs.clone(), &job, |job: Option<&Job>| job.is_some());
    let waited = tokio::time::timeout(PATIENCE, started).await;
    waited
        .unwrap_or_else(|_| panic!("{name} does not start"))
        .expect("a watch");
    jobs
}

/// Ends a training, as the Job controller does.
async fn end(jobs: &Api<Job>, name: &str) {
    let failed = json!({ "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "it failed",
                         "lastTransitionTime": "2026-11-29T00:00:00Z" });
    let target = json!({ "type": "FailureTarget", "status": "True", "lastTransitionTime": "2026-11-29T00:00:00Z" });
    let status = json!({ "status": { "startTime": "2026-11-29T00:00:00Z", "conditions": [target, failed] } });
    let params = PatchParams::default();
    let patched = jobs
        .patch_status(&format!("{name}-train"), &params, &Patch::Merge(&status))
        .await;
    patched.expect("a status");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_waits_for_its_turn_and_namespaces_take_turns() {
    let world = World::open().await;
    make(
        &Api::<Namespace>::all(world.client.clone()),
        json!({ "metadata": { "name": "other" } }),
    )
    .await;
    for namespace in ["default", "other"] {
        let classifiers: Api<ComplaintClassifier> = Api::namespaced(world.client.clone(), namespace);
        make(&classifiers, json!({ "metadata": { "name": "cards" }, "spec": {} })).await;
    }
    let settings = Settings {
        max_concurrent_trainings: 1,
        ..Settings::default()
    };
    let operator = world.start_with(settings, false, pass);
    let runs = run(&world, "default", "a1").await;
    let jobs = until_started(&world, "default", "a1").await;
    run(&world, "default", "a2").await;
    until_waiting(&runs, "a2").await;
    let other = run(&world, "other", "b1").await;
    until_waiting(&other, "b1").await;

    end(&jobs, "a1").await;
    let others = until_started(&world, "other", "b1").await;
    let early = jobs.get_opt("a2-train").await.expect("an answer");
    assert!(early.is_none(), "the namespace had its turn");
    end(&others, "b1").await;
    until_started(&world, "default", "a2").await;
    operator.stop().await;
}
