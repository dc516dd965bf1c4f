//! What is read once and kept: how often the API server is asked, and what a look at an object rests on.

use complaint_api::{
    ComplaintClassifier, ModelVersion,
    condition::{self, READY},
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{PersistentVolumeClaim, Service},
};
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::world::{World, pass, pinned, version};

#[tokio::test(flavor = "multi_thread")]
async fn a_classifier_that_is_as_it_should_be_costs_no_request() {
    let world = World::open().await;
    let operator = world.start(false, pass);
    world.version("v1", "cards").await;
    world.classifier("cards", pinned("v1")).await;
    world.until::<Deployment>("cards", "there", |_| true).await;
    world.until_reason("cards", "RollingOut").await;
    let about_cards = || -> Vec<String> {
        let mut calls = operator.log.calls();
        calls.retain(|call| call.contains("/cards"));
        calls
    };
    // Nothing is asked for that is not wanted.
    for kind in ["poddisruptionbudgets", "horizontalpodautoscalers"] {
        assert_eq!(operator.log.count(&["GET", kind, "/cards"]), 0, "{:?}", about_cards());
    }
    // A second classifier is worked on after the changes below.
    let settle = async |name: &str| {
        world.classifier(name, json!({})).await;
        world.until_reason(name, "NoChampion").await;
    };
    settle("second").await;
    let before = about_cards().len();
    assert!(before <= 12, "{:?}", about_cards());
    // Changes that call for nothing: of others' labels, of a status that others own, of an object's metadata.
    let label = json!({ "metadata": { "labels": { "app.kubernetes.io/part-of": "bank" } } });
    let params = PatchParams::default();
    world
        .api::<ComplaintClassifier>()
        .patch("cards", &params, &Patch::Merge(&label))
        .await
        .expect("labelled");
    world
        .api::<Service>()
        .patch("cards", &params, &Patch::Merge(&label))
        .await
        .expect("labelled");
    let progress = json!({ "status": { "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1 } });
    world
        .api::<Deployment>()
        .patch_status("cards", &params, &Patch::Merge(&progress))
        .await
        .expect("progress");
    settle("third").await;
    assert_eq!(about_cards()[before..], Vec::<String>::new());

    // What another hand takes away comes back.
    let scaled = json!({ "spec": { "replicas": 0 } });
    world
        .api::<Deployment>()
        .patch("cards", &params, &Patch::Merge(&scaled))
        .await
        .expect("scaled");
    let replicas = |deployment: &Deployment| deployment.spec.as_ref().and_then(|spec| spec.replicas) == Some(1);
    world.until::<Deployment>("cards", "as it was", replicas).await;
    world
        .api::<Service>()
        .delete("cards", &Default::default())
        .await
        .expect("deleted");
    world.until::<Service>("cards", "back", |_| true).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_others_are_left_alone_whatever_their_labels() {
    let world = World::open().await;
    let foreign = json!({ "metadata": { "name": "cards" }, "spec": { "ports": [{ "port": 80 }] } });
    world.make::<Service>(foreign).await;
    // A claim that somebody made before serves as the store.
    let claim = json!({ "metadata": { "name": "loans-artifacts" },
                        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } });
    world.make::<PersistentVolumeClaim>(claim).await;
    let operator = world.start(false, pass);
    world.version("v1", "cards").await;
    world.classifier("cards", pinned("v1")).await;
    world.until_reason("cards", "NameTaken").await;
    let service = world.api::<Service>().get("cards").await.expect("it is there");
    assert!(service.owner_references().is_empty(), "{service:?}");
    assert_eq!(service.spec.expect("a spec").ports.expect("ports")[0].port, 80);

    world.classifier("loans", json!({})).await;
    world.until_reason("loans", "NoChampion").await;
    assert_eq!(
        operator.log.count(&["POST", "/persistentvolumeclaims"]),
        2,
        "one a classifier"
    );
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_a_later_release_is_left_out_and_named() {
    // A later release knows another algorithm.
    let world = World::with(|crd| {
        let spec = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
        if crd_kind(spec) {
            spec["algorithm"] = json!({ "type": "string" });
        }
    })
    .await;
    let mut later = version("v9", "cards");
    later["spec"]["algorithm"] = "Transformer".into();
    let made: Api<kube::core::DynamicObject> = Api::namespaced_with(
        world.client.clone(),
        "default",
        &kube::core::ApiResource::erase::<ModelVersion>(&()),
    );
    later["apiVersion"] = "complaints.dev/v1alpha1".into();
    later["kind"] = "ModelVersion".into();
    let later = serde_json::from_value(later).expect("an object");
    made.create(&PostParams::default(), &later).await.expect("accepted");
    let operator = world.start(false, pass);
    world.version("v1", "cards").await;
    world.classifier("cards", pinned("v1")).await;
    // The others go on.
    world.until::<Deployment>("cards", "there", |_| true).await;
    world
        .until("cards", "told of it", |classifier: &ComplaintClassifier| {
            let status = classifier.status.as_ref();
            let ready = status.and_then(|status| condition::find(&status.conditions, READY));
            ready.is_some_and(|ready| ready.message.contains("ModelVersion v9 can't be read"))
        })
        .await;
    world.event("v9", "Unreadable").await;
    world.event("cards", "VersionUnreadable").await;
    operator.stop().await;
}

fn crd_kind(properties: &Value) -> bool {
    properties.get("artifact").is_some()
}

/// Opens no more connections for many objects than for few, and asks nothing about each.
#[tokio::test(flavor = "multi_thread")]
async fn many_objects_are_read_in_pages_and_worked_on_a_few_at_a_time() {
    const VERSIONS: usize = 400;
    let world = World::open().await;
    let manual = json!({ "promotion": { "policy": "Manual" }, "serving": { "replicas": 0 } });
    world.classifier("cards", manual).await;
    for number in 0..VERSIONS {
        world.version(&format!("v{number}"), "cards").await;
    }
    let operator = world.start(false, pass);
    operator
        .log
        .until(&["PATCH", "/modelversions/", "/status"], VERSIONS)
        .await;
    world.until_reason("cards", "NoChampion").await;
    // A controller works on 16 at once; there is a watch for each of eleven kinds.
    assert!(
        operator.log.most_open() <= 3 * 16 + 11,
        "{} at once",
        operator.log.most_open()
    );
    assert_eq!(
        operator.log.count(&["GET", "modelversions?", "limit=50"]),
        VERSIONS / 50
    );
    let reads: Vec<String> = operator
        .log
        .calls()
        .into_iter()
        .filter(|call| call.starts_with("GET"))
        .collect();
    assert!(reads.len() <= 2, "{reads:?}");
    assert_eq!(operator.log.count(&["watch=true", "modelversions"]), 1);
    operator.stop().await;

    // A start over what is as it should be writes nothing but its own objects' first apply.
    let again = world.start(false, pass);
    world.classifier("second", json!({})).await;
    world.until_reason("second", "NoChampion").await;
    assert_eq!(
        again.log.count(&["PATCH", "/modelversions/"]),
        0,
        "{:?}",
        again.log.calls()
    );
    again.stop().await;
}
