//! Plans and statuses over objects as the API server would send them.

use complaint_api::{
    ComplaintClassifier, ModelVersion, PromotionReason, VersionDigest,
    condition::{self, AVAILABLE, PROGRESSING, READY, RECONCILING, REJECTED, STALLED, Statement},
};
use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod, policy::v1::PodDisruptionBudget,
};
use serde_json::{Value, json};

use super::{
    ComplaintClassifiers, build,
    gather::Seen,
    plan::{Hold, PIN_FAILED, Plan, plan},
    rollout::{self, Rollout},
    status,
};
use crate::{
    change::{Change, steps},
    controller::Reconciler,
    settings::Settings,
    status::Owned,
};

fn sha(version: &str) -> String {
    format!("{version:0>64}")
}

fn digest_of(version: &str) -> VersionDigest {
    VersionDigest {
        name: version.into(),
        sha256: sha(&version[1..]),
    }
}

fn classifier(spec: Value, status: Value) -> ComplaintClassifier {
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "generation": 2 },
        "spec": spec, "status": status,
    }))
    .expect("a ComplaintClassifier")
}

fn with_champion(spec: Value, champion: &str, challenger: Option<&str>) -> ComplaintClassifier {
    let mut status = json!({ "champion": { "name": champion, "sha256": sha(&champion[1..]) } });
    if let Some(challenger) = challenger {
        status["challenger"] = json!({ "name": challenger, "sha256": sha(&challenger[1..]) });
    }
    classifier(spec, status)
}

/// Served by 2 to 5 pods.
fn autoscaled(status: Value) -> ComplaintClassifier {
    let autoscaling = json!({ "minReplicas": 2, "maxReplicas": 5 });
    classifier(json!({ "serving": { "autoscaling": autoscaling } }), status)
}

/// Version `v<n>`, better than `against` by `difference`.
fn version(name: &str, against: Option<(&str, f64)>) -> ModelVersion {
    let mut version = json!({
        "metadata": { "name": name, "creationTimestamp": format!("2026-01-01T00:00:0{}Z", &name[1..]) },
        "spec": { "classifierRef": { "name": "cards" },
                  "artifact": { "uri": format!("pvc://cards-artifacts/{name}/model.safetensors"), "sha256": sha(&name[1..]) } },
        "status": { "evaluation": { "metrics": { "macroF1": 0.8 }, "rows": 100 } },
    });
    if let Some((champion, difference)) = against {
        version["status"]["comparison"] = json!({
            "championRef": { "name": champion }, "championSha256": sha(&champion[1..]), "metric": "macroF1", "value": 0.8,
            "championValue": 0.8 - difference, "difference": difference, "confidenceInterval": [difference - 0.1, difference + 0.1],
            "rows": 100, "sameLabels": true, "sameSplit": true });
    }
    serde_json::from_value(version).expect("a ModelVersion")
}

fn promoted(mut version: ModelVersion, at: &str) -> ModelVersion {
    version
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(complaint_api::labels::PROMOTED_AT.into(), at.into());
    version
}

fn deployment(version: &str, updated: i32, extra: Value) -> Deployment {
    let mut status =
        json!({ "observedGeneration": 1, "replicas": 1, "updatedReplicas": updated, "availableReplicas": 1 });
    for (key, value) in extra.as_object().expect("an object") {
        status[key] = value.clone();
    }
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "generation": 1, "annotations": { "complaints.dev/model-version": version },
                      "ownerReferences": [owner()] },
        "spec": { "replicas": 1, "selector": {}, "template": { "metadata": { "annotations": {
            "complaints.dev/model-digest": format!("sha256:{}", sha(&version[1..])) } } } },
        "status": status,
    }))
    .expect("a Deployment")
}

fn owner() -> Value {
    json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier", "name": "cards", "uid": "cc-uid", "controller": true })
}

