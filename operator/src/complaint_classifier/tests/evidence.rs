//! What counts as evidence, and what is only claimed.

use super::*;

/// A record that somebody wrote by hand, whatever numbers it claims.
fn by_hand(name: &str) -> ModelVersion {
    let mut version = version(name, None);
    version.spec.metrics.macro_f1 = Some(1.0);
    version.status = None;
    version
}

#[test]
fn a_version_that_nothing_evaluated_waits_and_a_pin_serves_it() {
    let gate = json!({ "promotion": { "gates": [{ "metric": "macroF1", "min": 0.5 }] } });
    let compared = seen(vec![by_hand("v1"), version("v2", None)], None, vec![]);
    // The store is asked first.
    let (reason, _) = ready(&classifier(gate.clone(), json!({})), &compared);
    assert_eq!(reason, "RestorePending");
    // A Job evaluates it, and later ones wait for their turn.
    let fresh = classifier(gate.clone(), json!({ "restoredTime": "2026-01-01T00:00:00Z" }));
    let planned = plan(&fresh, &compared);
    assert_eq!(target(&planned), None);
    let status = next(&fresh, &compared, &planned);
    let ready = condition::find(&status.conditions, READY).expect("it is stated");
    assert_eq!(ready.reason, "NotCompared");

    let unanswered = || {
        let failed = json!({ "conditions": [{ "type": "Evaluated", "status": "False", "reason": "DatasetChanged",
            "message": "other bytes", "lastTransitionTime": "2026-11-29T00:00:00Z" }] });
        ModelVersion {
            status: serde_json::from_value(failed).expect("a status"),
            ..by_hand("v1")
        }
    };
    let waiting = seen(vec![unanswered()], None, vec![]);
    let planned = plan(&fresh, &waiting);
    assert_eq!((target(&planned), planned.rejected.len()), (None, 0));
    let status = next(&fresh, &waiting, &planned);
    let ready = condition::find(&status.conditions, READY).expect("it is stated");
    assert_eq!(ready.reason, "NotEvaluated");
    assert!(ready.message.contains("v1"), "{}", ready.message);

    // Later ones do not wait for it, and a challenger of a restored status is no evidence.
    let both = seen(vec![unanswered(), version("v2", None)], None, vec![]);
    assert_eq!(target(&plan(&fresh, &both)), Some("v2"));
    let challenged = classifier(gate, json!({ "challenger": { "name": "v1", "sha256": sha("1") } }));
    assert_eq!(target(&plan(&challenged, &waiting)), None);

    let pinned = classifier(json!({ "promotion": { "modelVersion": "v1" } }), json!({}));
    let complete = seen(
        vec![by_hand("v1")],
        Some(deployment("v1", 1, json!({}))),
        vec![pod("v1", true, json!({}))],
    );
    let planned = plan(&pinned, &complete);
    assert_eq!(planned.promote, Some(PromotionReason::Pinned));
    let champion = next(&pinned, &complete, &planned).champion.expect("a champion");
    assert_eq!(champion.metrics.macro_f1, None, "a claim is no measurement");
}

/// A classifier that is younger than the versions `v1` to `v4`.
fn younger(spec: Value, status: Value) -> ComplaintClassifier {
    let mut classifier = classifier(spec, status);
    let created = serde_json::from_value(json!("2026-01-01T00:00:05Z")).expect("a time");
    classifier.metadata.creation_timestamp = Some(created);
    classifier
}

fn ready(classifier: &ComplaintClassifier, seen: &Seen) -> (String, String) {
    let status = next(classifier, seen, &plan(classifier, seen));
    let ready = condition::find(&status.conditions, READY).expect("it is stated");
    (ready.reason.clone(), ready.message.clone())
}

