//! What retention deletes, and when: the Job that deletes files is played here.

use complaint_api::{ComplaintClassifier, ModelVersion};
use complaint_operator::object::Objects;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::world::{World, pass};

const FINALIZER: &str = "complaints.dev/artifact";

fn digest(number: usize) -> String {
    format!("{number:02}").repeat(32)
}

/// The version `v<number>`, which a run made, and whose files go with it.
fn version(number: usize) -> Value {
    let (name, digest) = (format!("v{number}"), digest(number));
    let uri = format!("pvc://cards-artifacts/default/cards/{digest}/model.safetensors");
    json!({ "metadata": { "name": name, "labels": { "complaints.dev/training-run": name } },
            "spec": { "classifierRef": { "name": "cards" }, "deletionPolicy": "Delete",
                      "lineage": { "trainingRun": name }, "artifact": { "uri": uri, "sha256": digest } } })
}

fn has_finalizer(version: &ModelVersion) -> bool {
    version.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

async fn delete(world: &World, version: &str) {
    let deleted = world
        .api::<ModelVersion>()
        .delete(version, &DeleteParams::default())
        .await;
    deleted.expect("it can be deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_is_announced_first_and_its_files_go_by_one_job() {
    let world = World::open().await;
    let spec = json!({ "promotion": { "policy": "Manual" }, "retention": { "keepVersions": 1 } });
    world.classifier("cards", spec).await;
    for number in 1..=3 {
        world.make::<ModelVersion>(version(number)).await;
        let measured = json!({ "evaluation": { "metrics": { "macroF1": 0.8 }, "rows": 128 } });
        world.report::<ModelVersion>(&format!("v{number}"), measured).await;
    }
    let operator = world.start(false, pass);
    world.event("cards", "WouldDelete").await;
    let told = |classifier: &ComplaintClassifier| {
        let status = classifier.status.as_ref();
        status.is_some_and(|status| status.retention.is_some())
    };
    world.until("cards", "told", told).await;
    for number in 1..=3 {
        let version = world.until(&format!("v{number}"), "held", has_finalizer).await;
        assert_eq!(version.metadata.deletion_timestamp, None);
    }
    // A day later.
    let earlier = Timestamp::now() - SignedDuration::from_hours(25);
    let earlier = json!({ "retention": { "noticeTime": earlier.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() } });
    world.report::<ComplaintClassifier>("cards", earlier).await;
    let job = world.until::<Job>("cards-delete", "there", |_| true).await;
    let args = json!(job)["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    let request: Value = serde_json::from_str(args[2].as_str().expect("a text")).expect("a request");
    assert_eq!(request["digests"], json!([digest(1), digest(2)]));
    world.event("cards", "VersionsDeleted").await;
    let waits = |version: &ModelVersion| version.metadata.deletion_timestamp.is_some();
    world.until("v1", "being deleted", waits).await;

    world.pod_of_job("cards-delete-a", &job).await;
    let deleted = |number: usize| json!({ "sha256": digest(number), "bytes": 10 });
    let answer = json!({ "deletedCount": 2, "deletedBytes": 20, "deleted": [deleted(1), deleted(2)] });
    world.completes("cards-delete", "cards-delete-a", &answer).await;
    for name in ["v1", "v2"] {
        world.until_gone::<ModelVersion>(name).await;
    }
    world.until_gone::<Job>("cards-delete").await;
    world.event("cards", "FilesDeleted").await;
    let kept = world.api::<ModelVersion>().get("v3").await.expect("it stays");
    assert_eq!(kept.metadata.deletion_timestamp, None);
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_waits_neither_for_a_classifier_nor_for_a_store_that_is_not_there() {
    let world = World::open().await;
    let operator = world.start(false, pass);
    world.make::<ModelVersion>(version(1)).await;
    world.until("v1", "held", has_finalizer).await;
    delete(&world, "v1").await;
    world.until_gone::<ModelVersion>("v1").await;
    world.event("v1", "FilesLeft").await;

    let elsewhere = json!({ "artifacts": { "persistentVolumeClaim": { "claimName": "absent" } } });
    world.classifier("cards", elsewhere).await;
    let mut second = version(2);
    let uri = second["spec"]["artifact"]["uri"]
        .as_str()
        .expect("a text")
        .replace("cards-artifacts", "absent");
    second["spec"]["artifact"]["uri"] = uri.into();
    world.make::<ModelVersion>(second).await;
    world.until("v2", "held", has_finalizer).await;
    delete(&world, "v2").await;
    world.until_gone::<ModelVersion>("v2").await;
    world.event("v2", "FilesLeft").await;
    // The policy lets go of a version whose deletion waits, too.
    world.make::<ModelVersion>(version(3)).await;
    world.until("v3", "held", has_finalizer).await;
    let orphan = json!({ "spec": { "deletionPolicy": "Orphan" } });
    let patched = world.api::<ModelVersion>();
    patched
        .patch("v3", &PatchParams::default(), &Patch::Merge(orphan))
        .await
        .expect("it can be changed");
    world
        .until("v3", "free", |version: &ModelVersion| !has_finalizer(version))
        .await;
    operator.stop().await;
}

/// A later release may have written it, and a rollback must not keep its namespace from going.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_can_not_be_read_goes_and_leaves_its_files() {
    let world = World::with(|crd| {
        let schema = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        if let Some(algorithm) = schema.pointer_mut("/properties/spec/properties/algorithm") {
            *algorithm = json!({ "type": "string" });
        }
    })
    .await;
    let mut later = version(9);
    later["apiVersion"] = "complaints.dev/v1alpha1".into();
    later["kind"] = "ModelVersion".into();
    later["spec"]["algorithm"] = "Transformer".into();
    later["metadata"]["finalizers"] = json!([FINALIZER]);
    let resource = kube::core::ApiResource::erase::<ModelVersion>(&());
    let api: Api<kube::core::DynamicObject> = Api::namespaced_with(world.client.clone(), "default", &resource);
    let later = serde_json::from_value(later).expect("an object");
    api.create(&PostParams::default(), &later).await.expect("accepted");
    let operator = world.start(false, pass);
    world.event("v9", "Unreadable").await;
    api.delete("v9", &DeleteParams::default())
        .await
        .expect("it can be deleted");
    let waiting = async {
        while api.get_opt("v9").await.expect("an answer").is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, waiting)
        .await
        .expect("it goes");
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_being_deleted_is_told_from_other_refusals() {
    let world = World::open().await;
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let going = serde_json::from_value(json!({ "metadata": { "name": "going" } })).expect("a Namespace");
    namespaces
        .create(&PostParams::default(), &going)
        .await
        .expect("accepted");
    let config_maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), "going");
    let holds = json!({ "metadata": { "name": "holds", "finalizers": ["example.com/holds"] } });
    let holds = serde_json::from_value(holds).expect("a ConfigMap");
    config_maps
        .create(&PostParams::default(), &holds)
        .await
        .expect("accepted");
    namespaces
        .delete("going", &DeleteParams::default())
        .await
        .expect("it can be deleted");

    let job: Job = serde_json::from_value(json!({ "metadata": { "name": "late", "namespace": "going" }, "spec": {
        "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] } } } }))
    .expect("a Job");
    let late = Objects::new(&world.client, "going", "test")
        .apply(&job)
        .await
        .expect_err("refused");
    assert!(late.is_in_terminating_namespace(), "{late}");
    let (denied, _) = complaint_harness::tap::tapped(world.client.clone(), |_| {
        complaint_harness::tap::Act::Refuse(403, "because it is being terminated".into())
    });
    let denied = Objects::new(&denied, "default", "test")
        .apply(&job)
        .await
        .expect_err("refused");
    assert!(!denied.is_in_terminating_namespace(), "{denied}");
}
