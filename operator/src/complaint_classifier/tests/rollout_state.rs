//! What the Deployment and its pods say.

use super::*;

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
fn a_first_version_without_a_pod_waits_for_replicas() {
    let idle = classifier(json!({ "serving": { "replicas": 0 } }), json!({}));
    let scaled = seen(vec![version("v1", None)], Some(no_pods("v1")), vec![]);
    let status = next(&idle, &scaled, &plan(&idle, &scaled));
    let ready = condition::find(&status.conditions, READY).expect("it is stated");
    assert_eq!(ready.reason, "WaitingForReplicas");
    assert!(ready.message.contains("v1"), "{}", ready.message);
}

#[test]
fn a_deployment_that_somebody_paused_says_so() {
    let mut paused = deployment("v2", 0, json!({ "replicas": 1 }));
    paused.spec.as_mut().expect("a spec").paused = Some(true);
    let versions = vec![version("v1", None), version("v2", Some(("v1", 0.1)))];
    let classifier = with_champion(json!({}), "v1", Some("v2"));
    let seen = seen(versions, Some(paused), vec![]);
    let status = next(&classifier, &seen, &plan(&classifier, &seen));
    for type_ in [READY, PROGRESSING] {
        let found = condition::find(&status.conditions, type_).expect("it is stated");
        assert_eq!(
            (found.status.as_str(), found.reason.as_str()),
            ("False", "DeploymentPaused")
        );
        assert!(
            found.message.contains("kubectl rollout resume deployment/cards"),
            "{}",
            found.message
        );
    }
}

#[test]
fn a_claim_that_is_being_bound_is_stated_without_a_warning() {
    let mut waiting = pod("v1", false, json!({}));
    waiting.status = serde_json::from_value(json!({ "phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "pod has unbound immediate PersistentVolumeClaims" }] }))
    .expect("a status");
    let fresh = classifier(json!({}), json!({}));
    let starting = deployment("v1", 1, json!({ "availableReplicas": 0 }));
    let seen = seen(vec![version("v1", None)], Some(starting), vec![waiting]);
    let (status, notices) = status::next(&fresh, &seen, &plan(&fresh, &seen), &Settings::default(), at(1));
    let progressing = condition::find(&status.conditions, PROGRESSING).expect("it is stated");
    assert_eq!(progressing.reason, "WaitingForVolume");
    assert_eq!(notices, []);
}

#[test]
fn each_promotion_is_an_event_of_its_own() {
    let versions = || vec![version("v1", None), version("v2", None)];
    let pinned = with_champion(json!({ "promotion": { "modelVersion": "v1" } }), "v2", None);
    let rolled = seen(
        versions(),
        Some(deployment("v1", 1, json!({}))),
        vec![pod("v1", true, json!({}))],
    );
    let told = |second| {
        let planned = plan(&pinned, &rolled);
        let notices = status::next(&pinned, &rolled, &planned, &Settings::default(), at(second)).1;
        notices
            .into_iter()
            .find(|notice| notice.reason == "Promoted")
            .expect("it is told")
    };
    assert_ne!(told(1).time, told(2).time);
}

#[test]
fn a_command_that_somebody_set_is_told_while_its_pods_are_not_ready() {
    let with_command = |updated: i32| {
        let mut found = deployment("v1", updated, json!({ "replicas": 2 - updated }));
        let pod = json!({ "containers": [{ "name": "server", "command": ["sleep", "1d"] }] });
        found.spec.as_mut().expect("a spec").template.spec = serde_json::from_value(pod).expect("a pod");
        found
    };
    let champion = with_champion(json!({}), "v1", None);
    let state = |found| plan(&champion, &seen(vec![version("v1", None)], Some(found), vec![])).rollout;
    let Some(Rollout::Blocked(blocked)) = state(with_command(0)) else {
        panic!("{:?}", state(with_command(0)));
    };
    assert_eq!(blocked.reason, "CommandReplaced");
    assert!(
        blocked.message.contains("kubectl edit deployment/cards"),
        "{}",
        blocked.message
    );
    assert_eq!(
        state(with_command(1)),
        Some(Rollout::Complete),
        "its pods say that they serve the model"
    );
}

#[test]
fn a_champion_that_no_key_verifies_any_more_stays_and_so_do_its_pods() {
    let refused = json!({ "terminated": { "exitCode": 65,
        "message": "{\"error\":{\"reason\":\"SignatureInvalid\",\"message\":\"none of the public keys\"}}" } });
    let keys = json!({ "verification": { "publicKeys": ["new"], "policy": "Required" } });
    let rotated = with_champion(keys, "v1", None);
    // One pod of the template before, one of the new one.
    let seen = seen(
        vec![promoted(version("v1", None), "2026-01-01T00:00:00Z")],
        Some(deployment("v1", 1, json!({ "replicas": 2, "unavailableReplicas": 1 }))),
        vec![pod("v1", true, json!({ "running": {} })), pod("v1", false, refused)],
    );
    let planned = plan(&rotated, &seen);
    assert_eq!((target(&planned), planned.rejected.len()), (Some("v1"), 0));
    assert!(!planned.deletes_deployment());
    let status = next(&rotated, &seen, &planned);
    for (type_, stands, reason) in [
        (AVAILABLE, "True", "Serving"),
        (PROGRESSING, "False", "SignatureInvalid"),
        (READY, "False", "SignatureInvalid"),
    ] {
        let found = condition::find(&status.conditions, type_).expect("a condition");
        assert_eq!((found.status.as_str(), found.reason.as_str()), (stands, reason));
    }
    assert_eq!(
        status.champion.as_ref().map(|champion| champion.name.as_str()),
        Some("v1")
    );
    // Nothing goes to and fro: the next look finds the same.
    let mut again = rotated.clone();
    again.status = Some(status.clone());
    assert_eq!(plan(&again, &seen), planned);
    assert_eq!(next(&again, &seen, &planned), status);
}

#[test]
fn settings_that_the_server_refuses_stall_the_classifier_and_reject_nobody() {
    let refused = |code: i32, reason: &str| {
        let said = json!({ "error": { "reason": reason, "message": "no category `Fee`" } });
        json!({ "terminated": { "exitCode": code, "message": said.to_string() } })
    };
    let rolling = || Some(deployment("v2", 1, json!({ "replicas": 2 })));
    let challenged = with_champion(json!({}), "v1", Some("v2"));
    let planned = |state: Value| {
        let versions = vec![
            promoted(version("v1", None), "2026-01-01T00:00:00Z"),
            version("v2", Some(("v1", 0.1))),
        ];
        let seen = seen(versions, rolling(), vec![pod("v2", false, state)]);
        let planned = plan(&challenged, &seen);
        let status = next(&challenged, &seen, &planned);
        (planned, status)
    };
    let (stalled, status) = planned(refused(64, "UnknownCategory"));
    assert_eq!((target(&stalled), stalled.rejected.len()), (Some("v2"), 0));
    assert_eq!(stalled.stalled, Some(("UnknownCategory", "no category `Fee`".into())));
    let condition = condition::find(&status.conditions, STALLED).expect("it is stated");
    assert_eq!(
        (condition.reason.as_str(), condition.message.as_str()),
        ("UnknownCategory", "no category `Fee`")
    );
    // Words of a program that is not ours decide nothing.
    assert_eq!(planned(refused(64, "SomethingElse")).0.stalled, None);
    assert_eq!(planned(json!({ "terminated": { "exitCode": 64 } })).0.stalled, None);
}
