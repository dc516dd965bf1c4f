//! Old versions go, with their files, and nothing waits for a store that is gone.

use std::collections::BTreeSet;

use complaint_api::{ComplaintClassifier, ModelVersion};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Namespace, PersistentVolumeClaim, Pod},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, LogParams},
    runtime::watcher,
};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, forge, poor_features, run, train},
};

/// The digests of the versions in the store, as a Job with the settings of the training's lists them.
async fn stored(world: &World, training: &str, list: &str) -> BTreeSet<String> {
    let jobs = world.api::<Job>();
    let trained = json!(jobs.get(&format!("{training}-train")).await.expect("its Job is there"));
    let mut pod = trained["spec"]["template"]["spec"].clone();
    let container = &mut pod["containers"][0];
    let args: Vec<Value> = container["args"].as_array().expect("arguments").clone();
    let store = args.iter().position(|arg| arg == "--store").expect("a store");
    container["args"] = json!(["show", "--store", args[store + 1], "--modelversions"]);
    // Its affinity asks for the label.
    let template = json!({ "metadata": { "labels": { "complaints.dev/classifier": "cards" } }, "spec": pod });
    let job = json!({ "metadata": { "name": list }, "spec": { "backoffLimit": 0, "template": template } });
    world.apply::<Job>(job).await.expect("a Job is accepted");
    world
        .until::<Job>(list, "complete", |job| {
            let succeeded = job.status.as_ref().and_then(|status| status.succeeded);
            succeeded == Some(1)
        })
        .await;
    let pods = world.api::<Pod>();
    let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={list}"));
    let pod = pods.list(&of_job).await.expect("a list").items.remove(0);
    let text = pods.logs(&pod.name_any(), &LogParams::default()).await.expect("a log");
    let records = text.split("---\n").filter(|record| !record.trim().is_empty());
    records
        .map(|record| {
            let record: Value = serde_saphyr::from_str(record).expect("YAML");
            let digest = record["spec"]["artifact"]["sha256"].as_str();
            digest.expect("a digest").to_owned()
        })
        .collect()
}

fn sha256(version: &ModelVersion) -> String {
    version.spec.artifact.sha256.clone()
}

async fn version(world: &World, name: &str) -> ModelVersion {
    world.api().get(name).await.expect("it is there")
}

async fn delete(world: &World, version: &str) {
    let versions = world.api::<ModelVersion>();
    versions
        .delete(version, &DeleteParams::default())
        .await
        .expect("it can be deleted");
    world.until_gone::<ModelVersion>(version).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_go_with_their_files_and_shared_files_stay() {
    let world = World::open("retention").await;
    apply_sample(&world).await;
    let keep = |versions: u32| json!({ "promotion": { "policy": "Manual" }, "retention": { "keepVersions": versions, "deletionPolicy": "Delete" } });
    apply_classifier(&world, "cards", keep(3)).await;
    let mut digests = Vec::new();
    for number in 1..=3 {
        let name = format!("cards-{number}");
        train(&world, run(&name, "sample", poor_features(20 + number))).await;
        digests.push(sha256(&version(&world, &name).await));
    }
    world
        .patch::<ComplaintClassifier>("cards", json!({ "spec": keep(1) }))
        .await;
    for name in ["cards-1", "cards-2"] {
        world.until_gone::<ModelVersion>(name).await;
    }
    world.event("cards", "VersionsDeleted").await;
    world.event("cards", "FilesDeleted").await;
    let last = BTreeSet::from([digests[2].clone()]);
    assert_eq!(stored(&world, "cards-3", "list-1").await, last);

    // Another record of the same artifact keeps its files; the last one takes them with it.
    let kept = version(&world, "cards-3").await;
    forge(&world, &kept, |_| {}).await;
    world
        .until::<ModelVersion>("forged", "held", |version| !version.finalizers().is_empty())
        .await;
    delete(&world, "cards-3").await;
    world.event("cards-3", "FilesKept").await;
    assert_eq!(stored(&world, "cards-3", "list-2").await, last);
    delete(&world, "forged").await;
    assert_eq!(stored(&world, "cards-3", "list-3").await, BTreeSet::new());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_for_a_store_or_a_namespace_that_goes() {
    let world = World::open("no-store").await;
    apply_sample(&world).await;
    let delete_all = json!({ "promotion": { "policy": "Manual" }, "retention": { "deletionPolicy": "Delete" } });
    apply_classifier(&world, "cards", delete_all).await;
    for number in 1..=2 {
        train(
            &world,
            run(&format!("cards-{number}"), "sample", poor_features(20 + number)),
        )
        .await;
    }
    let claims = world.api::<PersistentVolumeClaim>();
    let paused = json!({ "spec": { "paused": true } });
    world.patch::<ComplaintClassifier>("cards", paused).await;
    claims
        .delete("cards-artifacts", &DeleteParams::default())
        .await
        .expect("it can be deleted");
    delete(&world, "cards-1").await;
    let told = world.event("cards-1", "FilesLeft").await;
    assert!(told.contains("PersistentVolumeClaim"), "{told}");

    // The finalizer of the other does not keep the namespace.
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let name = world.namespace.clone();
    world.close().await;
    let mut states = std::pin::pin!(watcher::watch_object(namespaces, &name));
    let waiting = async { while !matches!(futures::TryStreamExt::try_next(&mut states).await, Ok(Some(None))) {} };
    tokio::time::timeout(crate::cluster::PATIENCE, waiting)
        .await
        .expect("the namespace goes");
}
