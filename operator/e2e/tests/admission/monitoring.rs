//! What the API server rejects of `spec.monitoring`, and of the split by time.

use serde_json::{Value, json};

use crate::{refusal, served};

fn retraining() -> Value {
    let dataset = json!({ "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                          "textField": "narrative", "labelFields": ["category"] });
    json!({ "template": { "dataset": dataset } })
}

pub async fn check(cases: Vec<(Value, Option<&str>)>) {
    let (_sandbox, client) = served().await;
    for (spec, told) in cases {
        let refused = refusal(&client, "ComplaintClassifier", "Strict", &spec).await;
        match (refused, told) {
            (None, None) => {}
            (Some((_, message)), Some(told)) => assert!(message.contains(told), "{spec}: {message}"),
            (refused, told) => panic!("{spec}: {refused:?}, expected {told:?}"),
        }
    }
}

#[tokio::test]
async fn a_window_is_a_time_within_bounds() {
    let form = Some("monitoring.window is a time from 10s to 720h");
    let window = |window: &str| json!({ "monitoring": { "window": window } });
    let good = ["10s", "24h", "1h30m", "90m", "720h", "2h0m5s"].map(|text| (window(text), None));
    let bad = ["", "9s", "721h", "1d", "24", "-1h", "1.5h", "30m1h", "h", "24h "].map(|text| (window(text), form));
    check(good.into_iter().chain(bad).collect()).await;
}

#[tokio::test]
async fn what_can_not_work_is_refused_with_the_fix() {
    check(vec![
        (json!({ "monitoring": {} }), None),
        (json!({ "monitoring": { "onDrift": "None" } }), None),
        (
            json!({ "monitoring": { "onDrift": "Retrain" } }),
            Some("makes its run from retraining.template"),
        ),
        (
            json!({ "monitoring": { "onDrift": "Retrain" }, "retraining": retraining() }),
            None,
        ),
        (
            json!({ "monitoring": {}, "retraining": retraining() }),
            Some("nothing would start a training"),
        ),
        (json!({ "monitoring": { "onDrift": "retrain" } }), Some("onDrift")),
        (json!({ "monitoring": { "minAnswers": 49 } }), Some("minAnswers")),
        (
            json!({ "monitoring": { "maxAccuracyDrop": 0 } }),
            Some("maxAccuracyDrop"),
        ),
        (
            json!({ "monitoring": { "maxCategoryDistance": 1.5 } }),
            Some("maxCategoryDistance"),
        ),
        (json!({ "monitoring": { "windows": "24h" } }), Some("windows")),
    ])
    .await;
}

#[tokio::test]
async fn the_newest_rows_and_rows_of_their_own_exclude_each_other() {
    let holdout = json!({ "source": { "uri": "https://example.org/h.csv" }, "sha256": "ab".repeat(32), "format": "Csv",
                          "textField": "narrative", "labelFields": ["category"] });
    check(vec![
        (json!({ "evaluation": { "split": "Time" } }), None),
        (json!({ "evaluation": { "split": "Hash", "holdout": holdout } }), None),
        (
            json!({ "evaluation": { "split": "Time", "holdout": holdout } }),
            Some("leave out one of them"),
        ),
        (json!({ "evaluation": { "split": "time" } }), Some("split")),
    ])
    .await;
}
