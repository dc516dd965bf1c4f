//! What people change in the operator's objects by hand.

use complaint_api::{
    ComplaintClassifier,
    condition::{self, STALLED},
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_sample, poor_features, run, train, until_champion},
};

/// Replaces the Deployment as `kubectl edit` does, and returns it as the API server stored it.
async fn edit(api: &Api<Deployment>, change: impl Fn(&mut Value)) -> Deployment {
    let params = PostParams {
        field_manager: Some("kubectl-edit".into()),
        ..PostParams::default()
    };
    loop {
        let mut edited = json!(api.get("cards").await.expect("it is there"));
        change(&mut edited["spec"]);
        let edited: Deployment = serde_json::from_value(edited).expect("a Deployment");
        match api.replace("cards", &params, &edited).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            replaced => return replaced.expect("the edit is accepted"),
        }
    }
}

/// The parts of the pod template that the operator sets and the edits change.
fn ours(deployment: &Deployment) -> Value {
    let pod = json!(deployment)["spec"]["template"]["spec"].clone();
    let containers = pod["containers"].as_array().expect("containers");
    let server = containers
        .iter()
        .find(|container| container["name"] == "server")
        .expect("the server");
    let volumes = pod["volumes"].as_array().expect("volumes");
    let volumes: Vec<_> = volumes.iter().filter(|volume| volume["name"] != "of-mesh").collect();
    let fields = [
        "image",
        "args",
        "ports",
        "readinessProbe",
        "lifecycle",
        "env",
        "resources",
    ]
    .map(|field| &server[field]);
    json!({ "server": fields, "volumes": volumes })
}

/// Changes the server's container and the pod's spec.
type Edit = fn(&mut Value, &mut Value);

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_would_make_every_apply_fail_is_mended() {
    let world = World::open("edits").await;
    apply_sample(&world).await;
    let template = json!({ "resources": { "requests": { "cpu": "50m" } }, "env": [{ "name": "ZONE", "value": "a" }] });
    apply_classifier(&world, "cards", json!({ "serving": { "podTemplate": template } })).await;
    train(&world, run("cards-1", "sample", poor_features(40))).await;
    until_champion(&world, "cards", "cards-1").await;
    let api = world.api::<Deployment>();
    let before = ours(&api.get("cards").await.expect("it is there"));
    let sidecar = json!({ "name": "of-mesh", "emptyDir": {} });
    edit(&api, |spec| {
        let volumes = spec["template"]["spec"]["volumes"].as_array_mut().expect("volumes");
        volumes.push(sidecar.clone());
    })
    .await;

    let edits: [(&str, Edit); 7] = [
        ("another port of our name", |server, _| {
            server["ports"][0]["containerPort"] = json!(9090)
        }),
        ("another handler of a probe", |server, _| {
            let probe = server["readinessProbe"].as_object_mut().expect("a probe");
            probe.remove("httpGet");
            probe.insert("tcpSocket".into(), json!({ "port": 8080 }));
        }),
        ("another handler of a hook", |server, _| {
            server["lifecycle"]["preStop"] = json!({ "httpGet": { "path": "/", "port": 8080 } });
        }),
        ("another source of a volume", |_, volume| {
            *volume = json!({ "name": volume["name"], "emptyDir": {} });
        }),
        ("another source of a variable", |server, _| {
            let variables = server["env"].as_array_mut().expect("variables");
            let zone = variables
                .iter_mut()
                .find(|variable| variable["name"] == "ZONE")
                .expect("ZONE");
            *zone = json!({ "name": "ZONE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } });
        }),
        ("a limit below our request", |server, _| {
            server["resources"] = json!({ "requests": { "cpu": "10m" }, "limits": { "cpu": "20m" } });
        }),
        ("another image", |server, _| server["image"] = json!("somebody/elses:1")),
    ];
    for (what, change) in edits {
        let edited = edit(&api, |spec| {
            let pod = &mut spec["template"]["spec"];
            let mut volume = pod["volumes"][0].take();
            change(&mut pod["containers"][0], &mut volume);
            pod["volumes"][0] = volume;
        })
        .await;
        assert_ne!(ours(&edited), before, "{what}");
        let mended = world
            .until::<Deployment>("cards", what, |found| ours(found) == before)
            .await;
        let volumes = json!(mended)["spec"]["template"]["spec"]["volumes"].clone();
        assert!(
            volumes.as_array().expect("volumes").contains(&sidecar),
            "{what}: {volumes}"
        );
    }
    let served = until_champion(&world, "cards", "cards-1").await;
    let conditions = served.status.expect("a status").conditions;
    assert!(!condition::is_true(&conditions, STALLED), "{conditions:?}");

    edit(&api, |spec| {
        spec["template"]["spec"]["containers"][0]["command"] = json!(["sleep", "600"])
    })
    .await;
    let told = world
        .until::<ComplaintClassifier>("cards", "told of the command", |classifier| {
            let conditions = classifier.status.iter().flat_map(|status| &status.conditions);
            conditions
                .into_iter()
                .any(|condition| condition.reason == "CommandReplaced")
        })
        .await;
    assert_eq!(
        told.status.expect("a status").champion.expect("it serves").name,
        "cards-1"
    );
    world.close().await;
}