/// A Deployment of a version, complete with no pods.
fn no_pods(version: &str) -> Deployment {
    let mut deployment = deployment(version, 0, json!({ "replicas": 0, "availableReplicas": 0 }));
    deployment.spec.as_mut().expect("a spec").replicas = Some(0);
    deployment
}

fn pod(version: &str, ready: bool, container: Value) -> Pod {
    let mut status = json!({ "name": "server", "image": "", "imageID": "", "ready": ready, "restartCount": 0 });
    status["state"] = container;
    serde_json::from_value(json!({
        "metadata": { "name": format!("cards-{version}"), "labels": { "complaints.dev/digest": &sha(&version[1..])[..16] } },
        "status": { "phase": "Running", "containerStatuses": [status],
                    "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] },
    }))
    .expect("a Pod")
}

fn seen(versions: Vec<ModelVersion>, deployment: Option<Deployment>, pods: Vec<Pod>) -> Seen {
    Seen {
        versions,
        deployment,
        pods,
        ..Seen::default()
    }
}

fn target(plan: &Plan) -> Option<&str> {
    plan.target
        .as_ref()
        .and_then(|version| version.metadata.name.as_deref())
}

fn next(classifier: &ComplaintClassifier, seen: &Seen, plan: &Plan) -> complaint_api::ComplaintClassifierStatus {
    status::next(classifier, seen, plan, &Settings::default(), at(1)).0
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a valid time")
}

#[test]
fn the_first_version_rolls_out_and_is_champion_only_when_its_deployment_is_complete() {
    let fresh = classifier(json!({}), json!({}));
    let empty = plan(&fresh, &Seen::default());
    assert_eq!(target(&empty), None);
    assert!(condition::is_true(
        &next(&fresh, &Seen::default(), &empty).conditions,
        RECONCILING
    ));

    let started = seen(vec![version("v1", None)], None, vec![]);
    let rolling = plan(&fresh, &started);
    assert_eq!((target(&rolling), rolling.promote), (Some("v1"), None));
    assert_eq!(next(&fresh, &started, &rolling).challenger, Some(digest_of("v1")));

    let complete = seen(
        vec![version("v1", None)],
        Some(deployment("v1", 1, json!({}))),
        vec![pod("v1", true, json!({}))],
    );
    let promoting = plan(&fresh, &complete);
    assert_eq!(promoting.promote, Some(PromotionReason::FirstVersion));
    let after = next(&fresh, &complete, &promoting);
    assert_eq!(
        after.champion.as_ref().map(|champion| champion.name.as_str()),
        Some("v1")
    );
    assert_eq!((after.challenger, after.promotions.len()), (None, 1));
    assert!(condition::is_true(&after.conditions, READY) && condition::is_true(&after.conditions, AVAILABLE));
}

#[test]
fn a_better_version_takes_over_and_a_worse_one_is_rejected_with_the_numbers() {
    let served = with_champion(json!({}), "v1", None);
    let old = || promoted(version("v1", None), "2026-01-01T00:00:00Z");
    let better = plan(
        &served,
        &seen(vec![old(), version("v2", Some(("v1", 0.05)))], None, vec![]),
    );
    assert_eq!((target(&better), better.rejected.len()), (Some("v2"), 0));

    let worse = plan(
        &served,
        &seen(vec![old(), version("v2", Some(("v1", -0.05)))], None, vec![]),
    );
    assert_eq!(target(&worse), Some("v1"));
    assert_eq!(worse.rejected[0].reason, "NotBetter");
    assert!(
        worse.rejected[0].message.contains("-0.05"),
        "{}",
        worse.rejected[0].message
    );
}

#[test]
fn a_challenger_goes_on_until_it_serves() {
    let rolling = with_champion(json!({}), "v1", Some("v2"));
    let versions = vec![
        promoted(version("v1", None), "2026-01-01T00:00:00Z"),
        version("v2", Some(("v1", 0.05))),
        version("v3", Some(("v1", 0.09))),
    ];
    let planned = plan(&rolling, &seen(versions, Some(deployment("v2", 0, json!({}))), vec![]));
    assert_eq!(target(&planned), Some("v2"));
    assert!(
        matches!(planned.rollout, Some(Rollout::InProgress { .. })),
        "{:?}",
        planned.rollout
    );
}

#[test]
fn a_pin_beats_the_policy_and_brings_an_old_version_back() {
    let versions = || {
        vec![
            promoted(version("v1", None), "2026-01-01T00:00:00Z"),
            promoted(version("v2", None), "2026-01-02T00:00:00Z"),
            version("v3", Some(("v2", 0.5))),
        ]
    };
    let pin = |name: &str| json!({ "promotion": { "modelVersion": name } });
    let back = with_champion(pin("v1"), "v2", None);
    let rolled = seen(
        versions(),
        Some(deployment("v1", 1, json!({}))),
        vec![pod("v1", true, json!({}))],
    );
    let plan_back = plan(&back, &rolled);
    assert_eq!(plan_back.promote, Some(PromotionReason::Pinned));
    assert_eq!(
        next(&back, &rolled, &plan_back).previous_champion,
        Some(digest_of("v2"))
    );

    let absent = plan(&with_champion(pin("v9"), "v2", None), &rolled);
    assert_eq!(target(&absent), Some("v2"));
    assert_eq!(absent.stalled.map(|stalled| stalled.0), Some("PinnedVersionNotFound"));
}

#[test]
fn a_model_the_server_refuses_is_rejected_and_the_champion_goes_on() {
    let refused = json!({ "terminated": { "exitCode": 65,
        "message": "{\"error\":{\"reason\":\"DigestMismatch\",\"message\":\"other bytes\"}}" } });
    let versions = || {
        vec![
            promoted(version("v1", None), "2026-01-01T00:00:00Z"),
            version("v2", Some(("v1", 0.1))),
        ]
    };
    let seen = seen(
        versions(),
        Some(deployment("v2", 1, json!({ "replicas": 2 }))),
        vec![pod("v2", false, refused)],
    );

    let automatic = plan(&with_champion(json!({}), "v1", Some("v2")), &seen);
    assert_eq!(target(&automatic), Some("v1"));
    assert_eq!(automatic.rejected[0].reason, "DigestMismatch");
    assert_eq!(automatic.stalled, None);

    let pinned = with_champion(json!({ "promotion": { "modelVersion": "v2" } }), "v1", Some("v2"));
    let failing = plan(&pinned, &seen);
    assert_eq!(failing.stalled.as_ref().map(|stalled| stalled.0), Some(PIN_FAILED));
    let mut remembered = pinned.clone();
    remembered.status = Some(next(&pinned, &seen, &failing));
    let held = plan(&remembered, &seen);
    assert_eq!(
        (target(&held), held.stalled.is_some()),
        (Some("v1"), true),
        "not tried again for the same spec"
    );
    remembered.metadata.generation = Some(3);
    assert_eq!(
        plan(&remembered, &Seen { pods: vec![], ..seen }).stalled,
        None,
        "a changed spec tries again"
    );
}

#[test]
fn a_pod_that_found_its_model_after_all_condemns_nobody() {
    let mut restarted = pod("v2", true, json!({ "running": {} }));
    let statuses = restarted
        .status
        .as_mut()
        .and_then(|status| status.container_statuses.as_mut());
    let container = &mut statuses.expect("statuses")[0];
    container.last_state = serde_json::from_value(json!({ "terminated": { "exitCode": 65 } })).expect("a state");
    let versions = vec![
        promoted(version("v1", None), "2026-01-01T00:00:00Z"),
        version("v2", Some(("v1", 0.1))),
    ];
    let challenged = with_champion(json!({}), "v1", Some("v2"));
    let rolling = deployment("v2", 1, json!({ "replicas": 2 }));
    let planned = plan(&challenged, &seen(versions, Some(rolling), vec![restarted]));
    assert_eq!((target(&planned), planned.rejected.len()), (Some("v2"), 0));
}

#[test]
fn nobody_is_promoted_without_a_pod_or_on_an_older_deployments_word() {
    let versions = vec![version("v1", None)];
    let idle = classifier(json!({ "serving": { "replicas": 0 } }), json!({}));
    let planned = plan(&idle, &seen(versions.clone(), Some(no_pods("v1")), vec![]));
    assert_eq!((planned.rollout, planned.promote), (Some(Rollout::Complete), None));

    let fresh = classifier(json!({}), json!({}));
    let before = seen(versions, Some(deployment("v1", 1, json!({}))), vec![]);
    let mut planned = plan(&fresh, &before);
    assert_eq!(planned.promote, Some(PromotionReason::FirstVersion));
    let mut changed = before.deployment.clone().expect("a Deployment");
    changed.metadata.generation = Some(2);
    let mut after = before;
    planned.look_again(&fresh, &mut after, Some(changed));
    assert_eq!(planned.promote, None);
}

#[test]
fn no_replicas_are_ready_as_asked_for_and_not_available() {
    let idle = with_champion(json!({ "serving": { "replicas": 0 } }), "v1", None);
    let scaled = seen(vec![version("v1", None)], Some(no_pods("v1")), vec![]);
    let status = next(&idle, &scaled, &plan(&idle, &scaled));
    for (type_, stands) in [(READY, "True"), (AVAILABLE, "False")] {
        let found = condition::find(&status.conditions, type_).expect("a condition");
        assert_eq!((found.status.as_str(), found.reason.as_str()), (stands, "ScaledToZero"));
    }
}

/// Who else set the replicas is told by the Deployment's managed fields.
fn scaled(replicas: i32, by: &str) -> Deployment {
    let mut deployment = deployment(
        "v1",
        replicas,
        json!({ "replicas": replicas, "availableReplicas": replicas }),
    );
    deployment.spec.as_mut().expect("a spec").replicas = Some(replicas);
    deployment.metadata.managed_fields = serde_json::from_value(json!([
        { "manager": ComplaintClassifiers::NAME, "operation": "Apply", "fieldsV1": { "f:spec": { "f:selector": {} } } },
        { "manager": by, "operation": "Update", "subresource": "scale", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
    ]))
    .expect("managed fields");
    deployment
}

#[test]
fn the_number_of_replicas_is_the_autoscalers_once_it_has_set_it() {
    let serving = autoscaled(json!({})).spec.serving;
    let hpa = "kube-controller-manager";
    let cases = [
        (None, Some(2), "a new Deployment begins with the fewest"),
        (
            Some(scaled(4, ComplaintClassifiers::NAME)),
            Some(4),
            "nobody else has set it: it must be repeated",
        ),
        (Some(scaled(4, hpa)), None, "the autoscaler has set it"),
        (
            Some(scaled(0, "kubectl")),
            Some(2),
            "an autoscaler does not wake what stands at 0",
        ),
        (Some(scaled(9, hpa)), Some(5), "the bounds have moved"),
    ];
    for (deployment, expected, why) in cases {
        assert_eq!(
            rollout::replicas_to_set(&serving, deployment.as_ref()),
            expected,
            "{why}"
        );
    }
    let fixed = classifier(json!({ "serving": { "replicas": 3 } }), json!({}))
        .spec
        .serving;
    assert_eq!(rollout::replicas_to_set(&fixed, Some(&scaled(4, hpa))), Some(3));
}

#[test]
fn a_classifier_stays_ready_while_its_autoscaler_adds_pods() {
    let champion = json!({ "champion": { "name": "v1", "sha256": sha("1") } });
    let mut growing = scaled(4, "kube-controller-manager");
    growing.status.as_mut().expect("a status").available_replicas = Some(3);
    let pods = vec![pod("v1", true, json!({})); 3];
    let ready = |growing: &Deployment| {
        let classifier = autoscaled(champion.clone());
        let seen = seen(vec![version("v1", None)], Some(growing.clone()), pods.clone());
        let status = next(&classifier, &seen, &plan(&classifier, &seen));
        assert_eq!(status.replicas.expect("counts").desired, 4);
        condition::is_true(&status.conditions, READY)
    };
    assert!(ready(&growing));
    growing.status.as_mut().expect("a status").available_replicas = Some(1);
    assert!(!ready(&growing), "fewer than the fewest");
    let status = growing.status.as_mut().expect("a status");
    (status.available_replicas, status.updated_replicas) = (Some(4), Some(3));
    assert!(!ready(&growing), "a pod of an older template");
}

#[test]
fn the_clusters_faults_do_not_reject_a_version() {
    let pulling = json!({ "waiting": { "reason": "ImagePullBackOff", "message": "no such image" } });
    let late = json!({ "replicas": 2, "conditions": [{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }] });
    let versions = vec![
        promoted(version("v1", None), "2026-01-01T00:00:00Z"),
        version("v2", Some(("v1", 0.1))),
    ];
    let classifier = with_champion(json!({}), "v1", Some("v2"));
    let seen = seen(
        versions,
        Some(deployment("v2", 1, late)),
        vec![pod("v2", false, pulling)],
    );
    let planned = plan(&classifier, &seen);
    assert_eq!((target(&planned), planned.rejected.len()), (Some("v2"), 0));
    let status = next(&classifier, &seen, &planned);
    let progressing = condition::find(&status.conditions, PROGRESSING).expect("it is stated");
    assert_eq!(
        (progressing.status.as_str(), progressing.reason.as_str()),
        ("False", "ImagePullBackOff")
    );
    assert!(!condition::is_true(&status.conditions, STALLED));
}

#[test]
fn pods_that_ran_and_stayed_unready_reject_a_version() {
    let late = json!({ "replicas": 2, "conditions": [{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }] });
    let versions = vec![
        promoted(version("v1", None), "2026-01-01T00:00:00Z"),
        version("v2", Some(("v1", 0.1))),
    ];
    let said = json!({ "error": { "reason": "ModelNotFound", "message": "no object of that name" } }).to_string();
    let cases = [
        (json!({ "running": {} }), "see `kubectl logs deployment/cards`"),
        (
            json!({ "terminated": { "exitCode": 1, "reason": "Error", "message": said } }),
            "exit code 1, ModelNotFound: no object of that name",
        ),
    ];
    for (state, told) in cases {
        let planned = plan(
            &with_champion(json!({}), "v1", Some("v2")),
            &seen(
                versions.clone(),
                Some(deployment("v2", 1, late.clone())),
                vec![pod("v2", false, state)],
            ),
        );
        let rejected = &planned.rejected[0];
        assert_eq!(rejected.reason, "ProgressDeadlineExceeded");
        assert!(rejected.message.contains(told), "{}", rejected.message);
        assert_eq!(target(&planned), Some("v1"));
    }
}

#[test]
fn a_lost_status_is_restored_from_the_newest_annotation() {
    let versions = vec![
        promoted(version("v1", None), "2026-01-03T00:00:00Z"),
        promoted(version("v2", None), "2026-01-02T00:00:00Z"),
    ];
    let lost = classifier(json!({}), json!({}));
    let seen = seen(versions, None, vec![]);
    let planned = plan(&lost, &seen);
    assert_eq!((target(&planned), planned.restored), (Some("v1"), true));
    let status = next(&lost, &seen, &planned);
    assert_eq!(status.promotions[0].reason, PromotionReason::Restored);
}

#[test]
fn manual_policy_and_pause_promote_nothing() {
    let versions = || {
        vec![
            promoted(version("v1", None), "2026-01-01T00:00:00Z"),
            version("v2", Some(("v1", 0.1))),
        ]
    };
    let manual = with_champion(json!({ "promotion": { "policy": "Manual" } }), "v1", None);
    assert_eq!(target(&plan(&manual, &seen(versions(), None, vec![]))), Some("v1"));
    let paused = with_champion(json!({ "paused": true }), "v1", None);
    let planned = plan(&paused, &seen(versions(), None, vec![]));
    assert!(planned.hold == Some(Hold::Paused) && planned.target.is_none());
}

#[test]
fn manifests_are_as_reviewed() {
    let classifier = classifier(json!({ "serving": { "replicas": 2 } }), json!({}));
    let owner = crate::object::owner_reference(&classifier).expect("a uid");
    let settings = Settings::default();
    let shared = Settings {
        storage_access_mode: "ReadWriteMany".into(),
        ..Settings::default()
    };
    assert!(
        build::disruption_budget(&classifier, &owner, &settings).is_none(),
        "one node: a drain must be able to end"
    );
    insta::assert_yaml_snapshot!(
        "deployment",
        build::deployment(&classifier, &version("v1", None), Some(2), &owner, &settings)
    );
    insta::assert_yaml_snapshot!("service", build::service(&classifier, &owner));
    insta::assert_yaml_snapshot!(
        "disruption_budget",
        build::disruption_budget(&classifier, &owner, &shared)
    );
    insta::assert_yaml_snapshot!("autoscaler", build::autoscaler(&autoscaled(json!({})), &owner));
    insta::assert_yaml_snapshot!("claim", crate::store::claim(&classifier, &settings));
}

/// The changes that are built for what was seen.
fn changes(classifier: &ComplaintClassifier, seen: &Seen) -> Vec<Change> {
    let owner = crate::object::owner_reference(classifier).expect("a uid");
    // One node for each pod, so that a budget is possible.
    let settings = Settings {
        storage_access_mode: "ReadWriteMany".into(),
        ..Settings::default()
    };
    build::build(classifier, seen, &plan(classifier, seen), &owner, &settings, at(1))
}

fn ours<K: serde::de::DeserializeOwned>(spec: Value) -> K {
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "uid": "child-uid", "ownerReferences": [owner()] }, "spec": spec,
    }))
    .expect("an object")
}

