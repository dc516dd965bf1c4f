//! The permissions of the chart, checked by the audit log: with RBAC, the operator runs under its own account, is never
//! denied, and uses every permission that it has.

use std::collections::BTreeSet;

use complaint_harness::{Case, Helm, Kubectl, tests};
use serde_json::Value;

use crate::cluster::{Cluster, example, has};

pub fn tests() -> Vec<Case> {
    tests![the_operator_uses_every_right_that_the_chart_gives_it_and_needs_no_other]
}

const OPERATOR: &str = "system:serviceaccount:complaint-system:complaint-operator";

/// Permissions that the test does not use, each with the reason why the chart grants it.
const UNUSED: &[(&str, &str)] = &[];

/// `verb resource.group`, one each.
type Rights = BTreeSet<String>;

fn right(verb: &str, resource: &str, group: &str) -> String {
    let group = if group.is_empty() {
        String::new()
    } else {
        format!(".{group}")
    };
    format!("{verb} {resource}{group}")
}

fn texts<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    value[key].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The permissions of Roles in the output of `kubectl get -o json`.
fn granted(list: &str) -> Rights {
    let list: Value = serde_json::from_str(list).expect("JSON");
    let mut rights = Rights::new();
    for role in list["items"].as_array().expect("a list") {
        for rule in role["rules"].as_array().into_iter().flatten() {
            for group in texts(rule, "apiGroups") {
                for resource in texts(rule, "resources") {
                    rights.extend(texts(rule, "verbs").map(|verb| right(verb, resource, group)));
                }
            }
        }
    }
    rights
}

/// The permissions that the operator used by the audit log. An apply that created its object also used `create`.
fn used(log: &str) -> Rights {
    let mut rights = Rights::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).expect("an audit event per line");
        let object = &event["objectRef"];
        if event["user"]["username"] != OPERATOR || object.is_null() {
            continue;
        }
        let decision = &event["annotations"]["authorization.k8s.io/decision"];
        assert_eq!(decision, "allow", "the operator was refused: {event:#}");
        let code = &event["responseStatus"]["code"];
        assert_ne!(*code, 403, "the operator was refused: {event:#}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut resource = text(&object["resource"]);
        if let Some(sub) = object["subresource"].as_str() {
            resource = format!("{resource}/{sub}");
        }
        let (verb, group) = (text(&event["verb"]), text(&object["apiGroup"]));
        if verb == "patch" && *code == 201 {
            rights.insert(right("create", &resource, &group));
        }
        rights.insert(right(&verb, &resource, &group));
    }
    rights
}

