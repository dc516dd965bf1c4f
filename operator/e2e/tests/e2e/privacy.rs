//! No text of a complaint and no value of a data row stands in an object, an Event or a log.

use complaint_api::{
    ComplaintClassifier, ModelVersion, TrainingRun,
    condition::{self, COMPLETE, FAILED},
};
use k8s_openapi::api::{apps::v1::Deployment, batch::v1::Job, core::v1::Pod, events::v1::Event};
use kube::{
    ResourceExt,
    api::{ListParams, LogParams},
};
use serde_json::json;

use crate::{
    cluster::World,
    runs::{apply_classifier, apply_data, run, sample, until_champion, until_ended},
    traffic::predict,
};

/// What stands in every marked row: a name, an address and a number.
const MARKS: [&str; 3] = ["Zebulon Quillfeather", "zq@example.org", "4929123456781234"];

async fn texts<K: complaint_operator::object::Object>(world: &World) -> Vec<String> {
    let all = world.api::<K>().list(&ListParams::default()).await.expect("a list");
    all.items
        .iter()
        .map(|object| serde_json::to_string(object).expect("JSON"))
        .collect()
}

async fn logs(world: &World) -> Vec<String> {
    let pods = world.api::<Pod>();
    let mut logs = Vec::new();
    for pod in pods.list(&ListParams::default()).await.expect("a list") {
        // A pod that did not start has none.
        logs.extend(pods.logs(&pod.name_any(), &LogParams::default()).await);
    }
    logs
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_and_no_value_of_a_row_reaches_an_object_an_event_or_a_log() {
    let world = World::open("privacy").await;
    let marks = MARKS.join(" ");
    let sample = String::from_utf8(sample()).expect("text");
    // Each text has the marks, and one label is an address.
    let marked = sample.replace(".\"\n", &format!(". {marks}\"\n"));
    let address = format!("C9,web,{},\"{marks} wrote this\"\n", MARKS[1]);
    apply_data(&world, "marked", format!("{marked}{}", address.repeat(3)).as_bytes()).await;
    let rows: String = (0..40)
        .map(|n| format!("{},{},{},{n}\n", MARKS[0], MARKS[1], MARKS[2]))
        .collect();
    apply_data(&world, "headless", rows.as_bytes()).await;
    let records = json!([{ "narrative": marks, "who": MARKS[1] }, { "narrative": marks, "who": MARKS[1] }]);
    apply_data(&world, "records", records.to_string().as_bytes()).await;
    apply_data(
        &world,
        "cut-off",
        format!("narrative,category\n\"{marks},Fees\n").as_bytes(),
    )
    .await;

    apply_classifier(&world, "cards", json!({})).await;
    for (name, data) in [
        ("good", "marked"),
        ("b1", "headless"),
        ("b2", "records"),
        ("b3", "cut-off"),
    ] {
        let manifest = run(name, data, json!({}));
        world.apply::<TrainingRun>(manifest).await.expect("accepted");
    }
    for name in ["good", "b1", "b2", "b3"] {
        let expected = if name == "good" { COMPLETE } else { FAILED };
        let conditions = until_ended(&world, name).await.status.expect("a status").conditions;
        assert!(condition::is_true(&conditions, expected), "{name}: {conditions:#?}");
    }
    until_champion(&world, "cards", "good").await;
    let text = format!("{marks} was charged twice");
    predict(&world.client, &world.namespace, "cards", &text)
        .await
        .expect("an answer");

    let mut seen = logs(&world).await;
    assert!(!seen.is_empty());
    seen.extend(texts::<TrainingRun>(&world).await);
    seen.extend(texts::<ModelVersion>(&world).await);
    seen.extend(texts::<ComplaintClassifier>(&world).await);
    seen.extend(texts::<Event>(&world).await);
    seen.extend(texts::<Job>(&world).await);
    seen.extend(texts::<Deployment>(&world).await);
    seen.extend(texts::<Pod>(&world).await);
    for mark in MARKS.iter().flat_map(|mark| mark.split(' ')) {
        let found = seen.iter().find(|text| text.contains(mark));
        assert_eq!(found, None, "{mark}");
    }
    world.close().await;
}
