//! What the API server rejects of `spec.retraining`.

use complaint_api::ComplaintClassifier;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

use crate::{refusal, served};

fn classifier(fields: Value) -> Value {
    let dataset = json!({ "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                          "textField": "narrative", "labelFields": ["category"] });
    let mut retraining = json!({ "template": { "dataset": dataset } });
    for (field, value) in fields.as_object().expect("an object") {
        retraining[field] = value.clone();
    }
    json!({ "retraining": retraining })
}

async fn check(cases: Vec<(Value, Option<&str>)>) {
    let (_sandbox, client) = served().await;
    for (fields, told) in cases {
        let refused = refusal(&client, "ComplaintClassifier", "Strict", &classifier(fields.clone())).await;
        match (refused, told) {
            (None, None) => {}
            (Some((_, message)), Some(told)) => assert!(message.contains(told), "{fields}: {message}"),
            (refused, told) => panic!("{fields}: {refused:?}, expected {told:?}"),
        }
    }
}

#[tokio::test]
async fn a_schedule_is_refused_with_its_form() {
    let form = Some("schedule must have five fields (minute, hour, day of the month, month, weekday)");
    let good = [
        "0 3 * * 1",
        "*/15 8-18/2 1,15 JAN-mar,dec mon-FRI",
        "59 23 31 12 7",
        "05 04 * * sun",
        "@hourly",
        "@midnight",
        "@Weekly",
        "@annually",
        // Only the operator sees that these never come.
        "0 0 30 2 *",
        "0 0 * * 5-1",
    ];
    let bad = [
        "",
        " ",
        "0",
        "* * * *",
        "0 0 3 * * 1",
        "@reboot",
        "@every 1h",
        "@daily ",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "*/0 * * * *",
        "5/15 * * * *",
        "0 0 L * *",
        "0 0 ? * 1#2",
        "0 0 * * +1",
        "TZ=UTC 0 3 * * *",
        "a b c d e",
        "0 0 * * 1\n",
    ];
    let good = good.map(|text| (json!({ "schedule": text }), None));
    let bad = bad.map(|text| (json!({ "schedule": text }), form));
    check(good.into_iter().chain(bad).collect()).await;
}

#[tokio::test]
async fn a_zone_is_refused_that_can_not_be_a_name() {
    let zoned = |zone: &str| json!({ "schedule": "@daily", "timeZone": zone });
    let told = Some("timeZone must be a name of the IANA time zone database");
    let good = [
        "UTC",
        "Etc/GMT+5",
        "Europe/Berlin",
        "America/Argentina/Buenos_Aires",
        "America/Port-au-Prince",
    ];
    let bad = [
        "Local",
        "",
        "berlin",
        "Europe/",
        "../etc/passwd",
        "/Europe/Berlin",
        "+01:00",
    ];
    let good = good.map(|zone| (zoned(zone), None));
    let bad = bad.map(|zone| (zoned(zone), told));
    check(good.into_iter().chain(bad).collect()).await;
}

#[tokio::test]
async fn what_can_not_work_is_refused_with_the_fix() {
    let dataset = json!({ "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                          "textField": "narrative", "labelFields": ["narrative"] });
    let mut with_reference = classifier(json!({}))["retraining"]["template"].clone();
    with_reference["classifierRef"] = json!({ "name": "cards" });
    check(vec![
        (
            json!({}),
            Some("nothing would start a training: set retraining.schedule"),
        ),
        (json!({ "suspend": true }), Some("nothing would start a training")),
        (json!({ "requestTime": "2026-03-01T10:00:00Z" }), None),
        (json!({ "requestTime": "2026-03-01T10:00:00+01:00" }), None),
        (json!({ "requestTime": "now" }), Some("requestTime")),
        (
            json!({ "requestTime": "2026-03-01T10:00:00Z", "timeZone": "UTC" }),
            Some("belong to a schedule"),
        ),
        (
            json!({ "requestTime": "2026-03-01T10:00:00Z", "startingDeadlineSeconds": 60 }),
            Some("belong to a schedule"),
        ),
        (json!({ "schedule": "@daily", "startingDeadlineSeconds": 10 }), None),
        (
            json!({ "schedule": "@daily", "startingDeadlineSeconds": 9 }),
            Some("greater than or equal to 10"),
        ),
        (json!({ "schedule": "@daily", "concurrencyPolicy": "Replace" }), None),
        (
            json!({ "schedule": "@daily", "concurrencyPolicy": "Allow" }),
            Some("concurrencyPolicy"),
        ),
        // The rules of a run's spec.
        (
            json!({ "schedule": "@daily", "template": { "dataset": dataset } }),
            Some("name another field for the label"),
        ),
        (
            json!({ "schedule": "@daily", "template": with_reference }),
            Some("unknown field \"spec.retraining.template.classifierRef\""),
        ),
        (
            json!({ "schedule": "@daily", "template": {} }),
            Some("template.dataset"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_classifier_with_retraining_has_a_name_that_leaves_room_for_its_runs() {
    let (_sandbox, client) = served().await;
    let api: Api<ComplaintClassifier> = Api::default_namespaced(client);
    let scheduled = classifier(json!({ "schedule": "@daily" }));
    for (length, spec, accepted) in [(43, &scheduled, true), (44, &scheduled, false), (52, &json!({}), true)] {
        let manifest = json!({ "metadata": { "name": "a".repeat(length) }, "spec": spec });
        let manifest = serde_json::from_value(manifest).expect("a ComplaintClassifier");
        match api.create(&PostParams::default(), &manifest).await {
            Ok(_) => assert!(accepted, "{length}"),
            Err(error) => {
                let told = error.to_string();
                assert!(!accepted && told.contains("at most 43 characters"), "{length}: {told}");
            }
        }
    }
}
