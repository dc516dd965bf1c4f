//! What servers get to collect corrections and answers.

use super::*;

/// The pod of a classifier with this spec.
fn pod(spec: Value) -> k8s_openapi::api::core::v1::PodSpec {
    let artifacts = spec.get("artifacts").is_some();
    let classifier = classifier(spec, json!({}));
    let owner = crate::object::owner_reference(&classifier).expect("a uid");
    let mut version = version("v1", None);
    if artifacts {
        version.spec.artifact.uri = "s3://models/prod/default/cards/1/model.safetensors".into();
    }
    let deployment = build::deployment(&classifier, &version, Some(1), &owner, &Settings::default());
    deployment.spec.and_then(|spec| spec.template.spec).expect("a pod")
}

#[test]
fn servers_collect_and_write_only_where_they_are_asked_to() {
    let arguments = |spec: Value| pod(spec).containers[0].args.clone().unwrap_or_default();
    let plain = arguments(json!({}));
    let serving = |fields: Value| json!({ "serving": fields });
    let token = json!({ "name": "reviewers", "key": "token" });
    let feedback = json!({ "tokenSecretRef": token, "randomShare": 0.05 });
    let store = ["--store", "/var/lib/complaint-collected"];
    let tokens = ["--feedback-token-file", "/etc/complaint-feedback/reviewers/token"];
    let share = ["--feedback-random-share", "0.05"];
    let capture = |mode: &'static str, share: &'static str| {
        [
            "--capture",
            mode,
            "--capture-share",
            share,
            "--capture-max-bytes-per-day",
            "104857600",
        ]
    };
    let cases: Vec<(Value, Vec<&str>)> = vec![
        (json!({ "capture": {} }), vec![]),
        (json!({ "capture": { "mode": "Disabled", "share": 1.0 } }), vec![]),
        (json!({ "feedback": feedback }), [&store[..], &tokens, &share].concat()),
        (
            json!({ "feedback": { "tokenSecretRef": token, "allowNewCategories": true } }),
            [
                &store[..],
                &tokens,
                &["--feedback-random-share", "0", "--feedback-new-categories"],
            ]
            .concat(),
        ),
        (
            json!({ "capture": { "mode": "All" } }),
            [&store[..], &capture("all", "1")].concat(),
        ),
        (
            json!({ "capture": { "mode": "All", "share": 0.25 } }),
            [&store[..], &capture("all", "0.25")].concat(),
        ),
        (
            json!({ "capture": { "mode": "NeedsReview" } }),
            [&store[..], &capture("needs-review", "0")].concat(),
        ),
        (
            // The share that measures the accuracy is captured, so that people can check it.
            json!({ "feedback": feedback, "capture": { "mode": "NeedsReview" } }),
            [&store[..], &tokens, &share, &capture("needs-review", "0.05")].concat(),
        ),
    ];
    for (fields, more) in cases {
        let more: Vec<String> = more.into_iter().map(str::to_owned).collect();
        assert_eq!(
            arguments(serving(fields.clone())),
            [&plain[..], &more].concat(),
            "{fields}"
        );
        let pod = pod(serving(fields.clone()));
        let claim = pod
            .volumes
            .iter()
            .flatten()
            .find_map(|volume| volume.persistent_volume_claim.as_ref());
        let writes = claim.expect("a claim").read_only != Some(true);
        assert_eq!(writes, !more.is_empty(), "{fields}");
        let mounts = pod.containers[0].volume_mounts.clone().unwrap_or_default();
        let writable: Vec<_> = mounts
            .iter()
            .filter(|mount| mount.read_only != Some(true) && mount.name != "tmp")
            .collect();
        let folders: Vec<_> = writable.iter().map(|mount| mount.sub_path.as_deref()).collect();
        let expected: &[_] = if writes { &[Some("default/cards")] } else { &[] };
        assert_eq!(folders, expected, "{fields}: other classifiers' models stay read-only");
    }
    let bucket = json!({ "artifacts": { "uri": "s3://models/prod" }, "serving": { "feedback": feedback } });
    let pod = pod(bucket);
    let args = pod.containers[0].args.clone().unwrap_or_default();
    let at = args.iter().position(|arg| arg == "--store").expect("a store");
    assert_eq!(args[at + 1], "s3://models/prod/default/cards");
    let volumes: Vec<_> = pod
        .volumes
        .iter()
        .flatten()
        .map(|volume| volume.name.as_str())
        .collect();
    assert_eq!(volumes, ["feedback-token", "tmp"]);
    let secret = pod
        .volumes
        .iter()
        .flatten()
        .find_map(|volume| volume.secret.clone())
        .expect("a Secret");
    assert_eq!(
        (secret.secret_name.as_deref(), secret.optional),
        (Some("reviewers"), Some(true))
    );
    let fs_group = pod.security_context.expect("a context").fs_group;
    assert!(
        secret.default_mode == Some(0o400) && fs_group.is_some(),
        "the kubelet lets the group read it"
    );
}
