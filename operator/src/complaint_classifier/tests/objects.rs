//! The objects and statuses that are written.

use super::*;

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

#[test]
fn thresholds_reach_the_server_as_they_are_written() {
    let spec = json!({ "serving": { "abstainBelow": 0.4, "thresholds": [
        { "category": "Costs = $(HOME)", "minPrecision": 0.95 }, { "category": "-Card", "minRecall": 1 } ] } });
    let classifier = classifier(spec, json!({}));
    let owner = crate::object::owner_reference(&classifier).expect("a uid");
    let made = build::deployment(&classifier, &version("v1", None), Some(1), &owner, &Settings::default());
    let args = json!(made)["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    let args: Vec<String> = serde_json::from_value(args).expect("texts");
    let place = args
        .iter()
        .position(|argument| argument == "--abstain-below")
        .expect("it is set");
    assert_eq!(
        args[place..place + 4],
        [
            "--abstain-below",
            "0.4",
            "--min-precision=Costs = $$(HOME)=0.95",
            "--min-recall=-Card=1"
        ]
    );
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
            Change::Apply(manifest) | Change::ApplyOver(manifest, ..) if manifest.resource.kind == "Deployment" => {
                Some(&manifest.body)
            }
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

#[test]
fn a_port_that_was_changed_by_hand_is_set_again() {
    let champion = json!({ "champion": { "name": "v1", "sha256": sha("1") } });
    let with_port = |port: i32, node_port: Option<i32>| {
        let mut entry = json!({ "name": "http", "port": port, "protocol": "TCP" });
        if let Some(node_port) = node_port {
            entry["nodePort"] = json!(node_port);
        }
        let service: k8s_openapi::api::core::v1::Service = ours(json!({ "ports": [entry] }));
        Seen {
            versions: vec![version("v1", None)],
            claim: true,
            service: Some(service),
            ..Seen::default()
        }
    };
    let served = classifier(json!({}), champion);
    let built = |seen: &Seen| changes(&served, seen);
    assert_eq!(steps(&built(&with_port(8080, None)))[0], "apply Service cards");
    let mended = built(&with_port(9090, Some(30_001)));
    assert_eq!(steps(&mended)[..2], ["change Service cards", "apply Service cards"]);
    let Change::Merge(_, patch) = &mended[0] else {
        panic!("{mended:?}");
    };
    let port = &patch["spec"]["ports"][0];
    assert_eq!((&port["port"], &port["nodePort"]), (&json!(8080), &json!(30_001)));
}

#[test]
fn an_apply_over_a_deployment_can_set_our_parts_whole_and_leaves_others() {
    let mut found = deployment("v1", 1, json!({}));
    let edited = json!({ "containers": [
        { "name": "server", "image": "other", "ports": [{ "name": "http", "containerPort": 9090 }],
          "readinessProbe": { "tcpSocket": { "port": 9090 } } },
        { "name": "mesh", "image": "sidecar" },
    ], "volumes": [{ "name": "store", "emptyDir": {} }, { "name": "of-mesh", "emptyDir": {} }] });
    let spec = found.spec.as_mut().expect("a spec");
    spec.min_ready_seconds = Some(10_000);
    spec.paused = Some(true);
    spec.template.spec = serde_json::from_value(edited).expect("a pod");
    let champion = json!({ "champion": { "name": "v1", "sha256": sha("1") } });
    let seen = seen(vec![version("v1", None)], Some(found), vec![]);
    let changes = changes(&classifier(json!({}), champion), &seen);
    let Some(Change::ApplyOver(manifest, _, whole)) = changes.last() else {
        panic!("{changes:?}");
    };
    let pod = &whole["spec"]["template"]["spec"];
    let ours = &manifest.body["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0], ours["containers"][0]);
    assert_eq!(pod["containers"][1], json!({ "name": "mesh", "image": "sidecar" }));
    let volumes: Vec<_> = pod["volumes"]
        .as_array()
        .expect("volumes")
        .iter()
        .map(|volume| &volume["name"])
        .collect();
    assert_eq!(volumes, ["store", "tmp", "of-mesh"]);
    assert!(pod["volumes"][0].get("persistentVolumeClaim").is_some());
    assert_eq!(whole["spec"]["minReadySeconds"], Value::Null);
    assert!(whole["spec"].get("paused").is_none() && whole["spec"]["strategy"].is_object());
}

#[test]
fn servers_get_policy_and_keys_only_where_signatures_count() {
    let arguments = |spec: Value| -> Vec<String> {
        let classifier = classifier(spec, json!({}));
        let owner = crate::object::owner_reference(&classifier).expect("a uid");
        let settings = Settings::default();
        let deployment = build::deployment(&classifier, &version("v1", None), Some(1), &owner, &settings);
        let pod = deployment.spec.and_then(|spec| spec.template.spec).expect("a pod");
        let volumes = pod.volumes.iter().flatten();
        assert!(
            volumes.clone().all(|volume| volume.secret.is_none()),
            "no server gets the private key"
        );
        pod.containers[0].args.clone().unwrap_or_default()
    };
    let plain = arguments(json!({}));
    let signing = json!({ "keySecretRef": { "name": "signing-key", "key": "signing.key" } });
    assert_eq!(arguments(json!({ "signing": signing })), plain);
    let verification = |policy: &str| json!({ "verification": { "publicKeys": ["A\n", "B$(X)"], "policy": policy } });
    assert_eq!(arguments(verification("Ignore")), plain);
    for (policy, word) in [("Required", "required"), ("IfSigned", "if-signed")] {
        let more = ["--verification", word, "--public-key", "A", "--public-key", "B$$(X)"];
        assert_eq!(
            arguments(verification(policy)),
            [&plain[..], &more.map(str::to_owned)].concat()
        );
    }
    let default = json!({ "verification": { "publicKeys": ["A"] } });
    assert!(arguments(default).contains(&"required".to_owned()));
}
