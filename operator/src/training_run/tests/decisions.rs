//! What is decided about a run.

use complaint_api::ModelVersion;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::{classifier, condition, ended_pod, job, outcome, planned, ready_to_train, run};
use crate::training_run::{
    gather::{Seen, Source},
    plan::Decision,
    spec_hash, status,
};

fn waits_for(decision: &Decision) -> &'static str {
    match decision {
        Decision::Wait { reason, .. } => reason,
        other => panic!("expected a wait, got {other:?}"),
    }
}

#[test]
fn a_run_waits_for_its_classifier_and_its_data_by_name() {
    let run = run(json!({}));
    assert_eq!(waits_for(&planned(&run, &Seen::default())), "ClassifierNotFound");
    let mut seen = ready_to_train();
    assert_eq!(planned(&run, &seen), Decision::Train);
    let missing = [
        (None, "ConfigMap data does not exist in namespace default"),
        (
            Some(vec!["other.csv".to_owned()]),
            "no key complaints.csv.gz; its keys are: other.csv",
        ),
    ];
    for (keys, told) in missing {
        seen.source = Source::ConfigMap(keys);
        let decision = planned(&run, &seen);
        assert_eq!(waits_for(&decision), "DatasetNotFound");
        assert!(
            matches!(&decision, Decision::Wait { message, .. } if message.contains(told)),
            "{decision:?}"
        );
    }
    seen.source = Source::ConfigMap(Some(vec!["complaints.csv.gz".to_owned()]));
    assert_eq!(planned(&run, &seen), Decision::Train);
    let mut paused = classifier();
    paused.spec.paused = true;
    assert_eq!(
        waits_for(&planned(
            &run,
            &Seen {
                classifier: Some(paused),
                ..Seen::default()
            }
        )),
        "ClassifierPaused"
    );
}

#[test]
fn a_reapplied_run_is_done_at_once_and_a_taken_name_is_refused() {
    let run = run(json!({}));
    let recorded = |hash: String| -> ModelVersion {
        serde_json::from_value(json!({
            "metadata": { "name": "cards-1" },
            "spec": { "classifierRef": { "name": "cards" }, "artifact": { "uri": "pvc://a/b", "sha256": "00" },
                      "lineage": { "specHash": hash } },
            "status": { "evaluation": { "metrics": { "macroF1": 0.7 }, "rows": 128 } },
        }))
        .expect("a ModelVersion")
    };
    let seen = |hash| Seen {
        recorded: Some(recorded(hash)),
        ..ready_to_train()
    };
    assert_eq!(planned(&run, &seen(spec_hash(&run))), Decision::AlreadyTrained);
    assert_eq!(waits_for(&planned(&run, &seen("other".into()))), "NameTaken");
    let mut forged = seen(spec_hash(&run));
    forged.recorded.as_mut().expect("a version").status = None;
    let claimed = planned(&run, &forged);
    assert!(
        matches!(claimed, Decision::WaitForRestore { .. }),
        "a claim is no evidence"
    );
    let mut going = seen(spec_hash(&run));
    let deleted = serde_json::from_value(json!("2026-11-29T12:00:00Z")).expect("a time");
    going.recorded.as_mut().expect("a version").metadata.deletion_timestamp = deleted;
    assert_eq!(waits_for(&planned(&run, &going)), "VersionBeingDeleted");

    let now = Timestamp::from_second(100).expect("a valid time");
    let trained = seen(spec_hash(&run));
    let (status, _) = status::next(&run, &trained, &Decision::AlreadyTrained, now);
    assert_eq!(status.metrics.and_then(|metrics| metrics.macro_f1), Some(0.7));
}

#[test]
fn the_spec_hash_ignores_what_does_not_shape_the_model() {
    let plain = spec_hash(&run(json!({})));
    assert_eq!(
        plain,
        spec_hash(&run(json!({ "suspend": true, "ttlSecondsAfterFinished": 5 })))
    );
    assert_eq!(
        plain,
        spec_hash(&run(
            json!({ "preset": "Standard", "features": {}, "dataset": run(json!({})).spec.dataset })
        )),
        "a default spelled out"
    );
    assert_ne!(plain, spec_hash(&run(json!({ "preset": "Thorough" }))));
    assert_ne!(
        plain,
        spec_hash(&run(json!({ "features": { "minDocumentFrequency": 2 } })))
    );
}

