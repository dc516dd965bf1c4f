//! What is decided about a time that is due.

use serde_json::json;

use super::{Cluster, Killed, at, by_hand, classifier, end, reasons, run_at, seconds};
use crate::retraining::plan::{self, SPREAD, jitter};

const NIGHTLY: &str = "0 3 * * *";

/// A cluster whose operator has seen the schedule the evening before.
fn nightly(more: serde_json::Value) -> Cluster {
    let mut retraining = json!({ "schedule": NIGHTLY });
    for (field, value) in more.as_object().expect("an object") {
        retraining[field] = value.clone();
    }
    let mut cluster = Cluster::new(retraining);
    cluster.look(at("2026-03-01T20:00:00Z"));
    cluster
}

#[test]
fn a_new_schedule_promises_first_and_makes_a_run_when_the_time_has_come() {
    let mut cluster = Cluster::new(json!({ "schedule": "0 3 1 1 *" }));
    let plan = cluster.look(at("2026-03-01T20:00:00Z"));
    assert_eq!(
        (plan.start, cluster.next()),
        (None, Some(at("2027-01-01T03:00:00Z"))),
        "not for a time long ago"
    );

    // Made within the minute over which runs start: too late for this time.
    let mut cluster = Cluster::new(json!({ "schedule": NIGHTLY }));
    cluster.look(at("2026-03-02T03:00:00Z"));
    assert_eq!(cluster.next(), Some(at("2026-03-03T03:00:00Z")));

    let mut cluster = nightly(json!({}));
    let time = at("2026-03-02T03:00:00Z");
    let plan = cluster.look(time + cluster.jitter() - seconds(1));
    assert_eq!(plan.again, Some(time + cluster.jitter()));
    assert!(cluster.runs.is_empty());
    cluster.look(time + cluster.jitter());
    assert_eq!(cluster.names(), [run_at("2026-03-02T03:00:00Z")]);
    assert_eq!(cluster.next(), Some(at("2026-03-03T03:00:00Z")));
    let status = cluster.classifier.status.clone().expect("a status");
    assert_eq!(status.last_schedule_time.map(|last| last.0), Some(time));
    // Looked at again, with the run at work and after its end.
    cluster.look(time + SPREAD);
    end(&mut cluster.runs[0]);
    let plan = cluster.look(time + seconds(3600));
    assert_eq!((cluster.runs.len(), plan.notices.len()), (1, 0));
}

#[test]
fn another_schedule_or_zone_makes_another_promise() {
    let mut cluster = nightly(json!({}));
    for (schedule, zone, expected) in [
        ("30 22 * * *", "Etc/UTC", "2026-03-01T22:30:00Z"),
        ("30 22 * * *", "Europe/Berlin", "2026-03-01T21:30:00Z"),
        ("*/30 * * * *", "Etc/UTC", "2026-03-01T20:30:00Z"),
        ("0 3 * * *", "Asia/Tokyo", "2026-03-02T18:00:00Z"),
    ] {
        let retraining = cluster.retraining();
        retraining.schedule = Some(schedule.into());
        retraining.time_zone = Some(zone.into());
        cluster.look(at("2026-03-01T20:00:00Z"));
        assert_eq!(cluster.next(), Some(at(expected)), "{schedule} in {zone}");
    }
    // Changed after the promised time had come, while nobody looked: the old promise means nothing.
    let mut cluster = nightly(json!({}));
    cluster.retraining().schedule = Some("15 4 * * *".into());
    let plan = cluster.look(at("2026-03-02T12:00:00Z"));
    assert_eq!((plan.start, cluster.next()), (None, Some(at("2026-03-03T04:15:00Z"))));
    // Removed.
    cluster.classifier.spec.retraining = None;
    cluster.look(at("2026-03-02T12:00:00Z"));
    assert_eq!(cluster.next(), None);
}

#[test]
fn an_operator_that_was_down_for_a_week_makes_one_run() {
    let mut cluster = nightly(json!({}));
    let plan = cluster.look(at("2026-03-08T12:00:00Z"));
    assert_eq!(cluster.names(), [run_at("2026-03-08T03:00:00Z")]);
    assert_eq!(reasons(&plan), ["RetrainingMissed"]);
    let told = &plan.notices[0].note;
    assert!(
        told.starts_with("7 scheduled times from 2026-03-02T03:00:00Z to 2026-03-08T03:00:00Z"),
        "{told}"
    );
    assert_eq!(cluster.next(), Some(at("2026-03-09T03:00:00Z")));
}

#[test]
fn a_time_older_than_its_deadline_is_missed() {
    for (late, made) in [(3600, true), (3601, false)] {
        let mut cluster = nightly(json!({ "startingDeadlineSeconds": 3600 }));
        let plan = cluster.look(at("2026-03-02T03:00:00Z") + cluster.jitter() + seconds(late));
        assert_eq!(!cluster.runs.is_empty(), made, "{late}");
        assert_eq!(reasons(&plan), if made { vec![] } else { vec!["RetrainingMissed"] });
        assert_eq!(cluster.next(), Some(at("2026-03-03T03:00:00Z")));
    }
    let mut cluster = nightly(json!({ "startingDeadlineSeconds": 3600 }));
    let plan = cluster.look(at("2026-03-08T12:00:00Z"));
    assert!(cluster.runs.is_empty());
    let told = &plan.notices[0].note;
    assert!(
        told.contains("7 scheduled times") && told.contains("startingDeadlineSeconds"),
        "{told}"
    );
    assert!(told.ends_with("the next time is 2026-03-09T03:00:00Z"), "{told}");
}

