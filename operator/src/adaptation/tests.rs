//! Plans over objects as the API server would send them.

use complaint_api::{ComplaintClassifier, ModelVersion};
use complaint_contract::{
    AdaptRequest, AdaptResult, Adaptation, AdaptedAccuracy, PartialMetrics, Sha256Digest, StoredArtifact,
    VersionEvaluation, adapted_name,
};
use jiff::Timestamp;
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use serde_json::{Value, json};

use super::{build, gather::Seen, plan, status};
use crate::{
    change::{Change, steps},
    context::Notice,
    object::owner_reference,
    settings::Settings,
    store_job::{self, tests::ended},
};

const DRIFT: &str = "2026-11-29T00:00:00Z";

fn champion_digest() -> Sha256Digest {
    Sha256Digest::of_bytes(b"champion")
}

/// A classifier whose last judged window has these reasons.
fn classifier(spec: Value, reasons: &[&str], more: Value) -> ComplaintClassifier {
    let mut status = json!({
        "champion": { "name": "cards-1", "sha256": champion_digest().to_string() },
        "conditions": [condition("Drifted", if reasons.is_empty() { "False" } else { "True" }, "NotDrifted")],
        "monitoring": {
            "sha256": champion_digest().to_string(), "window": "24h", "driftTime": DRIFT,
            "windows": [
                { "endTime": "2026-11-30T00:00:00Z", "answers": 10, "judged": false },
                { "endTime": DRIFT, "answers": 900, "judged": true, "reasons": reasons },
            ],
        },
    });
    for (field, value) in more.as_object().expect("an object") {
        match (&mut status[field], value) {
            (Value::Array(list), Value::Array(more)) => list.extend(more.iter().cloned()),
            (place, value) => *place = value.clone(),
        }
    }
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "generation": 1 },
        "spec": spec, "status": status,
    }))
    .expect("a ComplaintClassifier")
}

fn condition(type_: &str, status: &str, reason: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": reason, "message": "as told", "lastTransitionTime": DRIFT })
}

fn adapts() -> Value {
    json!({ "monitoring": { "onDrift": "Adapt" } })
}

/// One that has drifted to another mix.
fn drifted() -> ComplaintClassifier {
    classifier(adapts(), &["CategoriesShifted", "ProbabilitiesShifted"], json!({}))
}

fn version(name: &str, sha256: &Sha256Digest, status: Value) -> ModelVersion {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "default", "uid": format!("{name}-uid"), "creationTimestamp": DRIFT },
        "spec": {
            "classifierRef": { "name": "cards" },
            "artifact": { "uri": format!("pvc://cards-artifacts/default/cards/{sha256}/model.safetensors"), "sha256": sha256 },
            "report": { "uri": "pvc://cards-artifacts/report.json", "sha256": sha256 },
            "lineage": { "trainingRun": "cards-1", "parent": "cards-0", "specHash": "abcd", "rows": 900 },
        },
        "status": status,
    }))
    .expect("a ModelVersion")
}

fn seen() -> Seen {
    Seen {
        versions: vec![version("cards-1", &champion_digest(), Value::Null)],
        mix: Some(vec![0.123_456_789, 0.876_543_211]),
        ..Seen::default()
    }
}

fn result() -> AdaptResult {
    let accuracy = |rows, given, adapted| AdaptedAccuracy {
        rows,
        trained: given,
        given,
        adapted,
    };
    let sha256 = Sha256Digest::of_bytes(b"adapted");
    AdaptResult {
        artifact: StoredArtifact {
            path: format!("default/cards/{sha256}/model.safetensors"),
            sha256,
            size_bytes: 1000,
            format: "safetensors/2".into(),
        },
        adaptation: Adaptation {
            parent_sha256: champion_digest(),
            given_sha256: champion_digest(),
            held_out: accuracy(400.0, 0.81, 0.805),
            reweighted: accuracy(210.4, 0.80, 0.83),
        },
        evaluation: VersionEvaluation {
            metrics: PartialMetrics {
                accuracy: Some(0.805),
                ..PartialMetrics::default()
            },
            rows: 400,
            ..VersionEvaluation::default()
        },
        mix: Vec::new(),
    }
}

fn owner(classifier: &ComplaintClassifier) -> OwnerReference {
    owner_reference(classifier).expect("a uid")
}

fn all_changes(classifier: &ComplaintClassifier, seen: &Seen) -> Vec<Change> {
    let owner = owner(classifier);
    let plan = plan::plan(classifier, seen, &owner, &Settings::default());
    let mut changes = build::before(classifier, seen, &plan, &owner);
    changes.extend(build::after(&plan));
    changes
}

