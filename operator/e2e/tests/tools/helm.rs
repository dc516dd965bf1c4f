//! helm with the chart.

use complaint_harness::{Case, Helm, Kubectl, tests};

use crate::cluster::{Cluster, has};

pub fn tests() -> Vec<Case> {
    tests![helm_installs_upgrades_rolls_back_and_leaves_the_definitions]
}

fn helm_installs_upgrades_rolls_back_and_leaves_the_definitions(kubectl: Kubectl, helm: Helm) {
    let cluster = Cluster::start(&["--rbac"]);
    let ok = |args: &str| cluster.ok(&kubectl, args);
    let chart = "charts/complaint-operator --namespace complaint-system --wait --timeout 120s";
    cluster.ok(&helm, &format!("install complaint-operator {chart} --create-namespace"));
    let ready = "get deploy/complaint-operator --namespace complaint-system -o jsonpath={.status.readyReplicas}";
    assert_eq!(ok(ready), "2");
    ok("wait lease/complaint-operator --namespace complaint-system --for=create --timeout=60s");
    ok(
        "wait lease/complaint-operator --namespace complaint-system --for=jsonpath={.spec.holderIdentity} --timeout=60s",
    );
    let holder = "get lease/complaint-operator --namespace complaint-system -o jsonpath={.spec.holderIdentity}";
    has(
        &ok("get pods --namespace complaint-system --output name"),
        // The pod's name, and what tells its containers apart.
        &[ok(holder).split('_').next().expect("a name")],
    );
    let tested = cluster.ok(
        &helm,
        "test complaint-operator --namespace complaint-system --timeout 60s",
    );
    has(&tested, &["complaint-operator-test-image", "Phase:", "Succeeded"]);
    ok("apply -f examples/quickstart");
    ok("wait --for=condition=Ready cc/card-complaints --timeout=180s");
    cluster.ok(
        &helm,
        &format!("upgrade complaint-operator {chart} --set log.format=text"),
    );
    cluster.ok(
        &helm,
        "rollback complaint-operator 1 --namespace complaint-system --wait --timeout 120s",
    );
    has(
        &cluster.ok(&helm, "history complaint-operator --namespace complaint-system"),
        &["Rollback to 1"],
    );
    assert_eq!(ok(ready), "2");
    cluster.ok(
        &helm,
        "uninstall complaint-operator --namespace complaint-system --wait --timeout 120s",
    );
    assert_eq!(
        ok(
            "get deploy,serviceaccounts --namespace complaint-system --selector app.kubernetes.io/name=complaint-operator --output name"
        ),
        ""
    );
    has(
        &ok("get crd --output name"),
        &["trainingruns.", "modelversions.", "complaintclassifiers."],
    );
    has(&ok("get cc"), &["card-complaints-1", "True"]);
}
