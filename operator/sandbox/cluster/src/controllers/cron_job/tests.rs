use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use serde_json::{Value, json};

use super::plan::{Plan, plan};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn cron(schedule: &str, more: Value, status: Value) -> CronJob {
    let mut spec = json!({ "schedule": schedule, "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1,
                           "jobTemplate": { "metadata": { "labels": { "a": "b" } },
                                            "spec": { "template": { "spec": { "containers": [] } } } } });
    spec.as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    let cron = json!({ "metadata": { "name": "c", "namespace": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:30Z" },
                       "spec": spec, "status": status });
    serde_json::from_value(cron).expect("a CronJob")
}

fn job(name: &str, started: &str, end: Option<&str>) -> Job {
    let conditions: Vec<Value> = end
        .iter()
        .map(|kind| json!({ "type": kind, "status": "True" }))
        .collect();
    serde_json::from_value(json!({
        "metadata": { "name": name, "uid": name },
        "status": { "startTime": started, "completionTime": started, "conditions": conditions },
    }))
    .expect("a Job")
}

fn made(plan: &Plan) -> Option<&str> {
    plan.create.as_ref().and_then(|job| job.metadata.name.as_deref())
}

#[test]
fn each_time_makes_one_job() {
    let every_minute = cron("* * * * *", json!({}), json!({}));
    assert_eq!(
        made(&plan(&every_minute, &[], at("2026-01-01T00:00:59Z"))),
        None,
        "no scheduled time since its creation"
    );
    let first = plan(&every_minute, &[], at("2026-01-01T00:01:05Z"));
    assert_eq!(made(&first), Some("c-29453761"));
    assert_eq!(first.again, Some(SignedDuration::from_secs(55)));
    let job = first.create.expect("a Job");
    let annotations = job.metadata.annotations.expect("annotations");
    assert_eq!(
        annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"],
        "2026-01-01T00:01:00Z"
    );
    assert_eq!(job.metadata.labels.expect("labels")["a"], "b");
    let done = cron(
        "* * * * *",
        json!({}),
        json!({ "lastScheduleTime": "2026-01-01T00:01:00Z" }),
    );
    assert_eq!(made(&plan(&done, &[], at("2026-01-01T00:01:59Z"))), None);
    // Only the last of several missed times counts.
    assert_eq!(made(&plan(&done, &[], at("2026-01-01T00:09:00Z"))), Some("c-29453769"));
}

#[test]
fn zones_deadlines_and_suspension_are_kept() {
    let at_nine = |more: Value| cron("0 9 * * *", more, json!({}));
    let berlin = at_nine(json!({ "timeZone": "Europe/Berlin" }));
    assert_eq!(
        made(&plan(&berlin, &[], at("2026-01-01T08:00:00Z"))),
        Some("c-29454240")
    );
    assert_eq!(made(&plan(&berlin, &[], at("2026-01-01T07:59:59Z"))), None);
    let late = plan(
        &at_nine(json!({ "startingDeadlineSeconds": 60 })),
        &[],
        at("2026-01-01T09:02:00Z"),
    );
    assert_eq!((made(&late), late.notices[0].reason), (None, "MissSchedule"));
    let suspended = plan(&at_nine(json!({ "suspend": true })), &[], at("2026-01-01T09:00:00Z"));
    assert_eq!((made(&suspended), suspended.again), (None, None));
    let wrong = plan(
        &cron("0 25 * * *", json!({}), json!({})),
        &[],
        at("2026-01-01T09:00:00Z"),
    );
    assert_eq!(wrong.notices[0].reason, "UnparseableSchedule");
}

#[test]
fn policies_say_what_becomes_of_a_job_at_work() {
    let running = [job("one", "2026-01-01T00:01:00Z", None)];
    let status = json!({ "active": [{ "name": "one", "uid": "one" }], "lastScheduleTime": "2026-01-01T00:01:00Z" });
    for (policy, makes, deletes) in [("Allow", true, 0), ("Forbid", false, 0), ("Replace", true, 1)] {
        let cron = cron("* * * * *", json!({ "concurrencyPolicy": policy }), status.clone());
        let plan = plan(&cron, &running, at("2026-01-01T00:02:00Z"));
        assert_eq!((plan.create.is_some(), plan.delete.len()), (makes, deletes), "{policy}");
    }
}

#[test]
fn ended_jobs_leave_the_status_and_then_the_cluster() {
    let jobs = [
        job("old", "2026-01-01T00:01:00Z", Some("Complete")),
        job("new", "2026-01-01T00:02:00Z", Some("Complete")),
        job("bad", "2026-01-01T00:03:00Z", Some("Failed")),
    ];
    let status = json!({ "active": [{ "name": "new", "uid": "new" }, { "name": "lost", "uid": "lost" }],
                         "lastScheduleTime": "2026-01-01T00:03:00Z" });
    let plan = plan(&cron("* * * * *", json!({}), status), &jobs, at("2026-01-01T00:03:30Z"));
    assert_eq!(plan.delete, ["old"]);
    assert_eq!(plan.status.active, None);
    assert_eq!(
        plan.status.last_successful_time.map(|time| time.0),
        Some(at("2026-01-01T00:02:00Z"))
    );
    let reasons: Vec<&str> = plan.notices.iter().map(|notice| notice.reason).collect();
    assert_eq!(reasons, ["SawCompletedJob", "MissingJob"]);
}