/// What is changed, the condition's status and reason, the last adaptation, and the reasons of the Events.
fn planned(classifier: &ComplaintClassifier, seen: &Seen) -> (Vec<String>, Value, Value, Vec<String>) {
    let plan = plan::plan(classifier, seen, &owner(classifier), &Settings::default());
    let (next, notices) = status::next(classifier, &plan, Timestamp::UNIX_EPOCH);
    let next = json!(next);
    let told = &next["conditions"][0];
    let told = match told {
        Value::Null => Value::Null,
        told => json!([told["status"], told["reason"]]),
    };
    let reasons = notices.into_iter().map(|Notice { reason, .. }| reason).collect();
    let changes = steps(&all_changes(classifier, seen));
    (changes, told, next["lastAdaptationTime"].clone(), reasons)
}

fn made(classifier: &ComplaintClassifier, seen: &Seen) -> Job {
    let plan = plan::plan(classifier, seen, &owner(classifier), &Settings::default());
    *plan.start.expect("a Job")
}

/// What is seen after the Job has ended.
fn after(condition: &str, exit_code: i32, message: &str) -> Seen {
    let (job, pod) = ended(made(&drifted(), &seen()), condition, exit_code, message);
    Seen {
        jobs: vec![job],
        pods: vec![pod],
        // It is asked for once: what the next window shows makes no other one.
        mix: Some(vec![0.5, 0.5]),
        ..seen()
    }
}

#[test]
fn a_shift_of_the_mix_makes_one_version() {
    let name = adapted_name("cards", &result().artifact.sha256);
    let (changes, told, last, events) = planned(&drifted(), &seen());
    assert_eq!(changes, ["create Job cards-adapt"]);
    assert_eq!(
        (told, last, events),
        (json!(["Unknown", "Adapting"]), Value::Null, vec![])
    );
    let job = made(&drifted(), &seen());
    let request: AdaptRequest = store_job::request_of(&job).expect("a request");
    let expected = AdaptRequest {
        namespace: "default".into(),
        classifier: "cards".into(),
        version: "cards-1".into(),
        sha256: champion_digest(),
        mix: vec![0.123_457, 0.876_543],
        max_loss: 0.01,
    };
    assert_eq!(request, expected);
    let args = json!(job)["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(
        args.contains(&format!(
            "/var/lib/complaint-store/default/cards/{}/model.safetensors",
            champion_digest()
        )),
        "{args}"
    );

    let at_work = Seen {
        jobs: vec![job],
        ..seen()
    };
    assert_eq!(planned(&drifted(), &at_work).0, Vec::<String>::new());

    let complete = after("Complete", 0, &result().message());
    let (changes, told, last, events) = planned(&drifted(), &complete);
    let steps = [
        format!("create ModelVersion {name}"),
        format!("write the status of ModelVersion {name}"),
        "delete Job cards-adapt".into(),
    ];
    assert_eq!(changes, steps);
    assert_eq!(
        (told, last, events),
        (json!(["True", "Adapted"]), json!(DRIFT), vec!["Adapted".to_owned()])
    );
    let changes = all_changes(&drifted(), &complete);
    let (Change::Create(version), Change::Status { part, .. }) = (&changes[0], &changes[1]) else {
        panic!("{changes:?}")
    };
    let spec = &version.body["spec"];
    assert_eq!(
        (&spec["lineage"]["parent"], &spec["lineage"]["specHash"]),
        (&json!("cards-1"), &json!(""))
    );
    assert_eq!((&spec["lineage"]["rows"], &spec["report"]), (&json!(900), &Value::Null));
    assert_eq!(spec["metrics"]["accuracy"], 0.805);
    assert_eq!(part.value()["adaptation"]["reweighted"]["adapted"], 0.83);

    let ended = classifier(
        adapts(),
        &["CategoriesShifted"],
        json!({ "lastAdaptationTime": DRIFT, "conditions": [condition("Adapted", "True", "Adapted")] }),
    );
    let (changes, told, ..) = planned(&ended, &complete);
    assert_eq!(
        (changes, told),
        (vec!["delete Job cards-adapt".to_owned()], json!(["True", "Adapted"]))
    );
}

