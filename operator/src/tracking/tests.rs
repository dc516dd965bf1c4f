//! Plans over objects as the API server would send them.

use complaint_api::{ComplaintClassifier, ModelVersion, condition};
use complaint_contract::{TrackRequest, TrackResult, TrackedOutcome};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{build, gather::Seen, plan, status, turn};
use crate::{cache::Cached, change::steps, object::owner_reference, settings::Settings, store_job::tests::ended};

mod places;

const DOWN: &str = r#"{"error":{"reason":"TrackingUnreachable","message":"the tracking server can't be reached."}}"#;

fn sha(digit: u8) -> String {
    format!("{digit:x}").repeat(64)
}

fn classifier(spec: Value, status: Value) -> ComplaintClassifier {
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "generation": 1 },
        "spec": spec, "status": status,
    }))
    .expect("a ComplaintClassifier")
}

fn tracking() -> Value {
    json!({ "tracking": { "mlflow": { "uri": "http://mlflow:5000", "secretRef": { "name": "mlflow-login" } } } })
}

/// A tracked classifier with this champion.
fn tracked(champion: Option<u8>) -> ComplaintClassifier {
    let champion = champion.map(|number| json!({ "name": format!("v{number}"), "sha256": sha(number) }));
    classifier(tracking(), json!({ "champion": champion }))
}

fn version(number: u8) -> ModelVersion {
    let folder = format!("pvc://cards-artifacts/default/cards/{}", sha(number));
    serde_json::from_value(json!({
        "metadata": { "name": format!("v{number}"), "namespace": "default", "uid": format!("mv-{number}"),
                      "creationTimestamp": format!("2026-11-29T00:{number:02}:00Z") },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": format!("{folder}/model.safetensors"), "sha256": sha(number) },
                  "report": { "uri": format!("{folder}/report.json"), "sha256": sha(number) } },
    }))
    .expect("a ModelVersion")
}