#[test]
fn suspension_stops_the_job_and_its_end_resumes_it() {
    let held = run(json!({ "suspend": true }));
    assert_eq!(planned(&held, &ready_to_train()), Decision::Suspend { stop_job: false });
    let with = |suspend| Seen {
        job: Some(job(json!({}), suspend)),
        ..ready_to_train()
    };
    assert_eq!(planned(&held, &with(false)), Decision::Suspend { stop_job: true });
    assert_eq!(planned(&held, &with(true)), Decision::Suspend { stop_job: false });
    assert_eq!(
        planned(&run(json!({})), &with(true)),
        Decision::Watch {
            resume: true,
            blocked: None
        }
    );
}

#[test]
fn failures_say_what_the_trainer_said() {
    let bad_data = json!({ "exitCode": 65, "reason": "Error",
        "message": "{\"error\":{\"reason\":\"ColumnNotFound\",\"message\":\"the data set has no column `x`\"}}" });
    let cases = [
        (
            vec![ended_pod("Failed", bad_data.clone())],
            "PodFailurePolicy",
            "ColumnNotFound",
            "no column `x`",
        ),
        (
            vec![ended_pod("Failed", json!({ "exitCode": 137, "reason": "OOMKilled" }))],
            "BackoffLimitExceeded",
            "OOMKilled",
            "limits.memory",
        ),
        (
            vec![ended_pod("Failed", json!({ "exitCode": 101, "reason": "Error" }))],
            "BackoffLimitExceeded",
            "BackoffLimitExceeded",
            "kubectl logs job/cards-1-train",
        ),
        (
            vec![ended_pod("Failed", bad_data)],
            "DeadlineExceeded",
            "DeadlineExceeded",
            "activeDeadlineSeconds",
        ),
        (
            vec![],
            "BackoffLimitExceeded",
            "BackoffLimitExceeded",
            "the Job says so",
        ),
    ];
    for (pods, job_reason, expected, words) in cases {
        let seen = Seen {
            job: Some(job(condition("Failed", job_reason), false)),
            pods,
            ..ready_to_train()
        };
        let Decision::Fail { reason, message } = planned(&run(json!({})), &seen) else {
            panic!("{expected}")
        };
        assert_eq!(reason, expected);
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_complete_job_gives_its_result_or_says_why_not() {
    let seen = |pods| Seen {
        job: Some(job(condition("Complete", "CompletionsReached"), false)),
        pods,
        ..ready_to_train()
    };
    let said = |message: &str| ended_pod("Succeeded", json!({ "exitCode": 0, "message": message }));
    let decided = |pods| planned(&run(json!({})), &seen(pods));
    assert!(matches!(
        decided(vec![said(&outcome().to_string())]),
        Decision::Record(_)
    ));
    assert!(matches!(decided(vec![said("{}")]), Decision::Fail { reason, .. } if reason == "ResultUnreadable"));
    assert_eq!(decided(vec![]), Decision::Reread { blocked: None });
}

#[test]
fn a_result_is_recorded_again_only_for_the_same_bytes_and_until_it_is_evaluated() {
    let run = run(json!({}));
    let message = json!({ "exitCode": 0, "message": outcome().to_string() });
    let seen = |sha256: &str, pods: Vec<Pod>| Seen {
        job: Some(job(condition("Complete", ""), false)),
        recorded: Some(
            serde_json::from_value(json!({
                "metadata": { "name": "cards-1" },
                "spec": { "classifierRef": { "name": "cards" }, "artifact": { "uri": "pvc://a/b", "sha256": sha256 },
                          "lineage": { "specHash": spec_hash(&run) } },
            }))
            .expect("a ModelVersion"),
        ),
        pods,
        ..ready_to_train()
    };
    let succeeded = || vec![ended_pod("Succeeded", message.clone())];
    assert!(matches!(
        planned(&run, &seen(&"aa".repeat(32), succeeded())),
        Decision::Record(_)
    ));
    let other = planned(&run, &seen(&"bb".repeat(32), succeeded()));
    assert!(
        matches!(&other, Decision::Fail { reason, .. } if reason == "NameTaken"),
        "{other:?}"
    );
    // What was measured is lost with the pod: the version alone does not complete the run.
    let lost = planned(&run, &seen(&"aa".repeat(32), vec![]));
    assert!(matches!(&lost, Decision::Reread { .. }), "{lost:?}");
}
