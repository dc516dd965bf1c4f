//! The status of a run.

use complaint_api::{
    RunPhase,
    condition::{self, COMPLETE, FAILED, READY, RECONCILING, STALLED},
};
use jiff::Timestamp;
use serde_json::json;

use super::{outcome, planned, ready_to_train, run};
use crate::{
    settings::Settings,
    status::Owned,
    training_run::{
        gather::Seen,
        plan::{Decision, plan},
        status,
    },
};

#[test]
fn the_status_of_a_recorded_run_is_complete_and_events_repeat_the_trainers_warnings() {
    let run = run(json!({}));
    let outcome = serde_json::from_value(outcome()).expect("an outcome");
    let now = Timestamp::from_second(100).expect("a valid time");
    let (next, notices) = status::next(&run, &ready_to_train(), &Decision::Record(Box::new(outcome)), now);
    assert_eq!(next.phase, Some(RunPhase::Succeeded));
    assert!(condition::is_true(&next.conditions, READY) && condition::is_true(&next.conditions, COMPLETE));
    assert_eq!(
        next.current_optimal_trial
            .as_ref()
            .map(|trial| trial.cross_validation.mean),
        Some(0.8001)
    );
    let told: Vec<(bool, &str, &str)> = notices
        .iter()
        .map(|notice| (notice.warning, notice.reason.as_str(), notice.note.as_str()))
        .collect();
    assert_eq!(
        told[..3],
        [
            (true, "LabelsDropped", "labels were left out: Other (7 rows)"),
            (true, "LabelMapUnused", "no row has `Kard`"),
            (
                false,
                "DatasetRead",
                "650 records read, 640 used; left out: 3 copies, 7 of labels with too few rows"
            ),
        ]
    );

    let mut ended = run.clone();
    ended.status = Some(next);
    ended.spec.ttl_seconds_after_finished = Some(10);
    assert!(status::ended(&ended));
    let after = |seconds: i64| Timestamp::from_second(100 + seconds).expect("a valid time");
    assert_eq!(
        status::expires_in(&ended, after(4)),
        Some(std::time::Duration::from_secs(6))
    );
    assert_eq!(status::expires_in(&ended, after(11)), Some(std::time::Duration::ZERO));
}

#[test]
fn the_same_trouble_is_told_once() {
    let mut run = run(json!({}));
    let now = Timestamp::from_second(100).expect("a valid time");
    let decision = planned(&run, &Seen::default());
    let (first, notices) = status::next(&run, &Seen::default(), &decision, now);
    assert_eq!(notices.len(), 1);
    assert!(condition::is_true(&first.conditions, STALLED) && !condition::is_true(&first.conditions, RECONCILING));
    run.status = Some(first.clone());
    let (second, notices) = status::next(&run, &Seen::default(), &decision, now);
    assert_eq!((first, Vec::new()), (second, notices));
    let failed = Decision::Fail {
        reason: "EmptyDataset".into(),
        message: "no rows".into(),
    };
    let (third, _) = status::next(&run, &Seen::default(), &failed, now);
    assert!(condition::is_true(&third.conditions, FAILED));
}

#[test]
fn a_run_that_ended_keeps_its_record_and_nothing_foreign() {
    let mut ended = run(json!({ "ttlSecondsAfterFinished": 10 }));
    let outcome = serde_json::from_value(outcome()).expect("an outcome");
    let at = |seconds| Timestamp::from_second(seconds).expect("a valid time");
    let record = Decision::Record(Box::new(outcome));
    let (recorded, _) = status::next(&ended, &ready_to_train(), &record, at(100));
    let mut edited = recorded.clone();
    edited.phase = Some(RunPhase::Running);
    edited.conditions.retain(|condition| condition.type_ == COMPLETE);
    ended.status = Some(edited);

    let decision = plan(&ended, &Seen::default(), &Settings::default(), at(105));
    let left = std::time::Duration::from_secs(5);
    assert_eq!(decision, Decision::Ended { expires_in: Some(left) });
    let (mended, notices) = status::next(&ended, &Seen::default(), &decision, at(105));
    assert_eq!((mended.phase, &mended.metrics), (recorded.phase, &recorded.metrics));
    assert_eq!(mended.completion_time, recorded.completion_time);
    assert!(condition::is_true(&mended.conditions, READY) && condition::is_true(&mended.conditions, COMPLETE));
    assert_eq!(notices, Vec::new());
    assert_eq!(
        plan(&ended, &Seen::default(), &Settings::default(), at(110)),
        Decision::Expire
    );
}

#[test]
fn every_field_of_the_status_is_owned() {
    let run = run(json!({}));
    let outcome = serde_json::from_value(outcome()).expect("an outcome");
    let now = Timestamp::from_second(100).expect("a valid time");
    let (mut status, _) = status::next(&run, &ready_to_train(), &Decision::Record(Box::new(outcome)), now);
    status.start_time = status.completion_time.clone();
    let mut names: Vec<String> = json!(status).as_object().expect("an object").keys().cloned().collect();
    names.retain(|name| name != "conditions");
    let mut owned = <complaint_api::TrainingRunStatus as Owned>::FIELDS.to_vec();
    owned.sort_unstable();
    assert_eq!(names, owned);
}