fn budget() -> PodDisruptionBudget {
    ours(json!({}))
}

fn idle_autoscaler() -> HorizontalPodAutoscaler {
    ours(json!({ "maxReplicas": 5, "scaleTargetRef": { "kind": "Deployment", "name": "cards" } }))
}

#[test]
fn changes_are_made_in_order() {
    let v1 = || vec![promoted(version("v1", None), "2026-01-01T00:00:00Z")];
    let champion = json!({ "champion": { "name": "v1", "sha256": sha("1") } });
    let with = |versions: Vec<ModelVersion>| Seen {
        versions,
        claim: true,
        ..Seen::default()
    };
    let served = |mut seen: Seen| {
        seen.deployment = Some(deployment("v1", 1, json!({})));
        seen
    };
    let mut foreign = deployment("v1", 1, json!({}));
    foreign.metadata.owner_references = None;
    let rejected = || {
        let mut versions = v1();
        versions.push(version("v2", Some(("v1", -0.05))));
        versions
    };
    let cases: Vec<(&str, ComplaintClassifier, Seen, &[&str])> = vec![
        (
            "a new classifier has its address before a champion, and its claim is created",
            classifier(json!({}), json!({})),
            Seen::default(),
            &["create PersistentVolumeClaim cards-artifacts", "apply Service cards"],
        ),
        (
            "a claim that is there is left alone",
            classifier(json!({}), json!({})),
            with(vec![]),
            &["apply Service cards"],
        ),
        (
            "a store in a bucket has no claim",
            classifier(json!({ "artifacts": { "uri": "s3://models/prod" } }), json!({})),
            Seen::default(),
            &["apply Service cards"],
        ),
        (
            "a verdict comes first and the workload last",
            classifier(json!({ "serving": { "replicas": 2 } }), champion.clone()),
            served(with(rejected())),
            &[
                "write the status of ModelVersion v2",
                "apply Service cards",
                "apply PodDisruptionBudget cards",
                "apply Deployment cards",
            ],
        ),
        (
            "one replica needs no budget",
            classifier(json!({}), champion.clone()),
            served(Seen {
                budget: Some(budget()),
                ..with(v1())
            }),
            &[
                "apply Service cards",
                "delete PodDisruptionBudget cards",
                "apply Deployment cards",
            ],
        ),
        (
            "the autoscaler goes before the number of replicas is set",
            classifier(json!({}), champion.clone()),
            served(Seen {
                autoscaler: Some(idle_autoscaler()),
                ..with(v1())
            }),
            &[
                "apply Service cards",
                "delete HorizontalPodAutoscaler cards",
                "apply Deployment cards",
            ],
        ),
        (
            "the autoscaler comes after the Deployment that it scales",
            autoscaled(champion.clone()),
            with(v1()),
            &[
                "apply Service cards",
                "apply PodDisruptionBudget cards",
                "apply Deployment cards",
                "apply HorizontalPodAutoscaler cards",
            ],
        ),
        (
            "without a Deployment there is nothing to scale",
            autoscaled(json!({})),
            Seen {
                autoscaler: Some(idle_autoscaler()),
                ..with(vec![])
            },
            &[
                "apply Service cards",
                "apply PodDisruptionBudget cards",
                "delete HorizontalPodAutoscaler cards",
            ],
        ),
        (
            "nobody serves and nobody is to",
            classifier(json!({}), json!({})),
            served(with(vec![])),
            &["apply Service cards", "delete Deployment cards"],
        ),
        (
            "pods of a champion whose record is gone go on serving",
            classifier(json!({}), champion.clone()),
            served(with(vec![])),
            &["apply Service cards"],
        ),
        (
            "a paused classifier is left alone",
            classifier(json!({ "paused": true }), champion.clone()),
            with(v1()),
            &[],
        ),
        (
            "what belongs to something else is left alone, and so is the rest",
            classifier(json!({}), champion),
            Seen {
                deployment: Some(foreign),
                ..with(v1())
            },
            &[],
        ),
    ];
    for (why, classifier, seen, expected) in cases {
        assert_eq!(steps(&changes(&classifier, &seen)), expected, "{why}");
    }
}

