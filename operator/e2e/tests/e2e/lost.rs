//! A training's result that is gone with its pod. The operator is away while that happens, so the test runs its own, on a sandbox
//! of its own.

use complaint_api::{
    ComplaintClassifier, ModelVersion,
    condition::{self, READY},
};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Client, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use crate::{
    cluster::{World, without_operator},
    crash::Operator,
    runs::{apply_classifier, apply_sample, poor_features, run, until_ended},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_gone_with_its_pod_is_read_from_the_store() {
    let (_running, config) = without_operator().await;
    let world = World::open_with(Client::try_from(config.clone()).expect("a client"), "lost").await;
    apply_sample(&world).await;
    apply_classifier(&world, "cards", json!({ "promotion": { "policy": "Manual" } })).await;

    let operator = Operator::start(&config, &world.namespace, None);
    let manifest = run("cards-1", "sample", poor_features(40));
    world
        .apply::<complaint_api::TrainingRun>(manifest)
        .await
        .expect("a TrainingRun is accepted");
    let is_made = |_: &Job| true;
    world.until::<Job>("cards-1-train", "made", is_made).await;
    operator.kill().await;

    let is_complete = |job: &Job| {
        let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|condition| condition.type_ == "Complete" && condition.status == "True")
    };
    world.until::<Job>("cards-1-train", "complete", is_complete).await;
    let pods = world.api::<Pod>();
    let of_job = ListParams::default().labels("batch.kubernetes.io/job-name=cards-1-train");
    for pod in pods.list(&of_job).await.expect("a list") {
        let name = pod.name_any();
        pods.delete(&name, &DeleteParams::default())
            .await
            .expect("it can be deleted");
        world.until_gone::<Pod>(&name).await;
    }
    assert!(
        world
            .api::<ModelVersion>()
            .get_opt("cards-1")
            .await
            .expect("an answer")
            .is_none()
    );

    let operator = Operator::start(&config, &world.namespace, None);
    let status = until_ended(&world, "cards-1").await.status.expect("a status");
    let ready = condition::find(&status.conditions, READY).expect("it is stated");
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_str()),
        ("True", "Trained"),
        "{}",
        ready.message
    );
    assert!(status.metrics.is_some_and(|metrics| metrics.macro_f1.is_some()));
    let version = world
        .api::<ModelVersion>()
        .get("cards-1")
        .await
        .expect("it is recorded");
    assert!(version.status.is_some_and(|status| status.evaluation.is_some()));
    world.until_gone::<Job>("cards-1-result").await;
    let pin = json!({ "spec": { "promotion": { "modelVersion": "cards-1" } } });
    world.patch::<ComplaintClassifier>("cards", pin).await;
    crate::runs::until_champion(&world, "cards", "cards-1").await;
    operator.kill().await;
    world.close().await;
}