fn seen(versions: Vec<ModelVersion>) -> Seen {
    Seen {
        versions,
        ..Seen::default()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time")
}

/// What was decided, as a user sees it.
#[derive(Debug)]
struct Planned {
    jobs: Vec<Job>,
    changes: Vec<String>,
    /// `v1: True Logged`.
    told: Vec<String>,
    status: Value,
    notices: Vec<String>,
    again: Option<u64>,
}

impl Planned {
    fn request(&self) -> TrackRequest {
        build::asked(&self.jobs[0]).expect("a request")
    }

    fn names(&self) -> Vec<String> {
        self.request()
            .versions
            .into_iter()
            .map(|version| version.name)
            .collect()
    }

    fn summary(&self) -> String {
        let condition = &self.status["conditions"][0];
        let text = |field: &str| condition[field].as_str().unwrap_or("-").to_owned();
        format!("{} {}", text("status"), text("reason"))
    }
}

fn planned_at(classifier: &ComplaintClassifier, seen: &Seen, now: Timestamp) -> Planned {
    let owner = owner_reference(classifier).expect("a uid");
    let plan = plan::plan(classifier, seen, &owner, &Settings::default(), now);
    let mut changes = steps(&build::before(&plan, &owner));
    changes.extend(steps(&build::after(&plan)));
    let told = plan.told.iter().map(|told| {
        let name = told.version.metadata.name.clone().unwrap_or_default();
        let said = told.statement.as_ref().map(|statement| {
            let status = match statement.status {
                Some(true) => "True",
                Some(false) => "False",
                None => "Unknown",
            };
            format!("{status} {}", statement.reason)
        });
        format!("{name}: {}", said.unwrap_or_else(|| "-".into()))
    });
    let told = told.collect();
    let (next, notices) = status::next(classifier, &plan, now);
    let of_versions = status::of_versions(&plan).into_iter().map(|(_, notice)| notice);
    let notices = notices
        .into_iter()
        .chain(of_versions)
        .map(|notice| notice.reason)
        .collect();
    Planned {
        told,
        changes,
        status: json!(next),
        notices,
        again: plan.again.map(|pause| pause.as_secs()),
        jobs: plan.start,
    }
}

fn planned(classifier: &ComplaintClassifier, seen: &Seen) -> Planned {
    planned_at(classifier, seen, at(200))
}

/// The classifier after its status was written.
fn after(mut classifier: ComplaintClassifier, planned: &Planned) -> ComplaintClassifier {
    let mut status = json!(classifier.status);
    status["mlflow"] = planned.status["mlflow"].clone();
    status["conditions"] = planned.status["conditions"].clone();
    classifier.status = serde_json::from_value(status).expect("a status");
    classifier
}

/// The versions after their statuses were written.
fn told(classifier: &ComplaintClassifier, seen: &Seen) -> Vec<ModelVersion> {
    let owner = owner_reference(classifier).expect("a uid");
    let plan = plan::plan(classifier, seen, &owner, &Settings::default(), at(200));
    let write = |version: &ModelVersion| {
        let mut version = version.clone();
        if let Some(told) = plan
            .told
            .iter()
            .find(|told| told.version.metadata.name == version.metadata.name)
        {
            let statements: Vec<_> = told.statement.iter().cloned().collect();
            let mut status = version.status.unwrap_or_default();
            status.conditions = condition::merge(&[], &statements, Some(1), at(200));
            status.mlflow = told.mlflow.clone();
            version.status = Some(status);
        }
        version
    };
    seen.versions.iter().map(write).collect()
}

/// The Job as the cache keeps it.
fn cached(job: &Job) -> Job {
    let mut job = json!(job);
    Job::trim(&mut job);
    serde_json::from_value(job).expect("a Job")
}

/// What is seen when the Job that was made has ended.
fn ends(versions: Vec<ModelVersion>, job: &Job, condition: &str, exit_code: i32, message: &str) -> Seen {
    let (job, pod) = ended(cached(job), condition, exit_code, message);
    Seen {
        versions,
        jobs: vec![job],
        pods: vec![pod],
        ..Seen::default()
    }
}

/// What a Job says that logged all that it was asked to.
fn all_logged(request: &TrackRequest) -> String {
    let outcome = |(number, version): (usize, &complaint_contract::TrackedVersion)| TrackedOutcome {
        name: version.name.clone(),
        run_id: Some("a".repeat(32)),
        model_id: Some(format!("m-{}", "b".repeat(32))),
        registered_version: Some((number + 1).to_string()),
        error: None,
    };
    let result = TrackResult {
        versions: request.versions.iter().enumerate().map(outcome).collect(),
        missing_aliases: Vec::new(),
    };
    result.message()
}

#[test]
fn nothing_is_done_without_tracking_and_what_was_is_forgotten() {
    let off = classifier(json!({}), json!({ "champion": { "name": "v1", "sha256": sha(1) } }));
    let idle = planned(&off, &seen(vec![version(1)]));
    assert!(idle.changes.is_empty() && idle.told.is_empty() && idle.notices.is_empty());
    assert_eq!(idle.status, json!({ "conditions": [] }));

    let on = tracked(Some(1));
    let first = planned(&on, &seen(vec![version(1)]));
    let answered = ends(
        vec![version(1)],
        &first.jobs[0],
        "Complete",
        0,
        &all_logged(&first.request()),
    );
    let logged = told(&on, &answered);
    let turned_off = after(off, &planned(&on, &answered));
    let gone = planned(
        &turned_off,
        &Seen {
            versions: logged,
            ..answered
        },
    );
    assert_eq!(gone.changes, ["delete Job cards-track"]);
    assert_eq!(gone.told, ["v1: -"]);
    assert_eq!(gone.status, json!({ "conditions": [] }));
}

#[test]
fn versions_are_logged_and_the_alias_goes_with_the_champion() {
    let on = tracked(Some(1));
    let first = planned(&on, &seen(vec![version(1)]));
    assert_eq!(first.changes, ["create Job cards-track"]);
    assert_eq!(
        (first.told.as_slice(), first.summary().as_str()),
        (&["v1: Unknown Logging".to_owned()][..], "Unknown Logging")
    );
    let request = first.request();
    assert_eq!(request.mlflow.registered_model, "default.cards");
    assert_eq!(request.versions[0].folder, format!("default/cards/{}", sha(1)));
    assert_eq!(
        request.aliases.champion.as_ref().map(|version| version.name.as_str()),
        Some("v1")
    );
    let container = json!(first.jobs[0])["spec"]["template"]["spec"]["containers"][0].clone();
    let secret = json!({ "prefix": "TRACKING_", "secretRef": { "name": "mlflow-login", "optional": false } });
    assert_eq!(container["envFrom"], json!([secret]));

    let answered = ends(vec![version(1)], &first.jobs[0], "Complete", 0, &all_logged(&request));
    let done = planned(&on, &answered);
    assert_eq!(done.changes, ["delete Job cards-track"]);
    assert_eq!(
        (done.told.as_slice(), done.notices.as_slice()),
        (&["v1: True Logged".to_owned()][..], &["Tracked".to_owned()][..])
    );
    assert_eq!(done.status["mlflow"][0]["champion"], "v1");
    assert_eq!(done.summary(), "True Logged");

    // The process ends after it wrote the versions' statuses, and before the classifier's.
    let halfway = Seen {
        versions: told(&on, &answered),
        ..answered
    };
    let again = planned(&on, &halfway);
    assert_eq!(
        (again.changes.as_slice(), again.told.len()),
        (&["delete Job cards-track".to_owned()][..], 0)
    );
    assert_eq!(again.status["mlflow"][0]["champion"], "v1");

    let at_rest = after(on, &again);
    let rest = planned(&at_rest, &seen(halfway.versions.clone()));
    assert!(rest.changes.is_empty() && rest.told.is_empty() && rest.notices.is_empty());

    // A promotion moves the alias, and nothing is logged twice.
    let mut moved = at_rest;
    let mut second = version(2);
    second.status = halfway.versions[0].status.clone();
    moved.status.as_mut().expect("a status").champion =
        serde_json::from_value(json!({ "name": "v2", "sha256": sha(2) })).expect("a champion");
    let alias = planned(&moved, &seen(vec![halfway.versions[0].clone(), second]));
    assert_eq!(alias.changes, ["create Job cards-track"]);
    assert!(alias.names().is_empty());
    assert_eq!(
        alias.request().aliases.champion.map(|version| version.name),
        Some("v2".into())
    );
    // Where the champion is of a kind that is not logged, nobody has the alias.
    let mut unfit = version(2);
    unfit.spec.report = None;
    let none = planned(&moved, &seen(vec![halfway.versions[0].clone(), unfit]));
    assert_eq!(none.told, ["v2: False NoReport"]);
    assert_eq!(none.request().aliases.champion, None);
}

#[test]
fn a_server_that_is_down_is_asked_ever_more_rarely() {
    let minutes = |failures| turn::pause(failures).as_mins();
    assert_eq!([1, 2, 3, 7, 8, 9, 99].map(minutes), [1, 2, 4, 64, 128, 240, 240]);

    let on = tracked(None);
    let job = planned(&on, &seen(vec![version(1)])).jobs.remove(0);
    // It failed at 100 s.
    let failed = ends(vec![version(1)], &job, "Failed", 1, DOWN);
    let first = planned_at(&on, &failed, at(110));
    assert!(first.changes.is_empty());
    assert_eq!(
        (first.told.as_slice(), first.notices.as_slice()),
        (
            &["v1: False TrackingUnreachable".to_owned()][..],
            &["TrackingUnreachable".to_owned()][..]
        )
    );
    assert_eq!(
        (first.status["mlflow"][0]["failures"].as_u64(), first.again),
        (Some(1), Some(50))
    );
    assert_eq!(first.summary(), "False TrackingUnreachable");

    // The same end is counted and told once.
    let noted = after(on, &first);
    let waiting = Seen {
        versions: told(&noted, &failed),
        ..failed
    };
    let again = planned_at(&noted, &waiting, at(120));
    assert_eq!(again.status["mlflow"][0]["failures"], 1);
    assert!(again.notices.is_empty() && again.told.is_empty());
    let due = planned_at(&noted, &waiting, at(160));
    assert_eq!(due.changes, ["delete Job cards-track"]);

    // Somebody deleted the Job, or it is time: the next one starts, and the old words stand meanwhile.
    let retried = planned(&noted, &seen(waiting.versions.clone()));
    assert_eq!(
        (retried.changes.as_slice(), retried.told.len()),
        (&["create Job cards-track".to_owned()][..], 0)
    );
    assert_eq!(retried.summary(), "False TrackingUnreachable");
    let mut second = retried.jobs[0].clone();
    second.metadata.uid = Some("second".into());
    let mut ended = ends(waiting.versions.clone(), &second, "Failed", 1, DOWN);
    ended.jobs[0].metadata.uid = Some("second".into());
    assert_eq!(planned(&noted, &ended).status["mlflow"][0]["failures"], 2);

    let answered = ends(
        waiting.versions,
        &retried.jobs[0],
        "Complete",
        0,
        &all_logged(&retried.request()),
    );
    let well = planned(&noted, &answered);
    assert_eq!(
        (well.summary().as_str(), well.status["mlflow"][0]["failures"].as_u64()),
        ("True Logged", None)
    );
    assert!(well.notices.contains(&"Tracked".to_owned()));
}

#[test]
fn other_settings_are_tried_at_once() {
    let on = tracked(None);
    let job = planned(&on, &seen(vec![version(1)])).jobs.remove(0);
    let failed = ends(vec![version(1)], &job, "Failed", 65, DOWN);
    let noted = after(on, &planned(&tracked(None), &failed));
    for path in ["/tracking/mlflow/uri", "/tracking/mlflow/secretRef/name"] {
        let mut spec = tracking();
        *spec.pointer_mut(path).expect("a field") = json!("https://other");
        let mut corrected = noted.clone();
        corrected.spec = serde_json::from_value(spec).expect("a spec");
        assert_eq!(
            planned(&corrected, &failed).changes,
            ["delete Job cards-track"],
            "{path}"
        );
        let next = planned(&corrected, &seen(vec![version(1)]));
        assert_eq!(next.changes, ["create Job cards-track"], "{path}");
    }
    // A Job whose words went with its pod is done again.
    let lost = Seen {
        pods: Vec::new(),
        ..ends(vec![version(1)], &job, "Complete", 0, "")
    };
    let first = planned(&tracked(None), &lost);
    assert_eq!(
        (first.changes.as_slice(), first.summary().as_str()),
        (&["delete Job cards-track".to_owned()][..], "Unknown Logging")
    );
    // Twice is a failure, so that it does not go on for ever.
    let mut twice = Seen {
        versions: vec![version(1)],
        ..lost
    };
    twice.jobs[0].metadata.uid = Some("second".into());
    let second = planned(&after(tracked(None), &first), &twice);
    assert!(second.changes.is_empty());
    assert_eq!(
        (
            second.summary().as_str(),
            second.status["mlflow"][0]["failures"].as_u64()
        ),
        ("False ResultLost", Some(2))
    );
}
