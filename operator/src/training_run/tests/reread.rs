//! Results that come from the store, and trainings that are spared.

use super::*;
use crate::{object::owner_reference, store_job::tests::ended, training_run::spec_hash};

/// The version that the run's training made, as another cluster's Git has it.
fn from_git(run: &TrainingRun, status: Value) -> ModelVersion {
    serde_json::from_value(json!({
        "metadata": { "name": "cards-1", "namespace": "default", "uid": "mv-uid", "creationTimestamp": "2026-11-29T00:00:00Z" },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": "pvc://cards-artifacts/default/cards/aa/model.safetensors", "sha256": "aa".repeat(32) },
                  "lineage": { "trainingRun": "cards-1", "specHash": spec_hash(run), "split": "v1/seed=42/testFraction=0.2",
                               "trainerVersion": env!("CARGO_PKG_VERSION"), "dataset": { "sha256": "cc".repeat(32) } } },
        "status": status,
    }))
    .expect("a ModelVersion")
}

fn with_status(status: Value) -> ComplaintClassifier {
    ComplaintClassifier {
        status: serde_json::from_value(status).expect("a status"),
        ..classifier()
    }
}

fn promoted() -> ComplaintClassifier {
    with_status(json!({ "champion": { "name": "v0", "sha256": "00".repeat(32) } }))
}

/// A complete Job whose pod is gone.
fn lost() -> Seen {
    Seen {
        job: Some(job(condition("Complete", "CompletionsReached"), false)),
        classifier: Some(promoted()),
        ..Seen::default()
    }
}

fn changes(run: &TrainingRun, seen: &Seen, decision: &Decision) -> Vec<crate::change::Change> {
    build::build(
        run,
        seen,
        decision,
        &owner_reference(run).expect("a uid"),
        &Settings::default(),
    )
}

/// The same after the Job that reads the result has ended.
fn answered(run: &TrainingRun, seen: Seen, condition: &str, exit_code: i32, message: &str) -> Seen {
    let made = changes(run, &seen, &planned(run, &seen));
    let made = made.into_iter().find_map(|change| match change {
        crate::change::Change::CreateOwned(manifest, _) => serde_json::from_value(manifest.body).ok(),
        _ => None,
    });
    let (job, pod) = ended(made.expect("a Job"), condition, exit_code, message);
    Seen {
        reread: Some((job, vec![pod])),
        ..seen
    }
}

const NOT_FOUND: &str = r#"{"error":{"reason":"ResultNotFound","message":"no training of this name"}}"#;