#[test]
fn what_was_recorded_before_is_not_recorded_again() {
    let sha256 = result().artifact.sha256;
    let name = adapted_name("cards", &sha256);
    let with = |digest: &Sha256Digest, status: Value| {
        let mut seen = after("Complete", 0, &result().message());
        seen.versions.push(version(&name, digest, status));
        planned(&drifted(), &seen)
    };
    let (changes, ..) = with(&sha256, Value::Null);
    assert_eq!(
        changes,
        [
            format!("write the status of ModelVersion {name}"),
            "delete Job cards-adapt".into()
        ]
    );
    let evaluated = json!({ "evaluation": { "metrics": {}, "rows": 400 } });
    let (changes, told, ..) = with(&sha256, evaluated);
    assert_eq!(
        (changes, told),
        (vec!["delete Job cards-adapt".to_owned()], json!(["True", "Adapted"]))
    );
    let (changes, told, last, events) = with(&champion_digest(), Value::Null);
    assert_eq!(
        (changes, told),
        (vec!["delete Job cards-adapt".to_owned()], json!(["False", "NameTaken"]))
    );
    assert_eq!((last, events), (json!(DRIFT), vec!["NameTaken".to_owned()]));
}

#[test]
fn a_job_that_fails_ends_the_episode_with_its_reason() {
    let worse = r#"{"error":{"reason":"AdaptationWorse","message":"the adapted model is worse"}}"#;
    let (changes, told, last, events) = planned(&drifted(), &after("Failed", 65, worse));
    assert_eq!(
        (changes, told),
        (
            vec!["delete Job cards-adapt".to_owned()],
            json!(["False", "AdaptationWorse"])
        )
    );
    assert_eq!((last, events), (json!(DRIFT), vec!["AdaptationWorse".to_owned()]));
    for forged in [
        AdaptResult {
            adaptation: Adaptation {
                given_sha256: Sha256Digest::of_bytes(b"another"),
                ..result().adaptation
            },
            ..result()
        },
        AdaptResult {
            adaptation: Adaptation {
                reweighted: AdaptedAccuracy {
                    adapted: 1.5,
                    ..result().adaptation.reweighted
                },
                ..result().adaptation
            },
            ..result()
        },
    ] {
        let (changes, told, ..) = planned(&drifted(), &after("Complete", 0, &forged.message()));
        assert_eq!(
            (changes, told),
            (
                vec!["delete Job cards-adapt".to_owned()],
                json!(["False", "ResultUnreadable"])
            )
        );
    }
}

#[test]
fn other_drifts_and_other_times_adapt_nothing() {
    let told = |classifier: &ComplaintClassifier, seen: &Seen| {
        let (changes, told, last, _) = planned(classifier, seen);
        assert_eq!((changes, last), (Vec::<String>::new(), Value::Null));
        told
    };
    let words = classifier(adapts(), &["UnknownWords"], json!({}));
    assert_eq!(told(&words, &seen()), json!(["Unknown", "MixUnchanged"]));
    let begun = Seen { mix: None, ..seen() };
    assert_eq!(told(&drifted(), &begun), json!(["Unknown", "AwaitsWindow"]));
    let lost = Seen {
        versions: Vec::new(),
        ..seen()
    };
    assert_eq!(told(&drifted(), &lost), json!(["False", "ChampionNotFound"]));
    assert_eq!(told(&classifier(adapts(), &[], json!({})), &seen()), Value::Null);
    let shifted = ["CategoriesShifted"];
    let retrains = json!({ "monitoring": { "onDrift": "Retrain" } });
    assert_eq!(told(&classifier(retrains, &shifted, json!({})), &seen()), Value::Null);
    let paused = json!({ "monitoring": { "onDrift": "Adapt" }, "paused": true });
    assert_eq!(told(&classifier(paused, &shifted, json!({})), &seen()), Value::Null);
    let challenger = json!({ "challenger": { "name": "cards-2", "sha256": "ab" } });
    assert_eq!(told(&classifier(adapts(), &shifted, challenger), &seen()), Value::Null);
}

#[test]
fn a_job_for_another_champion_goes_first() {
    let mut job = made(&drifted(), &seen());
    let container = &mut job
        .spec
        .as_mut()
        .expect("a spec")
        .template
        .spec
        .as_mut()
        .expect("a spec")
        .containers[0];
    let args = container.args.as_mut().expect("arguments");
    let place = args.iter().position(|arg| arg == "--request").expect("a request") + 1;
    args[place] = args[place].replace(
        &champion_digest().to_string(),
        &Sha256Digest::of_bytes(b"old").to_string(),
    );
    let others = Seen {
        jobs: vec![job],
        ..seen()
    };
    assert_eq!(planned(&drifted(), &others).0, ["delete Job cards-adapt"]);
}