#[test]
fn a_deployment_that_an_autoscaler_shares_is_applied_as_it_was_read() {
    let champion = json!({ "champion": { "name": "v1", "sha256": sha("1") } });
    let read = |mut deployment: Deployment| {
        deployment.metadata.resource_version = Some("7".into());
        Seen {
            versions: vec![version("v1", None)],
            deployment: Some(deployment),
            ..Seen::default()
        }
    };
    let cases = [
        (
            autoscaled(champion.clone()),
            "complaint-classifier-controller",
            json!("7"),
            json!(4),
        ),
        (
            autoscaled(champion.clone()),
            "kube-controller-manager",
            Value::Null,
            Value::Null,
        ),
        (
            classifier(json!({}), champion),
            "kube-controller-manager",
            Value::Null,
            json!(1),
        ),
    ];
    for (classifier, scaled_by, resource_version, replicas) in cases {
        let changes = changes(&classifier, &read(scaled(4, scaled_by)));
        let applied = changes.iter().find_map(|change| match change {
            Change::Apply(manifest) if manifest.resource.kind == "Deployment" => Some(&manifest.body),
            _ => None,
        });
        let body = applied.expect("the Deployment is applied");
        assert_eq!(body["metadata"]["resourceVersion"], resource_version, "{scaled_by}");
        assert_eq!(body["spec"]["replicas"], replicas, "{scaled_by}");
    }
}