#[test]
fn versions_older_than_a_classifier_without_a_record_wait_for_a_pin() {
    let forged = "9999-12-01T00:00:00Z";
    let old = || {
        vec![
            promoted(version("v1", None), "2026-01-02T00:00:00Z"),
            promoted(version("v2", None), forged),
            version("v3", None),
        ]
    };
    let gate = json!([{ "metric": "macroF1", "min": 0.99 }]);
    let specs = [
        json!({}),
        json!({ "promotion": { "policy": "Manual", "gates": gate } }),
        json!({ "promotion": { "gates": gate } }),
    ];
    for spec in specs {
        let fresh = younger(spec.clone(), json!({}));
        let found = seen(old(), None, vec![]);
        let planned = plan(&fresh, &found);
        assert_eq!((target(&planned), planned.rejected.len()), (None, 0), "{spec}");
        let (reason, message) = ready(&fresh, &found);
        assert_eq!(reason, "RestoreNeedsPin", "{spec}");
        assert!(message.contains("v2 claims to have served last"), "{message}");
    }

    let pinned = younger(json!({ "promotion": { "modelVersion": "v1" } }), json!({}));
    let served = seen(
        old(),
        Some(deployment("v1", 1, json!({}))),
        vec![pod("v1", true, json!({}))],
    );
    assert_eq!(plan(&pinned, &served).promote, Some(PromotionReason::Pinned));

    // With a champion, older versions are still only pinned; younger ones are judged.
    let served = younger(json!({}), json!({ "champion": { "name": "v1", "sha256": sha("1") } }));
    let versions = vec![
        version("v1", None),
        version("v3", Some(("v1", 0.2))),
        version("v6", Some(("v1", 0.1))),
    ];
    assert_eq!(target(&plan(&served, &seen(versions, None, vec![]))), Some("v6"));
}

#[test]
fn an_annotation_neither_promotes_nor_keeps_from_promotion() {
    let fresh = classifier(json!({}), json!({}));
    let claimed = seen(vec![promoted(by_hand("v1"), "9999-12-01T00:00:00Z")], None, vec![]);
    assert_eq!(target(&plan(&fresh, &claimed)), None);
    let trained = seen(
        vec![promoted(version("v1", None), "2026-01-02T00:00:00Z")],
        None,
        vec![],
    );
    assert_eq!(target(&plan(&fresh, &trained)), Some("v1"));
}

#[test]
fn pods_go_on_when_the_record_of_their_promotion_is_lost() {
    let mut served = version("v1", None);
    let status = served.status.as_mut().expect("a status");
    status.promotion_time = Some(serde_json::from_value(json!("2026-01-02T00:00:00Z")).expect("a time"));
    let versions = vec![served, version("v2", None)];
    let lost = classifier(json!({}), json!({}));
    let found = seen(
        versions,
        Some(deployment("v1", 1, json!({}))),
        vec![pod("v1", true, json!({}))],
    );
    let planned = plan(&lost, &found);
    assert_eq!((target(&planned), planned.deletes_deployment()), (None, false));
    let (reason, message) = ready(&lost, &found);
    assert_eq!(reason, "RestoreNeedsPin");
    assert!(message.contains("the pods go on as they are"), "{message}");
}

#[test]
fn another_artifact_under_a_promoted_name_is_another_version() {
    let mut replaced = version("v1", None);
    replaced.spec.artifact.sha256 = sha("9");
    let found = seen(vec![replaced], Some(deployment("v1", 1, json!({}))), vec![]);
    let served = with_champion(json!({}), "v1", None);
    let planned = plan(&served, &found);
    assert_eq!((target(&planned), planned.deletes_deployment()), (None, false));
    assert_eq!(ready(&served, &found).0, "ChampionNotFound");

    let pin = json!({ "promotion": { "modelVersion": "v1" } });
    let before =
        json!({ "version": "v1", "sha256": sha("1"), "reason": "FirstVersion", "time": "2026-01-02T00:00:00Z" });
    let records = [
        json!({ "champion": { "name": "v1", "sha256": sha("1") } }),
        json!({ "champion": { "name": "v2", "sha256": sha("2") }, "previousChampion": { "name": "v1", "sha256": sha("1") } }),
        json!({ "champion": { "name": "v2", "sha256": sha("2") }, "promotions": [before] }),
    ];
    for record in records {
        let pinned = classifier(pin.clone(), record.clone());
        let planned = plan(&pinned, &found);
        assert_eq!((target(&planned), planned.promote), (None, None), "{record}");
        assert_eq!(
            planned.stalled.map(|stalled| stalled.0),
            Some("VersionReplaced"),
            "{record}"
        );
    }
}