#[test]
fn a_result_that_is_lost_with_its_pod_is_read_from_the_store() {
    let run = run(json!({}));
    let seen = lost();
    let decision = planned(&run, &seen);
    assert_eq!(decision, Decision::Reread { blocked: None });
    let made = changes(&run, &seen, &decision);
    assert_eq!(steps(&made), ["create Job cards-1-result"]);
    let args = json!(made.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert!(args.to_string().contains("cards-1-result"));

    let told = answered(&run, lost(), "Complete", 0, &outcome().to_string());
    let decision = planned(&run, &told);
    assert!(matches!(decision, Decision::Record(_)), "{decision:?}");
    assert_eq!(
        steps(&changes(&run, &told, &decision)),
        [
            "create ModelVersion cards-1",
            "write the status of ModelVersion cards-1",
            "delete Job cards-1-result"
        ]
    );

    let nothing = answered(&run, lost(), "Failed", 65, NOT_FOUND);
    let Decision::Fail { reason, message } = planned(&run, &nothing) else {
        panic!("it can't be had");
    };
    assert_eq!(reason, "ResultLost");
    assert!(message.contains("ResultNotFound"), "{message}");
    // The store is another one by now.
    let mut moved = lost();
    let uri = json!({ "artifacts": { "uri": "s3://models/prod" } });
    moved.classifier.as_mut().expect("a classifier").spec = serde_json::from_value(uri).expect("a spec");
    assert!(matches!(planned(&run, &moved), Decision::Fail { reason, .. } if reason == "ResultLost"));
}

#[test]
fn only_what_this_very_run_wrote_counts_where_a_job_of_it_trained() {
    let run = run(json!({}));
    let made = |seen: &Seen| {
        let changes = changes(&run, seen, &planned(&run, seen));
        match &changes[..] {
            [crate::change::Change::CreateOwned(manifest, _)] => manifest.body.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let with_job = made(&lost());
    assert!(
        with_job.contains("--run-uid") && with_job.contains("run-uid"),
        "{with_job}"
    );
    let again = Seen {
        recorded: Some(from_git(&run, json!({}))),
        classifier: Some(promoted()),
        ..Seen::default()
    };
    assert!(!made(&again).contains("--run-uid"), "another run of this name trained");
}

#[test]
fn a_version_from_git_gets_what_the_store_has_of_its_training() {
    let run = run(json!({}));
    let seen = |classifier| Seen {
        recorded: Some(from_git(&run, json!({}))),
        classifier: Some(classifier),
        ..Seen::default()
    };
    // First comes the champion of before.
    let asked = json!({ "restoredTime": "2026-11-29T00:00:00Z" });
    let mut named = asked.clone();
    named["restoredChampion"] = json!({ "name": "v0", "sha256": "00".repeat(32) });
    for waiting in [with_status(json!({})), with_status(named)] {
        let decision = planned(&run, &seen(waiting));
        assert!(matches!(&decision, Decision::WaitForRestore { .. }), "{decision:?}");
    }
    let mut paused = promoted();
    paused.spec.paused = true;
    let decision = planned(&run, &seen(paused));
    assert!(
        matches!(
            &decision,
            Decision::Wait {
                reason: "ClassifierPaused",
                ..
            }
        ),
        "{decision:?}"
    );
    for free in [with_status(asked), promoted()] {
        assert_eq!(planned(&run, &seen(free)), Decision::Reread { blocked: None });
    }
    let told = answered(&run, seen(promoted()), "Complete", 0, &outcome().to_string());
    assert_eq!(
        steps(&changes(&run, &told, &planned(&run, &told))),
        ["write the status of ModelVersion cards-1", "delete Job cards-1-result"]
    );
    let mut other = outcome();
    other["artifact"]["sha256"] = json!("ee".repeat(32));
    for (condition, code, message) in [("Complete", 0, other.to_string()), ("Failed", 65, NOT_FOUND.into())] {
        let told = answered(&run, seen(promoted()), condition, code, &message);
        let decision = planned(&run, &told);
        assert!(
            matches!(
                &decision,
                Decision::Wait {
                    reason: "NotEvaluated",
                    ..
                }
            ),
            "{decision:?}"
        );
    }
}

#[test]
fn a_training_on_the_same_bytes_is_spared() {
    let run = run(json!({}));
    let evaluated = || json!({ "evaluation": { "metrics": { "macroF1": 0.8 }, "rows": 128 } });
    let is_earlier = |edit: &dyn Fn(&mut ModelVersion)| {
        let mut version = from_git(&run, evaluated());
        edit(&mut version);
        super::super::made_again(&run, &classifier())(&version)
    };
    fn lineage(version: &mut ModelVersion) -> &mut complaint_api::Lineage {
        version.spec.lineage.as_mut().expect("a lineage")
    }
    assert!(is_earlier(&|_| {}));
    assert!(!is_earlier(&|version| version.status = None), "not evaluated here");
    assert!(!is_earlier(&|version| lineage(version).spec_hash = "00".into()));
    assert!(!is_earlier(&|version| lineage(version).trainer_version = "0.0.9".into()));
    assert!(!is_earlier(
        &|version| lineage(version).split = "v1/seed=7/testFraction=0.2".into()
    ));
    assert!(!is_earlier(
        &|version| lineage(version).split = format!("holdout/sha256:{}", "ab".repeat(32))
    ));
    assert!(!is_earlier(
        &|version| version.spec.artifact.uri = "s3://elsewhere/model.safetensors".into()
    ));

    let before = Seen {
        earlier: vec![from_git(&run, evaluated())],
        ..ready_to_train()
    };
    let made = changes(&run, &before, &planned(&run, &before));
    let told = made.iter().find_map(|change| match change {
        crate::change::Change::CreateOwned(manifest, _)
            if manifest.name() == "cards-1-train" && manifest.resource.kind == "Job" =>
        {
            Some(manifest.body.to_string())
        }
        _ => None,
    });
    let told = told.expect("a Job");
    assert!(
        told.contains("--known-dataset") && told.contains(&"cc".repeat(32)),
        "{told}"
    );

    assert!(!told.contains("--known-feedback"), "{told}");

    let message = json!({ "unchanged": { "datasetSha256": "cc".repeat(32) } }).to_string();
    let ended = |earlier| Seen {
        earlier,
        pods: vec![ended_pod("Succeeded", json!({ "exitCode": 0, "message": message }))],
        ..lost()
    };
    let version = "cards-1".to_owned();
    assert_eq!(
        planned(&run, &ended(vec![from_git(&run, evaluated())])),
        Decision::Unchanged { version }
    );
    let gone = planned(&run, &ended(vec![]));
    assert!(
        matches!(&gone, Decision::Fail { reason, .. } if reason == "VersionGone"),
        "{gone:?}"
    );
}
