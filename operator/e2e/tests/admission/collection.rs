//! What the API server rejects of `serving.feedback`, `serving.capture` and `serving.thresholds`.

use serde_json::{Value, json};

use crate::monitoring::check;

#[tokio::test]
async fn what_can_not_be_collected_is_refused_with_the_fix() {
    let serving = |fields: Value| json!({ "serving": fields });
    let token = json!({ "name": "reviewers", "key": "token" });
    let feedback = |field: &str, value: Value| {
        let mut feedback = json!({ "tokenSecretRef": token });
        feedback[field] = value;
        serving(json!({ "feedback": feedback }))
    };
    let capture = |capture: Value| serving(json!({ "capture": capture }));
    let nothing = Some("no answer would be captured: set abstainBelow");
    check(vec![
        (feedback("randomShare", json!(0.05)), None),
        (feedback("allowNewCategories", json!(true)), None),
        (feedback("retentionDays", json!(0)), None),
        (serving(json!({ "feedback": {} })), Some("tokenSecretRef")),
        (feedback("tokenSecretRef", json!({ "name": "reviewers" })), Some("key")),
        (feedback("tokenSecretRef", json!({ "name": "a/b", "key": "token" })), Some("tokenSecretRef.name")),
        (feedback("randomShare", json!(1.5)), Some("randomShare")),
        (feedback("retentionDays", json!(-1)), Some("retentionDays")),
        (feedback("retentionDays", json!(3651)), Some("retentionDays")),
        (feedback("share", json!(0.1)), Some("share")),
        (capture(json!({})), None),
        (capture(json!({ "mode": "All" })), None),
        (capture(json!({ "mode": "all" })), Some("mode")),
        (capture(json!({ "mode": "All", "share": -0.5 })), Some("share")),
        (capture(json!({ "mode": "All", "maxBytesPerDay": 1_048_576 })), None),
        (capture(json!({ "mode": "All", "maxBytesPerDay": 1_000 })), Some("maxBytesPerDay")),
        (capture(json!({ "mode": "NeedsReview" })), nothing),
        (capture(json!({ "mode": "NeedsReview", "share": 0.0 })), nothing),
        (capture(json!({ "mode": "NeedsReview", "share": 0.1 })), None),
        (serving(json!({ "abstainBelow": 0.5, "capture": { "mode": "NeedsReview" } })), None),
        (
            serving(json!({ "thresholds": [{ "category": "A", "minRecall": 1 }], "capture": { "mode": "NeedsReview" } })),
            None,
        ),
        (
            serving(json!({ "feedback": { "tokenSecretRef": token }, "capture": { "mode": "NeedsReview" } })),
            nothing,
        ),
        (
            serving(json!({ "feedback": { "tokenSecretRef": token, "randomShare": 0.1 }, "capture": { "mode": "NeedsReview" } })),
            None,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_threshold_has_one_category_and_one_target() {
    let thresholds = |thresholds: Value| json!({ "serving": { "thresholds": thresholds } });
    let one = |fields: Value| thresholds(json!([fields]));
    let target = Some("set exactly one of minPrecision and minRecall");
    check(vec![
        (
            one(json!({ "category": "Late fees = costs", "minPrecision": 0.95 })),
            None,
        ),
        (one(json!({ "category": "A", "minRecall": 1 })), None),
        (one(json!({ "category": "A" })), target),
        (
            one(json!({ "category": "A", "minPrecision": 0.9, "minRecall": 0.9 })),
            target,
        ),
        (one(json!({ "minPrecision": 0.9 })), Some("category")),
        (one(json!({ "category": "", "minPrecision": 0.9 })), Some("category")),
        (
            one(json!({ "category": "a".repeat(257), "minPrecision": 0.9 })),
            Some("category"),
        ),
        (
            one(json!({ "category": "A", "minPrecision": 1 })),
            Some("minPrecision must be at least 0.01 and at most 0.999"),
        ),
        (one(json!({ "category": "A", "minPrecision": 0 })), Some("minPrecision")),
        (
            one(json!({ "category": "A", "minRecall": 0 })),
            Some("minRecall must be at least 0.01"),
        ),
        (
            one(json!({ "category": "A", "minProbability": 0.9 })),
            Some("minProbability"),
        ),
        (
            thresholds(json!([{ "category": "A", "minRecall": 0.5 }, { "category": "A", "minPrecision": 0.5 }])),
            Some("Duplicate value"),
        ),
    ])
    .await;
}
