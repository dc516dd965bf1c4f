//! What a user may not do, and what is missing.

use complaint_harness::{Helm, Kubectl};
use serde_json::json;

use super::Shell;
use crate::cluster::{Cluster, has};

/// The chart's roles decide. A reader may look, and may not write or ask.
pub(super) fn a_reader_sees_everything_and_is_told_what_is_not_allowed(kubectl: Kubectl, helm: Helm) {
    let shell = Shell {
        cluster: Cluster::start(&["--rbac"]),
        kubectl: &kubectl,
    };
    shell.cluster.ok(
        &helm,
        "install complaint-operator charts/complaint-operator --namespace complaint-system --create-namespace --wait --timeout 120s",
    );
    let binding = |user: &str, role: &str| {
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": user },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
                "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }] })
    };
    shell.apply("apply -f -", &binding("rita", "view").to_string());
    shell.apply("apply -f -", &binding("ed", "edit").to_string());
    shell.kubectl("apply -f examples/quickstart");
    shell.champion("card-complaints-1");
    for args in [
        "status",
        "status card-complaints",
        "versions",
        "runs card-complaints",
        "compare card-complaints-1 card-complaints-1",
        "why card-complaints-1",
        "logs card-complaints-1",
        "promote card-complaints-1",
        "pause card-complaints",
    ] {
        shell.ok(&format!("{args} --as rita"));
    }
    for (args, parts) in [
        (
            "status -A --as rita",
            ["you may not list", "complaints.dev in all namespaces"],
        ),
        (
            "pause card-complaints --apply --as rita",
            [
                "you may not patch complaintclassifiers.complaints.dev card-complaints",
                "namespace default",
            ],
        ),
        (
            "promote card-complaints-1 --dry-run=server --as rita",
            ["you may not patch", "complaintclassifiers"],
        ),
        (
            "predict card-complaints text --as rita",
            ["you may not create services/proxy card-complaints", "role"],
        ),
        (
            "report card-complaints-1 --out /dev/null --as rita",
            ["you may not get services/proxy card-complaints", "rita"],
        ),
        ("status --watch -A --as rita", ["you may not", "in all namespaces"]),
    ] {
        has(&shell.fails(4, args), &parts);
    }
    shell.ok("predict card-complaints text --as ed");
    shell.ok("report card-complaints-1 --out /dev/null --as ed");
    shell.ok("pause card-complaints --apply --as ed");
}

pub(super) fn what_is_missing_is_told(kubectl: Kubectl) {
    let shell = Shell {
        cluster: Cluster::start(&[]),
        kubectl: &kubectl,
    };
    has(
        &shell.fails(3, "status"),
        &[
            "the cluster does not know",
            "complaints.dev",
            "install the operator's chart",
        ],
    );
    has(
        &shell.fails(3, "why v1"),
        &["does not know modelversions.complaints.dev"],
    );
    has(
        &shell.fails(1, "status --kubeconfig /nowhere/config"),
        &["no cluster to talk to", "/nowhere/config", "KUBECONFIG"],
    );
    has(
        &shell.fails(1, "status --context nobody"),
        &["no cluster to talk to", "nobody"],
    );
    has(&shell.fails(2, "status -A -n default"), &["cannot be used with"]);
    shell.kubectl("apply --server-side -f crds");
    shell.kubectl("wait --for=condition=Established --timeout=60s crd/complaintclassifiers.complaints.dev");
    has(
        &shell.fails(3, "status nobody"),
        &[
            "ComplaintClassifier nobody does not exist in namespace default",
            "status -A",
        ],
    );
    has(&shell.fails(2, "why v1 -A"), &["-n instead of -A"]);
    // A server that is not there.
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": "http://127.0.0.1:1" } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "c" } }], "users": [{ "name": "c", "user": {} }],
    });
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("config");
    std::fs::write(&file, config.to_string()).expect("it can be written");
    has(
        &shell.fails(1, &format!("status --kubeconfig {}", file.display())),
        &["does not answer", "list", "kubeconfig's address"],
    );
}