fn the_operator_uses_every_right_that_the_chart_gives_it_and_needs_no_other(kubectl: Kubectl, helm: Helm) {
    let cluster = Cluster::start(&["--rbac", "--audit-log", "audit.log"]);
    let ok = |args: &str| cluster.ok(&kubectl, args);
    // Disruption budgets exist only if pods can run on several nodes.
    cluster.ok(
        &helm,
        "install complaint-operator charts/complaint-operator --namespace complaint-system --create-namespace --wait \
         --timeout 120s --set storage.accessMode=ReadWriteMany --set images.trainer.repository=typo",
    );
    ok("apply -f examples/quickstart");
    // A run that can't start: it is held back, released, and made again when the chart names an image that exists.
    let ready = |run: &str, reason: &str| {
        format!(
            r#"wait tr/{run} --for=jsonpath={{.status.conditions[?(@.type=="Ready")].reason}}={reason} --timeout=60s"#
        )
    };
    ok(&ready("card-complaints-1", "ImagePullBackOff"));
    ok(r#"patch tr/card-complaints-1 --type=merge -p {"spec":{"suspend":true}}"#);
    ok(&ready("card-complaints-1", "Suspended"));
    ok(r#"patch tr/card-complaints-1 --type=merge -p {"spec":{"suspend":false}}"#);
    ok(&ready("card-complaints-1", "ImagePullBackOff"));
    cluster.ok(
        &helm,
        "upgrade complaint-operator charts/complaint-operator --namespace complaint-system --wait --timeout 120s \
         --set storage.accessMode=ReadWriteMany --set retention.notice=0s",
    );
    ok("wait --for=condition=Ready cc/card-complaints --timeout=180s");
    // A Job that can't make its pod.
    let run = example("retrain.yaml").replace("\nspec:\n", "\nspec:\n  podTemplate: {serviceAccountName: missing}\n");
    assert!(cluster.run(&kubectl, "apply -f -", &run).ok);
    ok(&ready("card-complaints-2", "FailedCreate"));
    let told = ok(r#"get tr/card-complaints-2 -o jsonpath={.status.conditions[?(@.type=="Ready")].message}"#);
    has(&told, &[r#"serviceaccount "missing" not found"#]);
    let serving = |replicas: u32| {
        format!(r#"patch cc/card-complaints --type=merge -p {{"spec":{{"serving":{{"replicas":{replicas}}}}}}}"#)
    };
    ok(&serving(2));
    ok("wait --for=create pdb/card-complaints --timeout=60s");
    ok(&serving(1));
    ok("wait --for=delete pdb/card-complaints --timeout=60s");
    ok(
        r#"patch cc/card-complaints --type=merge -p {"spec":{"serving":{"replicas":null,"autoscaling":{"maxReplicas":2},"podTemplate":{"resources":{"requests":{"cpu":"10m"}}}}}}"#,
    );
    ok("wait --for=create hpa/card-complaints --timeout=60s");
    ok(r#"patch cc/card-complaints --type=merge -p {"spec":{"serving":{"replicas":1,"autoscaling":null}}}"#);
    ok("wait --for=delete hpa/card-complaints --timeout=60s");
    // A run that the operator makes, once no other is active.
    ok("delete tr/card-complaints-2");
    ok("apply -f examples/scheduled.yaml");
    ok("wait --for=create tr/card-complaints-29891520 --timeout=60s");
    // Retention deletes the older of two versions that runs made, once it is clear that nothing can judge them.
    let version = |name: &str| {
        let digest = "0".repeat(64);
        format!(
            r#"{{"apiVersion":"complaints.dev/v1alpha1","kind":"ModelVersion","metadata":{{"name":"{name}",
            "labels":{{"complaints.dev/training-run":"{name}"}}}},"spec":{{"classifierRef":{{"name":"card-complaints"}},
            "lineage":{{"trainingRun":"{name}"}},"artifact":{{"sha256":"{digest}",
            "uri":"pvc://card-complaints-artifacts/default/card-complaints/{digest}/model.safetensors"}}}}}}"#
        )
    };
    for name in ["old-1", "old-2"] {
        assert!(cluster.run(&kubectl, "apply -f -", &version(name)).ok);
    }
    ok(r#"patch cc/card-complaints --type=merge -p {"spec":{"retention":{"keepVersions":1}}}"#);
    ok("wait --for=delete mv/old-1 --timeout=60s");
    // The TTL deletes the run.
    ok(r#"patch tr/card-complaints-1 --type=merge -p {"spec":{"ttlSecondsAfterFinished":0}}"#);
    ok("wait --for=delete tr/card-complaints-1 --timeout=60s");
    let apply = |manifest: &str| {
        let applied = cluster.run(&kubectl, "apply -f -", manifest);
        assert!(applied.ok, "{}", applied.err);
    };
    let run = |name: &str, source: &str| {
        format!(
            r#"{{"apiVersion":"complaints.dev/v1alpha1","kind":"TrainingRun","metadata":{{"name":"{name}"}},"spec":{{
            "classifierRef":{{"name":"card-complaints"}},"dataset":{{"format":"Csv","textField":"narrative",
            "labelFields":["category"],"source":{source}}}}}}}"#
        )
    };
    // A run whose data set is on a claim that is not there.
    apply(&run(
        "on-a-claim",
        r#"{"persistentVolumeClaim":{"claimName":"absent","path":"d.csv"}}"#,
    ));
    ok("wait --for=condition=Stalled tr/on-a-claim --timeout=60s");
    // A run whose Job's name is taken.
    apply(
        r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"taken-train"},"spec":{"suspend":true,"template":{"spec":{
        "restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}"#,
    );
    apply(&run(
        "taken",
        r#"{"configMap":{"name":"card-complaints","key":"complaints.csv.gz"}}"#,
    ));
    ok("wait --for=condition=Stalled tr/taken --timeout=60s");
    // A version that never comes up: its Deployment goes again.
    ok("apply -f examples/import/");
    ok(
        r#"patch cc/imported-complaints --type=merge -p {"spec":{"promotion":{"modelVersion":"imported-complaints-2026-11"},"rollout":{"progressDeadlineSeconds":10}}}"#,
    );
    ok("wait --for=create deploy/imported-complaints --timeout=60s");
    ok("wait --for=delete deploy/imported-complaints --timeout=120s");
    has(&ok(&format!("auth can-i patch jobs.batch --as {OPERATOR}")), &["yes"]);
    let denied = cluster.run(&kubectl, &format!("auth can-i get secrets --as {OPERATOR}"), "");
    has(&denied.out, &["no"]);

    let roles = ok("get clusterroles,roles --all-namespaces -l app.kubernetes.io/name=complaint-operator -o json");
    let mut roles: Value = serde_json::from_str(&roles).expect("JSON");
    // Roles that aggregate into the user-facing ones, and that of reviewers, are for people.
    let for_people = |role: &Value| {
        let is_review = role["metadata"]["name"]
            .as_str()
            .is_some_and(|name| name.ends_with("-review"));
        is_review || role["metadata"]["labels"].to_string().contains("aggregate-to-")
    };
    roles["items"]
        .as_array_mut()
        .expect("a list")
        .retain(|role| !for_people(role));
    let granted = granted(&roles.to_string());
    let used = used(&cluster.read("audit.log"));
    let unused: Vec<&String> = granted.difference(&used).collect();
    let documented: Vec<String> = UNUSED.iter().map(|(right, _)| (*right).to_owned()).collect();
    assert_eq!(
        unused.into_iter().cloned().collect::<Vec<_>>(),
        documented,
        "the chart gives rights that the operator does not use here; take them away, or use them in this flow"
    );
}
