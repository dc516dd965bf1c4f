//! The number of server pods with an autoscaler.

use complaint_api::ComplaintClassifier;
use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, poor_features, run, train, until_champion},
};

async fn replicas(world: &World) -> Option<i32> {
    let deployment = world.api::<Deployment>().get("cards").await.expect("a Deployment");
    deployment.spec.and_then(|spec| spec.replicas)
}

async fn until_serving(world: &World, pods: i32) -> ComplaintClassifier {
    let counts = move |classifier: &ComplaintClassifier| {
        let replicas = classifier.status.as_ref().and_then(|status| status.replicas);
        replicas.is_some_and(|replicas| (replicas.desired, replicas.ready, replicas.serving) == (pods, pods, pods))
    };
    world.until("cards", &format!("served by {pods} pods"), counts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_autoscaler_chooses_the_number_of_pods_and_a_promotion_keeps_it() {
    let world = World::open("autoscaling").await;
    apply_sample(&world).await;
    let autoscaling = json!({ "minReplicas": 2, "maxReplicas": 3 });
    let resources = json!({ "requests": { "cpu": "10m" } });
    let serving = json!({ "autoscaling": autoscaling, "podTemplate": { "resources": resources } });
    apply_classifier(&world, "cards", json!({ "serving": serving })).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    until_champion(&world, "cards", "cards-1").await;
    assert_eq!(replicas(&world).await, Some(2));
    world
        .until::<HorizontalPodAutoscaler>("cards", "made", |scaler| scaler.spec.max_replicas == 3)
        .await;

    // An autoscaler scales through this subresource.
    let scale = json!({ "spec": { "replicas": 3 } });
    let params = PatchParams {
        field_manager: Some("e2e-load".into()),
        ..PatchParams::default()
    };
    world
        .api::<Deployment>()
        .patch_scale("cards", &params, &Patch::Merge(&scale))
        .await
        .expect("a Deployment can be scaled");
    until_serving(&world, 3).await;
    train(&world, run("cards-2", "sample", json!({}))).await;
    until_champion(&world, "cards", "cards-2").await;
    assert_eq!(replicas(&world).await, Some(3), "the operator leaves the number alone");

    // Back to a fixed number.
    apply_classifier(&world, "cards", json!({ "serving": { "replicas": 1 } })).await;
    world.until_gone::<HorizontalPodAutoscaler>("cards").await;
    until_serving(&world, 1).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autoscaler_that_can_not_work_is_refused() {
    let world = World::open("autoscaling-refused").await;
    let requests = json!({ "resources": { "requests": { "cpu": "1" } } });
    let serving = |fields: Value| json!({ "metadata": { "name": "cards" }, "spec": { "serving": fields } });
    let cases = [
        (
            json!({ "autoscaling": { "maxReplicas": 2 } }),
            "set podTemplate.resources.requests.cpu",
        ),
        (
            json!({ "autoscaling": { "maxReplicas": 2 }, "replicas": 1, "podTemplate": requests }),
            "set replicas or autoscaling, not both",
        ),
        (
            json!({ "autoscaling": { "minReplicas": 3, "maxReplicas": 2 }, "podTemplate": requests }),
            "minReplicas must not be above maxReplicas",
        ),
        (
            json!({ "autoscaling": { "minReplicas": 3 }, "podTemplate": requests }),
            "maxReplicas",
        ),
    ];
    for (fields, words) in cases {
        match world.apply::<ComplaintClassifier>(serving(fields.clone())).await {
            Err(kube::Error::Api(status)) if status.code == 422 => {
                assert!(status.message.contains(words), "{}", status.message);
            }
            other => panic!("{fields}: {other:?}"),
        }
    }
    world.close().await;
}