#[test]
fn while_it_is_suspended_no_run_is_made_and_afterwards_one() {
    for pause in [json!({ "retraining": true }), json!({ "classifier": true })] {
        let mut cluster = nightly(json!({ "requestTime": "2026-03-01T21:00:00Z" }));
        let hold = |cluster: &mut Cluster, held: bool| {
            let spec = &mut cluster.classifier.spec;
            match pause.get("classifier") {
                Some(_) => spec.paused = held,
                None => spec.retraining.as_mut().expect("a retraining").suspend = held,
            }
        };
        hold(&mut cluster, true);
        for day in 2..6 {
            let plan = cluster.look(at(&format!("2026-03-0{day}T12:00:00Z")));
            assert_eq!((plan.start, plan.again, plan.notices.len()), (None, None, 0));
        }
        hold(&mut cluster, false);
        cluster.retraining().request_time = None;
        cluster.look(at("2026-03-06T12:00:00Z"));
        assert_eq!(cluster.names(), [run_at("2026-03-06T03:00:00Z")]);
    }
}

#[test]
fn a_request_makes_one_run_and_a_later_one_another() {
    let mut cluster = Cluster::new(json!({ "requestTime": "2026-03-01T20:10:30Z" }));
    let early = cluster.look(at("2026-03-01T20:00:00Z"));
    assert_eq!(
        (early.start, early.again),
        (None, Some(at("2026-03-01T20:10:30Z"))),
        "not before its time"
    );
    cluster.look(at("2026-03-01T20:10:30Z"));
    assert_eq!(cluster.names(), [run_at("2026-03-01T20:10:00Z")]);
    assert_eq!(
        cluster.runs[0].metadata.labels.as_ref().expect("labels")["complaints.dev/trigger"],
        "Request"
    );
    end(&mut cluster.runs[0]);
    let request = |cluster: &mut Cluster, time: &str| {
        let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(time));
        cluster.retraining().request_time = Some(time);
        cluster.look(at("2026-03-02T00:00:00Z"));
    };
    for (time, runs) in [
        ("2026-03-01T20:10:30Z", 1),
        ("2026-03-01T20:10:30.9Z", 1),
        ("2026-03-01T19:00:00Z", 1),
        // The same minute: the run that is there.
        ("2026-03-01T20:10:45Z", 1),
        ("2026-03-01T23:00:00Z", 2),
    ] {
        request(&mut cluster, time);
        assert_eq!(cluster.runs.len(), runs, "{time}");
    }
    let status = cluster.classifier.status.expect("a status");
    assert_eq!(
        status.last_request_time.map(|time| time.0),
        Some(at("2026-03-01T23:00:00Z"))
    );
}

#[test]
fn several_triggers_of_one_minute_are_one_run() {
    let mut cluster = nightly(json!({ "requestTime": "2026-03-02T03:00:10Z" }));
    cluster.look(at("2026-03-02T03:01:00Z"));
    cluster.look(at("2026-03-02T03:01:00Z"));
    assert_eq!(cluster.names(), [run_at("2026-03-02T03:00:00Z")]);
    let status = cluster.classifier.status.clone().expect("a status");
    assert!(status.last_request_time.is_some() && status.last_schedule_time.is_some());
    // Of two minutes that come together, the request's run is made, and the schedule's time is skipped.
    let mut cluster = nightly(json!({ "requestTime": "2026-03-02T02:50:00Z" }));
    let plan = cluster.look(at("2026-03-02T03:01:00Z"));
    assert_eq!(cluster.names(), [run_at("2026-03-02T02:50:00Z")]);
    assert_eq!(reasons(&plan), ["RetrainingSkipped"]);
    // A run of that name that a person applied is the run.
    let mut cluster = nightly(json!({}));
    cluster.runs = vec![by_hand(&run_at("2026-03-02T03:00:00Z"))];
    let plan = cluster.look(at("2026-03-02T03:01:00Z"));
    assert_eq!((cluster.runs.len(), plan.notices.len()), (1, 0));
}

