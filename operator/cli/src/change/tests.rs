//! Changes of one field, over objects as an API server stores them.

use complaint_api::{ComplaintClassifier, ModelVersion};
use serde_json::{Value, json};

use super::*;

fn classifier(more: Value) -> ComplaintClassifier {
    let mut object = json!({
        "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier",
        "metadata": { "name": "cards", "namespace": "team-a", "uid": "0000-1" },
        "spec": { "promotion": { "gates": [{ "metric": "macroF1", "min": 0.7 }] } },
    });
    merge(&mut object, more);
    serde_json::from_value(object).expect("a classifier")
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

fn version(name: &str, status: Value) -> ModelVersion {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "team-a" },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": "pvc://cards-artifacts/a/model.safetensors", "sha256": "ab".repeat(32) } },
        "status": status,
    }))
    .expect("a version")
}

fn pinned(value: &str) -> Change {
    let version = version(value, json!({}));
    promote(&classifier(json!({})), &version, Pinned::Promotion).expect("it may be pinned")
}

fn yaml(change: &Change) -> String {
    let classifier = classifier(json!({}));
    let manifest = crate::render::data(&change.manifest(&classifier), true).expect("YAML");
    change.comment(&classifier) + &manifest
}

#[test]
fn manifests_hold_the_field_at_stake_and_nothing_else() {
    insta::assert_snapshot!(yaml(&pinned("cards-2")), @r"
    # Set spec.promotion.modelVersion in the manifest of ComplaintClassifier team-a/cards that Git holds.
    # Don't `kubectl apply` these lines alone: kubectl would take them for the whole manifest and remove the rest.
    apiVersion: complaints.dev/v1alpha1
    kind: ComplaintClassifier
    metadata:
      name: cards
      namespace: team-a
    spec:
      promotion:
        modelVersion: cards-2
    ");
    insta::assert_snapshot!(yaml(&Change::unpin(&classifier(json!({})))), @r"
    # Remove spec.promotion.modelVersion from the manifest of ComplaintClassifier team-a/cards that Git holds.
    # Don't `kubectl apply` these lines alone: kubectl would take them for the whole manifest and remove the rest.
    apiVersion: complaints.dev/v1alpha1
    kind: ComplaintClassifier
    metadata:
      name: cards
      namespace: team-a
    spec:
      promotion:
        modelVersion: null
    ");
    insta::assert_snapshot!(yaml(&Change::pause(true)), @r"
    # Set spec.paused in the manifest of ComplaintClassifier team-a/cards that Git holds.
    # Don't `kubectl apply` these lines alone: kubectl would take them for the whole manifest and remove the rest.
    apiVersion: complaints.dev/v1alpha1
    kind: ComplaintClassifier
    metadata:
      name: cards
      namespace: team-a
    spec:
      paused: true
    ");
}

#[test]
fn an_apply_names_exactly_this_object() {
    let classifier = classifier(json!({}));
    assert_eq!(
        pinned("cards-2").apply(&classifier),
        json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier",
                "metadata": { "name": "cards", "namespace": "team-a", "uid": "0000-1" },
                "spec": { "promotion": { "modelVersion": "cards-2" } } })
    );
    assert_eq!(
        Change::unpin(&classifier).merge_patch(),
        json!({ "spec": { "promotion": { "modelVersion": null } } })
    );
}

#[test]
fn each_field_has_a_manager_of_its_own() {
    let managers = [Field::Pin, Field::Request, Field::Paused].map(Field::manager);
    assert!(
        managers
            .iter()
            .all(|manager| manager.starts_with("kubectl-complaints-"))
    );
    assert_eq!(managers.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
}

#[test]
fn a_version_that_cannot_serve_is_not_pinned() {
    let cards = classifier(json!({}));
    let of = |type_: &str, reason: &str| {
        json!({ "conditions": [{ "type": type_, "status": "True", "reason": reason, "message": "so",
                                 "lastTransitionTime": "2026-11-01T00:00:00Z" }] })
    };
    let stalled = version("cards-2", of("Stalled", "ArtifactOutsideStore"));
    let error = promote(&cards, &stalled, Pinned::Promotion).expect_err("it can't serve");
    assert!(error.to_string().contains("ArtifactOutsideStore: so"), "{error}");

    let rejected = version("cards-2", of("Rejected", "NotBetter"));
    let change = promote(&cards, &rejected, Pinned::Promotion).expect("a pin ignores rules");
    assert!(change.warnings[0].contains("NotBetter"), "{:?}", change.warnings);

    let mut other = version("loans-1", json!({}));
    other.spec.classifier_ref.name = "loans".into();
    let error = promote(&cards, &other, Pinned::Promotion).expect_err("another classifier's");
    assert!(
        error.to_string().contains("belongs to ComplaintClassifier loans"),
        "{error}"
    );
}

#[test]
fn who_would_write_a_field_back_is_told() {
    let entry = |manager: &str, operation: &str, fields: Value| json!({ "manager": manager, "operation": operation, "fieldsV1": fields });
    let pin = json!({ "f:spec": { "f:promotion": { "f:modelVersion": {}, "f:gates": {} } } });
    let managed = |entries: Vec<Value>| classifier(json!({ "metadata": { "managedFields": entries } }));
    let manager = |name: &str, applies: bool| Owner::Manager {
        name: name.into(),
        applies,
    };
    let gates = json!({ "f:spec": { "f:promotion": { "f:gates": {} } } });
    for (entries, expected) in [
        (vec![entry("flux", "Apply", pin.clone())], vec![manager("flux", true)]),
        // Its annotation tells: the entry has defaults, too.
        (vec![entry("kubectl-client-side-apply", "Update", pin.clone())], vec![]),
        (
            vec![entry("kubectl-patch", "Update", pin.clone())],
            vec![manager("kubectl-patch", false)],
        ),
        (vec![entry("flux", "Apply", gates)], vec![]),
        (vec![entry("kubectl-complaints-pin", "Apply", pin)], vec![]),
    ] {
        assert_eq!(owners(&managed(entries.clone()), Field::Pin), expected, "{entries:?}");
    }
    let paused = json!({ "f:spec": { "f:paused": {} } });
    let created = managed(vec![entry("kubectl-create", "Update", paused.clone())]);
    assert_eq!(owners(&created, Field::Paused), [], "a default that the API server set");
    let flux = managed(vec![entry("flux", "Apply", paused)]);
    assert_eq!(owners(&flux, Field::Paused), [manager("flux", true)]);
    // The manifest of the last client-side apply has the line.
    let manifest = json!({ "spec": { "promotion": { "modelVersion": "cards-1" } } }).to_string();
    let applied = classifier(
        json!({ "metadata": { "annotations": { "kubectl.kubernetes.io/last-applied-configuration": manifest } } }),
    );
    assert_eq!(owners(&applied, Field::Pin), [Owner::LastApplied]);
    assert_eq!(owners(&applied, Field::Paused), []);
    let told = pinned("cards-2").ownership(&applied);
    assert!(told[0].contains("in Git"), "{told:?}");
}

#[test]
fn a_request_needs_a_template_and_a_clock_that_goes_on() {
    let now: Timestamp = "2026-11-02T00:00:00.7Z".parse().unwrap();
    let error = Change::retrain(&classifier(json!({})), now).expect_err("nothing to train");
    assert!(error.to_string().contains("spec.retraining"), "{error}");
    let template = json!({ "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                                        "textField": "narrative", "labelFields": ["category"] } });
    let with = |last: &str, suspend: bool| {
        classifier(
            json!({ "spec": { "retraining": { "template": template, "schedule": "@daily", "suspend": suspend } },
                           "status": { "lastRequestTime": last } }),
        )
    };
    let change = Change::retrain(&with("2026-11-01T00:00:00Z", true), now).expect("a request");
    assert_eq!(change.value, Some(json!("2026-11-02T00:00:00Z")));
    assert!(change.warnings[0].contains("suspend"), "{:?}", change.warnings);
    let error = Change::retrain(&with("2026-11-03T00:00:00Z", false), now).expect_err("an older request");
    assert!(error.to_string().contains("clock"), "{error}");
}

#[test]
fn a_rollback_goes_to_the_champion_before() {
    let before = classifier(json!({ "status": { "previousChampion": { "name": "cards-1", "sha256": "00" } } }));
    assert_eq!(rollback_target(&before).expect("one served"), "cards-1");
    let error = rollback_target(&classifier(json!({}))).expect_err("none served");
    assert!(error.to_string().contains("--to"), "{error}");
}

#[test]
fn what_is_so_already_is_not_written_again() {
    let set = classifier(json!({ "spec": { "promotion": { "modelVersion": "cards-2" } } }));
    assert!(pinned("cards-2").is_made(&set));
    assert!(!pinned("cards-3").is_made(&set));
    assert!(!Change::unpin(&set).is_made(&set));
    assert!(Change::unpin(&set).is_made(&classifier(json!({}))));
    assert!(Change::pause(false).is_made(&set));
}
