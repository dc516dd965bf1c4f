//! kubectl with the examples, and with built-in kinds.

use std::path::Path;

use complaint_harness::{Case, Kubectl, tests};

use crate::cluster::{Cluster, example, has};

pub fn tests() -> Vec<Case> {
    tests![
        kubectl_works_with_the_examples,
        promotion_by_manifest_changes_nothing_but_the_pin
    ]
}

/// The ways of the documentation to pin a version. Each leaves what an earlier apply set, and an apply without the line
/// takes the pin out again only where an apply put it in.
fn promotion_by_manifest_changes_nothing_but_the_pin(kubectl: Kubectl) {
    let cluster = Cluster::with_definitions(&kubectl);
    let manifest = |name: &str, pin: &str| {
        let manifest = example("quickstart/classifier.yaml").replace("name: card-complaints", &format!("name: {name}"));
        manifest.replace("  promotion:\n", &format!("  promotion:\n{pin}"))
    };
    let line = |version: &str| format!("    modelVersion: {version}\n");
    for (name, apply) in [("client", "apply -f -"), ("server", "apply --server-side -f -")] {
        let pinned = |expected: &str| {
            let get = |path: &str| cluster.ok(&kubectl, &format!("get cc/{name} -o jsonpath={{{path}}}"));
            assert_eq!(get(".spec.promotion.modelVersion"), expected, "{name}");
            assert_eq!(get(".spec.promotion.gates[0].min"), "0.7", "{name}");
            assert_eq!(get(".spec.serving.replicas"), "1", "{name}");
            assert_eq!(
                get(".spec.serving.podTemplate.resources.limits.memory"),
                "128Mi",
                "{name}"
            );
        };
        let applied = |pin: &str| {
            let answer = cluster.run(&kubectl, apply, &manifest(name, pin));
            assert!(answer.ok, "{}", answer.err);
        };
        let patched = |version: &str| {
            let patch =
                format!(r#"patch cc/{name} --type=merge -p {{"spec":{{"promotion":{{"modelVersion":{version}}}}}}}"#);
            cluster.ok(&kubectl, &patch);
        };
        applied("");
        pinned("");
        applied(&line("cards-1"));
        pinned("cards-1");
        applied(&line("cards-2"));
        pinned("cards-2");
        applied("");
        pinned("");
        patched(r#""cards-1""#);
        pinned("cards-1");
        applied("");
        pinned("cards-1");
        patched("null");
        pinned("");
    }
}

fn kubectl_works_with_the_examples(kubectl: Kubectl) {
    let cluster = Cluster::start(&["--with-operator"]);
    let ok = |args: &str| cluster.ok(&kubectl, args);
    ok(
        "wait --for=condition=Established --timeout=60s crd/trainingruns.complaints.dev crd/modelversions.complaints.dev \
        crd/complaintclassifiers.complaints.dev",
    );
    has(
        &ok("apply -f examples/quickstart"),
        &["complaintclassifier.complaints.dev/card-complaints created"],
    );
    ok("wait --for=condition=Ready tr/card-complaints-1 --timeout=180s");
    ok("wait --for=condition=Ready cc/card-complaints --timeout=180s");
    // The version's own status follows the classifier's.
    ok("wait --for=jsonpath={.status.stage}=Champion mv/card-complaints-1 --timeout=60s");
    look(&ok);
    change(&cluster, &kubectl);
    has(&ok("apply -f examples/retrain.yaml"), &["card-complaints-2 created"]);
    ok("wait --for=condition=Ready tr/card-complaints-2 --timeout=180s");
    has(
        &ok("apply -f examples/import/"),
        &["imported-complaints-2026-11 created"],
    );
    has(
        &ok("apply -f examples/cfpb.yaml --dry-run=server"),
        &["cfpb-1 created (server dry run)"],
    );
    assert!(
        !cluster.run(&kubectl, "get tr/cfpb-1", "").ok,
        "a dry run made an object"
    );
    ok("delete tr/card-complaints-1");
    ok("wait --for=delete job/card-complaints-1-train --timeout=60s");
    has(&ok("get mv card-complaints-1"), &["Champion"]);
}

fn look(ok: &dyn Fn(&str) -> String) {
    has(
        &ok("get complaints"),
        &[
            "CHAMPION",
            "MACRO-F1",
            "SERVING",
            "URL",
            "STAGE",
            "Champion",
            "Succeeded",
        ],
    );
    has(
        &ok("get tr -o wide"),
        &[
            "PHASE",
            "PROGRESS",
            "MODEL",
            "card-complaints-1",
            "READY",
            "REASON",
            "Trained",
        ],
    );
    has(&ok("get cc -o wide"), &["CHAMPION", "CHALLENGER", "REASON", "Serving"]);
    has(
        &ok("describe tr/card-complaints-1"),
        &["Events:", "JobCreated", "Trained"],
    );
    has(
        &ok("describe cc/card-complaints"),
        &["Promoted", "ModelVersion card-complaints-1"],
    );
    has(
        &ok("logs job/card-complaints-1-train"),
        &["held-out rows", "model.safetensors"],
    );
    has(&ok("explain tr.spec.search"), &["candidates", "maxTrialCount", "enum:"]);
    assert_eq!(ok("diff -f examples/quickstart"), "");
}

fn change(cluster: &Cluster, kubectl: &Path) {
    let other = example("quickstart/classifier.yaml").replace("min: 0.7", "min: 0.75");
    let difference = cluster.run(kubectl, "diff -f -", &other);
    assert!(!difference.ok, "a difference has exit code 1");
    has(&difference.out, &["-      min: 0.7", "+      min: 0.75"]);
    for (from, to, message) in [
        (
            "min: 0.7",
            "min: 7",
            "spec.promotion.gates[0].min in body should be less than or equal to 1",
        ),
        ("replicas: 1", "replikas: 1", "unknown field \"spec.serving.replikas\""),
    ] {
        let bad = example("quickstart/classifier.yaml").replace(from, to);
        let answer = cluster.run(kubectl, "apply -f -", &bad);
        assert!(!answer.ok, "accepted: {to}");
        has(&answer.err, &[message]);
    }
    let patch = r#"patch cc/card-complaints --type=merge -p {"spec":{"serving":{"replicas":2}}}"#;
    cluster.ok(kubectl, patch);
    cluster.ok(
        kubectl,
        "wait --for=jsonpath={.status.readyReplicas}=2 deploy/card-complaints --timeout=120s",
    );
}