#[test]
fn forbid_skips_a_time_and_lets_a_request_wait_while_a_run_is_active() {
    let mut cluster = nightly(json!({ "requestTime": "2026-03-02T10:00:00Z" }));
    cluster.runs = vec![by_hand("cards-by-hand")];
    let plan = cluster.look(at("2026-03-02T03:01:00Z"));
    assert_eq!(reasons(&plan), ["RetrainingSkipped"]);
    assert!(
        plan.notices[0]
            .note
            .contains("TrainingRun cards-by-hand is still active"),
        "{plan:?}"
    );
    assert_eq!(cluster.next(), Some(at("2026-03-03T03:00:00Z")));
    // Told once.
    assert!(cluster.look(at("2026-03-02T04:00:00Z")).notices.is_empty());
    cluster.look(at("2026-03-02T10:00:00Z"));
    assert_eq!(cluster.runs.len(), 1);
    end(&mut cluster.runs[0]);
    cluster.look(at("2026-03-02T12:00:00Z"));
    assert_eq!(cluster.names()[1..], [run_at("2026-03-02T10:00:00Z")]);
    cluster.look(at("2026-03-02T13:00:00Z"));
    assert_eq!(cluster.runs.len(), 2, "one run, and none for the time that was skipped");
}

#[test]
fn runs_that_are_suspended_or_going_do_not_count() {
    for case in 0..2 {
        let mut cluster = nightly(json!({}));
        let mut held = by_hand("held");
        match case {
            0 => held.spec.suspend = true,
            _ => {
                held.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(
                    "2026-03-01T00:00:00Z",
                )))
            }
        }
        cluster.runs = vec![held];
        cluster.look(at("2026-03-02T03:01:00Z"));
        assert_eq!(cluster.runs.len(), 2);
    }
}

#[test]
fn replace_deletes_an_active_run_that_the_operator_made_and_never_a_persons() {
    let mut cluster = nightly(json!({ "concurrencyPolicy": "Replace" }));
    cluster.look(at("2026-03-02T03:01:00Z"));
    let plan = cluster.look(at("2026-03-03T03:01:00Z"));
    assert_eq!(plan.replaced.len(), 1);
    assert_eq!(cluster.names(), [run_at("2026-03-03T03:00:00Z")]);
    cluster.runs.push(by_hand("cards-by-hand"));
    let plan = cluster.look(at("2026-03-04T03:01:00Z"));
    assert_eq!(reasons(&plan), ["RetrainingSkipped"]);
    assert_eq!(
        cluster.names(),
        [run_at("2026-03-03T03:00:00Z"), "cards-by-hand".into()]
    );
}

/// Killed before and after each write, the operator makes the same runs, once.
#[test]
fn a_run_is_made_once_whatever_stops_the_operator() {
    let times = ["2026-03-02T03:01:00Z", "2026-03-02T03:05:00Z", "2026-03-03T03:01:00Z"];
    let expected = [run_at("2026-03-02T03:00:00Z"), run_at("2026-03-03T03:00:00Z")];
    for policy in ["Forbid", "Replace"] {
        for killed in [Killed::BeforeTheRun, Killed::BeforeTheStatus, Killed::Never] {
            for (ends, again) in [(true, 0), (false, 0), (true, 240)] {
                let mut cluster = nightly(json!({ "concurrencyPolicy": policy }));
                cluster.look_until(at(times[0]), killed);
                if ends {
                    cluster.runs.iter_mut().for_each(end);
                }
                cluster.look(at(times[0]) + seconds(again));
                cluster.look(at(times[1]));
                assert_eq!(cluster.names(), expected[..1], "{policy}");
                cluster.runs.iter_mut().for_each(end);
                cluster.look(at(times[2]));
                assert_eq!(cluster.names(), expected, "{policy}");
            }
        }
    }
    // Down for days after the run was made and before the status was written.
    let mut cluster = nightly(json!({}));
    cluster.look_until(at(times[0]), Killed::BeforeTheStatus);
    end(&mut cluster.runs[0]);
    cluster.look(at("2026-03-02T20:00:00Z"));
    let status = cluster.classifier.status.clone().expect("a status");
    assert_eq!(
        status.last_schedule_time.map(|last| last.0),
        Some(at("2026-03-02T03:00:00Z"))
    );
    assert_eq!(cluster.runs.len(), 1);
}

#[test]
fn the_clock_may_go_back() {
    let mut cluster = nightly(json!({}));
    cluster.look(at("2026-03-02T03:01:00Z"));
    end(&mut cluster.runs[0]);
    let plan = cluster.look(at("2026-03-02T01:00:00Z"));
    assert_eq!((plan.start, cluster.next()), (None, Some(at("2026-03-02T03:00:00Z"))));
    cluster.look(at("2026-03-02T03:01:00Z"));
    assert_eq!(cluster.runs.len(), 1);
}

#[test]
fn a_thousand_classifiers_start_over_a_minute_each_at_its_own_second() {
    let mut seconds_of = [0; 60];
    for number in 0..1000 {
        let mut one = classifier(json!({ "schedule": NIGHTLY }));
        one.metadata.name = Some(format!("team-{number}"));
        let jitter = jitter(&one);
        assert_eq!(jitter, plan::jitter(&one.clone()));
        assert!(jitter < SPREAD && jitter >= seconds(0));
        seconds_of[usize::try_from(jitter.as_secs()).expect("a second")] += 1;
    }
    assert!(
        seconds_of.iter().all(|count| (4..=35).contains(count)),
        "{seconds_of:?}"
    );
}
