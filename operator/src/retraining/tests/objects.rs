//! The runs that are made.

use serde_json::json;

use super::{Cluster, at, classifier, template};
use crate::{
    change::{Change, steps},
    object::owner_reference,
    retraining::{
        build, fault,
        plan::{Plan, Start, Trigger, run_name},
        status,
    },
};

#[test]
fn a_run_is_what_a_person_would_apply_and_says_what_it_was_made_for() {
    let classifier = classifier(json!({ "schedule": "@daily" }));
    let time = at("2026-03-02T03:00:00Z");
    let plan = Plan {
        start: Some(Start {
            name: run_name("cards", time),
            trigger: Trigger::Schedule,
            time,
        }),
        ..Plan::default()
    };
    let owner = owner_reference(&classifier).expect("a uid");
    let changes = build::build(&classifier, &plan, &owner);
    assert_eq!(steps(&changes), ["create TrainingRun cards-29540340"]);
    let Change::Create(manifest) = &changes[0] else {
        panic!("{changes:?}")
    };
    let body = &manifest.body;
    assert_eq!(body["spec"], json!(template(&classifier)));
    let metadata = &body["metadata"];
    assert_eq!(metadata["labels"]["complaints.dev/trigger"], "Schedule");
    assert_eq!(metadata["labels"]["complaints.dev/classifier"], "cards");
    assert_eq!(
        metadata["annotations"]["complaints.dev/trigger-time"],
        "2026-03-02T03:00:00Z"
    );
    assert_eq!(metadata["ownerReferences"][0]["uid"], "cc-uid");
    let told: Vec<_> = status::started(&plan).into_iter().map(|notice| notice.note).collect();
    assert_eq!(
        told,
        ["TrainingRun cards-29540340 was made for the scheduled time 2026-03-02T03:00:00Z"]
    );
}

#[test]
fn the_longest_name_of_a_classifier_leaves_room_for_its_runs() {
    let longest = "a".repeat(43);
    for time in ["2026-03-02T03:00:00Z", "2150-01-01T00:00:00Z"] {
        assert!(run_name(&longest, at(time)).len() <= 52, "{time}");
    }
}

#[test]
fn the_run_that_is_replaced_goes_first() {
    let mut cluster = Cluster::new(json!({ "schedule": "@hourly", "concurrencyPolicy": "Replace" }));
    cluster.look(at("2026-03-02T03:30:00Z"));
    cluster.look(at("2026-03-02T04:01:00Z"));
    let plan = super::plan::plan(&cluster.classifier, &cluster.runs, at("2026-03-02T05:01:00Z"));
    let owner = owner_reference(&cluster.classifier).expect("a uid");
    let changes = build::build(&cluster.classifier, &plan, &owner);
    let [old, new] = ["2026-03-02T04:00:00Z", "2026-03-02T05:00:00Z"].map(super::run_at);
    assert_eq!(
        steps(&changes),
        [format!("delete TrainingRun {old}"), format!("create TrainingRun {new}")]
    );
    assert!(status::started(&plan)[0].note.ends_with(&format!("replacing {old}")));
}

#[test]
fn a_schedule_that_can_not_be_followed_is_a_fault_of_the_classifier() {
    assert_eq!(
        fault(&classifier(json!({ "requestTime": "2026-03-02T03:00:00Z" }))),
        None
    );
    assert_eq!(fault(&classifier(json!({ "schedule": "@daily" }))), None);
    let fault = fault(&classifier(json!({ "schedule": "0 0 30 2 *" }))).expect("a fault");
    assert_eq!(fault.reason, "ScheduleInvalid");
    // Its times are neither promised nor kept, and requests go on.
    let mut cluster = Cluster::new(json!({ "schedule": "0 0 30 2 *", "requestTime": "2026-03-02T03:00:00Z" }));
    let plan = cluster.look(at("2026-03-02T03:30:00Z"));
    assert_eq!((plan.again, cluster.runs.len(), cluster.next()), (None, 1, None));
}
