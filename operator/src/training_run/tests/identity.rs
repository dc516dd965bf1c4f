//! Whose objects count, and which text reaches a pod as it is.

use complaint_api::ComplaintClassifier;
use complaint_contract::TrainingResult;
use serde_json::json;

use super::{arg_of, args_of, classifier, condition, ended_pod, job, job_of, outcome, planned, ready_to_train, run};
use crate::{
    change::Change,
    settings::Settings,
    training_run::{build, gather::Seen, plan::Decision},
};

#[test]
fn the_record_names_the_store_that_the_job_wrote_to_whatever_became_of_the_classifier() {
    let outcome: TrainingResult = serde_json::from_value(outcome()).expect("an outcome");
    let elsewhere: ComplaintClassifier = serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "another" },
        "spec": { "artifacts": { "uri": "s3://models/prod" } },
    }))
    .expect("a ComplaintClassifier");
    let run = run(json!({}));
    let settings = Settings::default();
    let cases = [
        (classifier(), None, "pvc://cards-artifacts/default/cards/"),
        (
            classifier(),
            Some(elsewhere.clone()),
            "pvc://cards-artifacts/default/cards/",
        ),
        (elsewhere, None, "s3://models/prod/default/cards/"),
    ];
    for (before, now, expected) in cases {
        let seen = Seen {
            job: Some(job_of(&run, &before, None, &settings)),
            classifier: now,
            ..Seen::default()
        };
        let decision = Decision::Record(Box::new(outcome.clone()));
        let owner = crate::object::owner_reference(&run).expect("a uid");
        let changes = build::build(&run, &seen, &decision, &owner, &settings);
        let Change::Create(manifest) = &changes[0] else {
            panic!("{changes:?}");
        };
        let uri = manifest.body["spec"]["artifact"]["uri"].as_str().expect("an address");
        assert!(uri.starts_with(expected), "{uri}");
    }
}

#[test]
fn pods_that_contradict_each_other_give_no_result() {
    let said = |f1: f64| {
        let mut outcome = outcome();
        outcome["metrics"]["macroF1"] = json!(f1);
        ended_pod("Succeeded", json!({ "exitCode": 0, "message": outcome.to_string() }))
    };
    let decided = |pods| {
        let job = Some(job(condition("Complete", "CompletionsReached"), false));
        planned(
            &run(json!({})),
            &Seen {
                job,
                pods,
                ..ready_to_train()
            },
        )
    };
    let failed = |decision: &Decision, expected: &str| {
        assert!(
            matches!(decision, Decision::Fail { reason, .. } if reason == expected),
            "{decision:?}"
        );
    };
    assert!(matches!(decided(vec![said(0.8), said(0.8)]), Decision::Record(_)));
    failed(&decided(vec![said(0.8), said(0.9)]), "ResultAmbiguous");
    failed(&decided(vec![said(1.2)]), "ResultUnreadable");
    failed(&decided(vec![said(-0.1)]), "ResultUnreadable");
}

#[test]
fn no_text_of_a_user_is_expanded_to_a_variable() {
    let source = json!({ "uri": "https://example.org/$(K)/$HOME/$$(K).csv" });
    let run = run(
        json!({ "dataset": { "source": source, "format": "Csv", "textField": "narrative", "labelFields": ["category"] } }),
    );
    let args = args_of(&job_of(&run, &classifier(), None, &Settings::default()));
    let address = "https://example.org/$$(K)/$$HOME/$$$$(K).csv";
    assert!(args.iter().any(|arg| arg == address), "{args:?}");
    assert!(
        args.iter().all(|arg| !arg.replace("$$", "").contains('$')),
        "a single dollar sign: {args:?}"
    );
}

#[test]
fn the_holdout_is_the_classifiers_and_reaches_the_trainer_as_it_is_written_there() {
    let digest = "ab".repeat(32);
    let holdout = |source: serde_json::Value| json!({ "source": source, "sha256": digest, "format": "JsonLines", "textField": "text", "labelFields": ["label"] });
    let on_claim = json!({ "persistentVolumeClaim": { "claimName": "reviewed", "path": "2026/rows.jsonl" } });
    let cases = [
        (on_claim, "/var/lib/complaint-holdout/2026/rows.jsonl", 1),
        (
            json!({ "uri": "https://example.org/rows.jsonl" }),
            "https://example.org/rows.jsonl",
            0,
        ),
        (
            json!({ "uri": "s3://reviewed/rows.jsonl", "secretRef": { "name": "of-holdout" } }),
            "s3://reviewed/rows.jsonl",
            0,
        ),
    ];
    for (source, path, mounts) in cases {
        let has_secret = source.get("secretRef").is_some();
        let classifier: ComplaintClassifier = serde_json::from_value(json!({
            "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid" },
            "spec": { "evaluation": { "holdout": holdout(source) } },
        }))
        .expect("a ComplaintClassifier");
        let run = run(json!({ "dataset": {
            "source": { "uri": "s3://complaints/cards.csv.gz", "secretRef": { "name": "of-data" } }, "format": "Csv",
            "textField": "narrative", "labelFields": ["category"], "labelMap": { "Fraud": "Fees" } } }));
        let file = build::config(&run, &classifier, None);
        let settings = file
            .evaluation
            .holdout
            .as_ref()
            .expect("a holdout")
            .settings(&file.dataset);
        assert_eq!(
            (settings.text_field.as_str(), settings.label_fields),
            ("text", vec!["label".to_owned()])
        );
        assert_eq!((settings.label_map.len(), file.dataset.label_map.len()), (0, 1));
        assert_eq!(settings.sha256.map(|digest| digest.to_string()), Some(digest.clone()));

        let job = job_of(&run, &classifier, None, &Settings::default());
        assert_eq!(arg_of(&job, "--holdout"), path);
        let pod = json!(job)["spec"]["template"]["spec"].clone();
        let mounted = pod["containers"][0]["volumeMounts"].as_array().expect("mounts");
        let held_out = mounted.iter().filter(|mount| mount["name"] == "holdout");
        assert!(held_out.clone().all(|mount| mount["readOnly"] == true));
        assert_eq!(held_out.count(), mounts);
        let secret = |name: &str| json!({ "secretRef": { "name": name, "optional": false } });
        let mut expected = vec![secret("of-data")];
        if has_secret {
            let mut of_holdout = secret("of-holdout");
            of_holdout["prefix"] = json!("HOLDOUT_");
            expected.push(of_holdout);
        }
        assert_eq!(pod["containers"][0]["envFrom"], json!(expected));
    }
}
