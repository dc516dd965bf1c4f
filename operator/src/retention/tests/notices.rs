//! When what goes is announced, when it is deleted, and what people are told.

use complaint_api::ComplaintClassifier;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{DAY, classifier, edited, now, run, seen, version};
use crate::{
    change::{Change, steps},
    retention::{
        build::build,
        gather::Seen,
        plan::{self, Plan},
        status,
    },
};

/// Carries a plan out in the classifier's status; says what was announced and what was deleted.
fn look(cards: &mut ComplaintClassifier, all: &Seen, notice: SignedDuration, now: Timestamp) -> (bool, bool) {
    let plan = plan::plan(cards, all, notice, now);
    cards.status.as_mut().expect("a status").retention = plan.status.clone();
    (plan.announced.is_some(), !plan.deleted.is_empty())
}

#[test]
fn new_settings_are_announced_once_and_take_effect_one_period_later() {
    let all = seen((2..=5).map(version).collect(), vec![]);
    let mut cards = classifier(json!({ "keepVersions": 1 }));
    cards.status.as_mut().expect("a status").retention = None;
    let start = now();
    let hours = |hours: i64| start + SignedDuration::from_hours(hours);
    let (told, quiet, deletes) = ((true, false), (false, false), (false, true));
    assert_eq!(look(&mut cards, &all, DAY, start), told);
    assert_eq!(look(&mut cards, &all, DAY, hours(1)), quiet);
    assert_eq!(
        look(&mut cards, &all, DAY, hours(24) - SignedDuration::from_secs(1)),
        quiet
    );
    assert_eq!(look(&mut cards, &all, DAY, hours(24)), deletes);
    assert_eq!(look(&mut cards, &all, DAY, hours(2400)), deletes, "no further notice");
    // Other settings begin anew, and so do the first ones after them.
    cards.spec.retention.as_mut().expect("settings").keep_versions = Some(2);
    assert_eq!(look(&mut cards, &all, DAY, hours(2401)), told);
    cards.spec.retention.as_mut().expect("settings").keep_versions = Some(1);
    assert_eq!(look(&mut cards, &all, DAY, hours(2424)), told);
    assert_eq!(look(&mut cards, &all, DAY, hours(2447)), quiet);
    assert_eq!(look(&mut cards, &all, DAY, hours(2448)), deletes);
}

#[test]
fn clocks_that_step_and_other_periods() {
    let all = seen((2..=5).map(version).collect(), vec![]);
    let mut cards = classifier(json!({ "keepVersions": 1 }));
    cards.status.as_mut().expect("a status").retention = None;
    let years = now() + SignedDuration::from_hours(24 * 3650);
    assert_eq!(look(&mut cards, &all, DAY, years), (true, false));
    // The clock is set right: the notice of ten years ahead does not hold for ten years.
    assert_eq!(look(&mut cards, &all, DAY, now()), (true, false));
    assert_eq!(look(&mut cards, &all, DAY, now() + DAY), (false, true));
    // A shorter period counts from the same notice, and none at all needs no notice.
    cards.status.as_mut().expect("a status").retention = None;
    assert_eq!(look(&mut cards, &all, DAY, now()), (true, false));
    assert_eq!(
        look(
            &mut cards,
            &all,
            SignedDuration::from_mins(1),
            now() + SignedDuration::from_mins(1)
        ),
        (false, true)
    );
    cards.status.as_mut().expect("a status").retention = None;
    assert_eq!(look(&mut cards, &all, SignedDuration::ZERO, now()), (false, true));
    // The end of all time is no overflow.
    cards.status.as_mut().expect("a status").retention = None;
    let plan = plan::plan(&cards, &all, SignedDuration::MAX, now());
    assert_eq!(plan.again, Some(Timestamp::MAX));
}

#[test]
fn a_pause_keeps_what_was_announced() {
    let all = seen((2..=5).map(version).collect(), vec![]);
    let mut cards = classifier(json!({ "keepVersions": 1 }));
    let told = cards.status.as_ref().expect("a status").retention.clone();
    cards.spec.paused = true;
    assert_eq!(look(&mut cards, &all, DAY, now()), (false, false));
    assert_eq!(cards.status.as_ref().expect("a status").retention, told);
    cards.spec.paused = false;
    assert_eq!(look(&mut cards, &all, DAY, now()), (false, true));
}

/// Whatever changed since then makes the first write fail, and nothing is deleted.
#[test]
fn each_deletion_is_claimed_in_the_status_that_was_read() {
    let cards = classifier(json!({ "keepVersions": 2, "keepRuns": 1 }));
    let all = seen((2..=5).map(version).collect(), vec![run(2, true), run(3, true)]);
    let plan = plan::plan(&cards, &all, DAY, now());
    let changes = build(&cards, &plan);
    assert_eq!(
        steps(&changes),
        [
            "write the status of ComplaintClassifier cards",
            "delete ModelVersion v2",
            "delete ModelVersion v3",
            "delete TrainingRun v2",
        ]
    );
    let Change::Status { of, stored, part } = &changes[0] else {
        panic!("{}", changes[0]);
    };
    assert_eq!(of.resource_version.as_deref(), Some("9"));
    assert!(!part.is_in(stored), "it is written");
    let Change::Delete(version) = &changes[1] else {
        panic!("{}", changes[1]);
    };
    assert_eq!(version.resource_version.as_deref(), Some("7"));
    // At rest it is not.
    let empty = seen(vec![], vec![]);
    let at_rest = plan::plan(&cards, &empty, DAY, now());
    let Change::Status { stored, part, .. } = &build(&cards, &at_rest)[0] else {
        panic!("a status");
    };
    assert!(part.is_in(stored));
}

fn told(plan: &Plan<'_>) -> Vec<(String, String)> {
    let notices = status::notices(plan, now()).into_iter();
    notices.map(|notice| (notice.reason, notice.note)).collect()
}

#[test]
fn events_name_what_goes_and_what_becomes_of_files() {
    let with_files = |number| {
        edited(version(number), |version| {
            version["spec"]["deletionPolicy"] = json!("Delete")
        })
    };
    let mut versions: Vec<_> = (2..=13).map(with_files).collect();
    versions[0] = version(2);
    let all = seen(versions, vec![run(2, true), run(3, true)]);
    let cards = classifier(json!({ "keepVersions": 1, "keepRuns": 1 }));
    let deleted = told(&plan::plan(&cards, &all, DAY, now()));
    let reason = |place: usize| deleted[place].0.as_str();
    assert_eq!(
        (deleted.len(), reason(0), reason(1)),
        (2, "VersionsDeleted", "RunsDeleted")
    );
    assert_eq!(
        deleted[0].1,
        "spec.retention deleted 11 ModelVersions (v2, v3, v4, v5, v6, v7, v8, v9, and 3 more); 10 of them with their files (deletionPolicy: Delete)"
    );
    assert_eq!(deleted[1].1, "spec.retention deleted 1 TrainingRun (v2)");
    let mut new = cards.clone();
    new.status.as_mut().expect("a status").retention = None;
    let announced = told(&plan::plan(&new, &all, DAY, now()));
    assert_eq!(announced[0].0, "WouldDelete");
    let note = &announced[0].1;
    assert!(note.starts_with("from 2026-11-30T12:00:00Z on,"), "{note}");
    assert!(
        note.contains("11 ModelVersions (v2, ") && note.ends_with("and 1 TrainingRun (v2)"),
        "{note}"
    );
    let nothing = told(&plan::plan(&new, &seen(vec![], vec![]), DAY, now()));
    assert!(nothing[0].1.ends_with("nothing at present"), "{nothing:?}");
}