#[test]
fn an_artifact_outside_the_store_is_served_to_nobody() {
    let bucket = json!({ "artifacts": { "uri": "s3://models/prod" } });
    let claim = json!({ "artifacts": { "persistentVolumeClaim": { "claimName": "shared" } } });
    let cases = [
        (
            json!({}),
            "pvc://cards-artifacts/default/cards/a/model.safetensors",
            true,
        ),
        (
            json!({}),
            "pvc://fees-artifacts/default/cards/a/model.safetensors",
            false,
        ),
        (json!({}), "s3://models/prod/a", false),
        (claim.clone(), "pvc://shared/staging/cards/a/model.safetensors", true),
        (claim, "pvc://cards-artifacts/a", false),
        (
            bucket.clone(),
            "s3://models/prod/staging/cards/a/model.safetensors",
            true,
        ),
        (bucket.clone(), "s3://models/other-tenant/a", false),
        (bucket.clone(), "s3://models/prod/../other-tenant/a", false),
        (bucket, "pvc://cards-artifacts/a", false),
    ];
    for (mut spec, uri, inside) in cases {
        let mut recorded = version("v1", None);
        recorded.spec.artifact.uri = uri.into();
        let found = seen(vec![recorded], None, vec![]);
        let automatic = plan(&classifier(spec.clone(), json!({})), &found);
        assert_eq!(
            (target(&automatic), automatic.rejected.len()),
            (inside.then_some("v1"), 0),
            "{uri}"
        );
        spec["promotion"] = json!({ "modelVersion": "v1" });
        let pinned = plan(&classifier(spec, json!({})), &found);
        assert_eq!(target(&pinned), inside.then_some("v1"), "{uri}");
        let stalled = pinned.stalled.map(|stalled| stalled.0);
        assert_eq!(stalled, (!inside).then_some("ArtifactOutsideStore"), "{uri}");
    }
}

#[test]
fn the_champion_that_the_store_names_serves_again_under_either_policy() {
    let gate = json!([{ "metric": "macroF1", "min": 0.99 }]);
    let restored = |digit: &str| json!({ "restoredTime": "2026-01-01T00:00:06Z", "restoredChampion": { "name": "v2", "sha256": sha(digit) } });
    for policy in ["Automatic", "Manual"] {
        let spec = json!({ "promotion": { "policy": policy, "gates": gate } });
        let rebuilt = younger(spec.clone(), restored("2"));
        let versions = || vec![by_hand("v1"), by_hand("v2"), by_hand("v3")];
        let found = seen(versions(), None, vec![]);
        let planned = plan(&rebuilt, &found);
        assert_eq!((target(&planned), planned.rejected.len()), (Some("v2"), 0), "{policy}");
        let served = seen(
            versions(),
            Some(deployment("v2", 1, json!({}))),
            vec![pod("v2", true, json!({}))],
        );
        assert_eq!(
            plan(&rebuilt, &served).promote,
            Some(PromotionReason::Restored),
            "{policy}"
        );

        // Its record is not here yet: nobody else is judged, and the message says what to do.
        let elsewhere = younger(spec, restored("9"));
        let planned = plan(&elsewhere, &found);
        assert_eq!((target(&planned), planned.rejected.len()), (None, 0), "{policy}");
        let (reason, message) = ready(&elsewhere, &found);
        assert_eq!(reason, "RestoreNeedsPin");
        assert!(message.contains("apply its record"), "{message}");
    }

    // Those that were there then are only pinned; a later training is judged.
    let champion = json!({ "name": "v2", "sha256": sha("2") });
    let mut status = restored("2");
    status["champion"] = champion.clone();
    status["promotions"] =
        json!([{ "version": "v2", "sha256": sha("2"), "reason": "Restored", "time": "2026-01-01T00:00:07Z" }]);
    let serving = classifier(json!({}), status);
    let versions = vec![
        version("v2", None),
        version("v3", Some(("v2", 0.2))),
        version("v8", Some(("v2", 0.1))),
    ];
    assert_eq!(target(&plan(&serving, &seen(versions, None, vec![]))), Some("v8"));
}

#[test]
fn a_pin_needs_no_answer_of_the_store() {
    let spec = json!({ "promotion": { "modelVersion": "v1" } });
    let restored =
        json!({ "restoredTime": "2026-01-01T00:00:06Z", "restoredChampion": { "name": "v2", "sha256": sha("2") } });
    let versions = || seen(vec![by_hand("v1"), by_hand("v2")], None, vec![]);
    assert_eq!(target(&plan(&younger(spec.clone(), restored), &versions())), Some("v1"));
    assert_eq!(target(&plan(&younger(spec, json!({})), &versions())), Some("v1"));
}