#[test]
fn a_taken_name_is_told_and_nothing_is_changed() {
    let taken = plan(
        &classifier(json!({}), json!({})),
        &Seen {
            service: Some(serde_json::from_value(json!({ "metadata": { "name": "cards" } })).expect("a Service")),
            ..Seen::default()
        },
    );
    assert_eq!(taken.hold, Some(Hold::NameTaken));
    let (reason, message) = taken.stalled.expect("it is stalled");
    assert_eq!(reason, "NameTaken");
    assert!(message.starts_with("Service cards exists"), "{message}");
}

/// A record that somebody wrote by hand, whatever numbers it claims.
fn by_hand(name: &str) -> ModelVersion {
    let mut version = version(name, None);
    version.spec.metrics.macro_f1 = Some(1.0);
    version.status = None;
    version
}

#[test]
fn a_version_that_no_training_evaluated_waits_and_a_pin_serves_it() {
    let gate = json!({ "promotion": { "gates": [{ "metric": "macroF1", "min": 0.5 }] } });
    let fresh = classifier(gate.clone(), json!({}));
    let waiting = seen(vec![by_hand("v1")], None, vec![]);
    let planned = plan(&fresh, &waiting);
    assert_eq!((target(&planned), planned.rejected.len()), (None, 0));
    let status = next(&fresh, &waiting, &planned);
    let ready = condition::find(&status.conditions, READY).expect("it is stated");
    assert_eq!(ready.reason, "NotEvaluated");
    assert!(ready.message.contains("v1"), "{}", ready.message);

    // Later ones do not wait for it, and a challenger of a restored status is no evidence.
    let both = seen(vec![by_hand("v1"), version("v2", None)], None, vec![]);
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

#[test]
fn a_verdict_is_a_condition_and_goes_when_its_version_serves_by_pin() {
    let champion = json!({ "champion": { "name": "v1", "sha256": sha("1") } });
    let mut rejected = version("v1", None);
    let verdict = Statement::new(REJECTED, Some(true), "GateFailed", "x");
    let foreign = Statement::new("example.com/Audited", Some(true), "Audited", "x");
    let status = rejected.status.as_mut().expect("a status");
    status.conditions = condition::merge(&[], &[verdict, foreign], None, at(1));
    let pinned = classifier(json!({ "promotion": { "modelVersion": "v1" } }), champion);
    let seen = seen(vec![rejected], Some(deployment("v1", 1, json!({}))), vec![]);
    let changes = changes(&pinned, &seen);
    assert_eq!(steps(&changes)[0], "write the status of ModelVersion v1");
    let Change::Status { stored, part, .. } = &changes[0] else {
        panic!("{changes:?}");
    };
    assert_eq!(part.value(), &json!({ "conditions": [] }));
    let removed: Vec<_> = part
        .corrections(stored)
        .iter()
        .map(|step| step["path"].clone())
        .collect();
    assert_eq!(removed, ["/status/conditions/0"], "the foreign condition stays");
}

#[test]
fn every_field_of_the_status_is_owned() {
    let versions = vec![version("v1", None), version("v2", Some(("v1", 0.1)))];
    let rolled = seen(versions, Some(deployment("v2", 1, json!({}))), vec![]);
    let classifier = with_champion(json!({}), "v1", Some("v2"));
    let mut status = next(&classifier, &rolled, &plan(&classifier, &rolled));
    status.challenger = status.previous_champion.clone();
    let written = json!(status);
    let mut names: Vec<_> = written
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    names.retain(|name| *name != "conditions");
    let mut owned = <complaint_api::ComplaintClassifierStatus as Owned>::FIELDS.to_vec();
    owned.sort_unstable();
    assert_eq!(names, owned);
}
