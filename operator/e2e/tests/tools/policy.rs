//! The chart's admission policy: its form, and what its expressions say about requests. The sandbox has no admission
//! policies, so they are evaluated here, over objects as an API server stores them.

use std::collections::HashMap;

use cel::{Context, Env, Value as Cel};
use complaint_harness::{Case, Helm, Kubectl, tests};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::cluster::{Cluster, has};

pub fn tests() -> Vec<Case> {
    tests![only_named_groups_promote_and_record_versions]
}

/// A document of the rendered chart as its kind, which must know every field.
fn parsed<K: DeserializeOwned + Serialize>(documents: &[Value], kind: &str) -> K {
    let document = documents.iter().find(|document| document["kind"] == kind);
    let document = document.unwrap_or_else(|| panic!("the chart renders no {kind}"));
    let parsed: K = serde_json::from_value(document.clone()).expect("the kind's form");
    let again = serde_json::to_value(&parsed).expect("JSON");
    assert_eq!(again["spec"], document["spec"], "a field that the kind does not have");
    parsed
}

struct Request<'a> {
    user: &'a str,
    groups: &'a [&'a str],
    resource: &'a str,
    object: &'a Value,
    old: Option<&'a Value>,
}

impl Request<'_> {
    /// Evaluates an expression with the variables known so far.
    fn evaluate(&self, expression: &str, variables: &HashMap<String, Cel>) -> Cel {
        let env = std::sync::Arc::new(Env::stdlib());
        let program = env.compile(expression);
        let program = program.unwrap_or_else(|error| panic!("{expression}: {error}"));
        let mut context = Context::with_env(env);
        let operation = if self.old.is_some() { "UPDATE" } else { "CREATE" };
        let request = json!({
            "operation": operation, "resource": { "group": "complaints.dev", "resource": self.resource },
            "userInfo": { "username": self.user, "groups": self.groups },
        });
        for (name, value) in [
            ("request", &request),
            ("object", self.object),
            ("oldObject", self.old.unwrap_or(&Value::Null)),
        ] {
            context.add_variable(name, value).expect("a value");
        }
        context.add_variable_from_value("variables", variables.clone());
        let value = program.execute(&context);
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The message of the validation that refuses the request.
    fn refused_by(&self, policy: &ValidatingAdmissionPolicy) -> Option<String> {
        let spec = policy.spec.as_ref().expect("a spec");
        let none = HashMap::new();
        let mut conditions = spec.match_conditions.iter().flatten();
        if !conditions.all(|condition| self.evaluate(&condition.expression, &none) == Cel::Bool(true)) {
            return None;
        }
        let mut variables = HashMap::new();
        for variable in spec.variables.iter().flatten() {
            // An API server evaluates a variable only where it is used.
            if self.resource == "complaintclassifiers" {
                let value = self.evaluate(&variable.expression, &variables);
                variables.insert(variable.name.clone(), value);
            }
        }
        let mut validations = spec.validations.iter().flatten();
        let refused =
            validations.find(|validation| self.evaluate(&validation.expression, &variables) != Cel::Bool(true));
        refused.map(|validation| validation.message.clone().expect("a message"))
    }
}

fn only_named_groups_promote_and_record_versions(kubectl: Kubectl, helm: Helm) {
    let cluster = Cluster::with_definitions(&kubectl);
    let chart = "template complaint-operator charts/complaint-operator --namespace complaint-system --set admissionPolicy.enabled=true";
    let refused = cluster.run(&helm, chart, "");
    assert!(!refused.ok, "a policy without groups would lock everybody out");
    has(&refused.err, &["groups"]);
    let rendered = cluster.ok(
        &helm,
        &format!("{chart} --set admissionPolicy.groups={{ml-approvers,system:serviceaccounts:flux-system}} --set watchNamespaces={{default}}"),
    );
    let documents: Vec<Value> = rendered
        .split("\n---\n")
        .filter(|document| document.contains("\nkind: "))
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect();
    let policy: ValidatingAdmissionPolicy = parsed(&documents, "ValidatingAdmissionPolicy");
    let binding: ValidatingAdmissionPolicyBinding = parsed(&documents, "ValidatingAdmissionPolicyBinding");
    assert_eq!(Some(binding.spec.policy_name), policy.metadata.name);

    // As the API server stores them, with the defaults of the schema.
    let stored = |spec: Value| -> Value {
        let manifest = json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": "ComplaintClassifier",
                               "metadata": { "name": "cards" }, "spec": spec });
        let answer = cluster.run(&kubectl, "create --dry-run=server -o json -f -", &manifest.to_string());
        assert!(answer.ok, "{}", answer.err);
        serde_json::from_str(&answer.out).expect("JSON")
    };
    let plain = stored(json!({}));
    let scaled = stored(json!({ "serving": { "replicas": 3 } }));
    let pinned = stored(json!({ "promotion": { "modelVersion": "cards-1" } }));
    let gated = stored(json!({ "promotion": { "gates": [{ "metric": "macroF1", "min": 0.5 }] } }));
    let manual = stored(json!({ "promotion": { "policy": "Manual" } }));
    let resplit = stored(json!({ "evaluation": { "testFraction": 0.5 } }));
    let key = rcgen::KeyPair::generate().expect("a key").public_key_pem();
    let verified = stored(json!({ "verification": { "publicKeys": [key], "policy": "Required" } }));
    let lax = stored(json!({ "verification": { "publicKeys": [key], "policy": "Ignore" } }));
    let version = json!({ "spec": { "classifierRef": { "name": "cards" } } });
    let operator = "system:serviceaccount:complaint-system:complaint-operator";
    let (classifiers, versions) = ("complaintclassifiers", "modelversions");
    let cases = [
        ("ed", "staff", classifiers, &plain, None, true),
        ("ed", "staff", classifiers, &scaled, None, true),
        ("ed", "staff", classifiers, &pinned, None, false),
        ("ed", "staff", classifiers, &gated, None, false),
        ("ed", "staff", classifiers, &manual, None, false),
        ("ed", "staff", classifiers, &resplit, None, false),
        ("ed", "staff", classifiers, &scaled, Some(&plain), true),
        ("ed", "staff", classifiers, &gated, Some(&gated), true),
        ("ed", "staff", classifiers, &pinned, Some(&plain), false),
        ("ed", "staff", classifiers, &plain, Some(&pinned), false),
        ("ed", "staff", classifiers, &plain, Some(&gated), false),
        ("ed", "staff", classifiers, &resplit, Some(&plain), false),
        ("ed", "staff", classifiers, &verified, None, true),
        ("ed", "staff", classifiers, &verified, Some(&verified), true),
        ("ed", "staff", classifiers, &verified, Some(&plain), false),
        ("ed", "staff", classifiers, &lax, Some(&verified), false),
        ("ed", "staff", classifiers, &plain, Some(&verified), false),
        ("ann", "ml-approvers", classifiers, &plain, Some(&verified), true),
        ("ed", "staff", versions, &version, None, false),
        ("ann", "ml-approvers", classifiers, &pinned, Some(&plain), true),
        ("ann", "ml-approvers", versions, &version, None, true),
        (
            "flux",
            "system:serviceaccounts:flux-system",
            classifiers,
            &pinned,
            None,
            true,
        ),
        (operator, "system:serviceaccounts", versions, &version, None, true),
    ];
    for (user, group, resource, object, old, allowed) in cases {
        let request = Request {
            user,
            groups: &["system:authenticated", group],
            resource,
            object,
            old,
        };
        let refused = request.refused_by(&policy);
        assert_eq!(
            refused.is_none(),
            allowed,
            "{user}: {resource} {object} from {old:?}: {refused:?}"
        );
        if let Some(message) = refused {
            has(
                &message,
                &["only members of ml-approvers, system:serviceaccounts:flux-system may"],
            );
        }
    }
}
