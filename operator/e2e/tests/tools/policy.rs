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
    tests![
        only_named_groups_promote_and_record_versions,
        approvals_name_who_writes_them
    ]
}

/// The document of the rendered chart whose name ends so, as its kind, which must know every field.
fn parsed<K: DeserializeOwned + Serialize>(documents: &[Value], kind: &str, end: &str) -> K {
    let is_named = |document: &Value| {
        document["metadata"]["name"]
            .as_str()
            .is_some_and(|name| name.ends_with(end))
    };
    let mut found = documents
        .iter()
        .filter(|document| document["kind"] == kind && is_named(document));
    let document = found
        .next()
        .unwrap_or_else(|| panic!("the chart renders no {kind} of this name: {end}"));
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
        let value = self.try_evaluate(expression, variables);
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_evaluate(&self, expression: &str, variables: &HashMap<String, Cel>) -> Result<Cel, String> {
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
        program.execute(&context).map_err(|error| error.to_string())
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
            // An API server evaluates a variable only where it is used, so one that fails may do no harm.
            if let Ok(value) = self.try_evaluate(&variable.expression, &variables) {
                variables.insert(variable.name.clone(), value);
            }
        }
        let mut validations = spec.validations.iter().flatten();
        let refused =
            validations.find(|validation| self.evaluate(&validation.expression, &variables) != Cel::Bool(true));
        refused.map(
            |validation| match (&validation.message, &validation.message_expression) {
                (Some(message), None) => message.clone(),
                (None, Some(expression)) => match self.evaluate(expression, &variables) {
                    Cel::String(message) => message.to_string(),
                    other => panic!("{expression}: {other:?}"),
                },
                both => panic!("a message or an expression: {both:?}"),
            },
        )
    }
}

const CHART: &str = "template complaint-operator charts/complaint-operator --namespace complaint-system --set admissionPolicy.enabled=true";

/// The chart's documents with the policies.
fn rendered(cluster: &Cluster, helm: &Helm) -> Vec<Value> {
    let groups = "--set admissionPolicy.groups={ml-approvers,system:serviceaccounts:flux-system}";
    let rendered = cluster.ok(helm, &format!("{CHART} {groups} --set watchNamespaces={{default}}"));
    rendered
        .split("\n---\n")
        .filter(|document| document.contains("\nkind: "))
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect()
}

fn approvals_name_who_writes_them(kubectl: Kubectl, helm: Helm) {
    let cluster = Cluster::with_definitions(&kubectl);
    let documents = rendered(&cluster, &helm);
    let policy: ValidatingAdmissionPolicy = parsed(&documents, "ValidatingAdmissionPolicy", "-approval");
    let binding: ValidatingAdmissionPolicyBinding = parsed(&documents, "ValidatingAdmissionPolicyBinding", "-approval");
    assert_eq!(Some(binding.spec.policy_name), policy.metadata.name);
    let version = |approver: Option<&str>| {
        let annotations = approver.map(|name| json!({ "complaints.dev/approved-by": name }));
        json!({ "metadata": { "name": "cards-1", "annotations": annotations.unwrap_or(json!({ "team": "ml" })) } })
    };
    let bare = json!({ "metadata": { "name": "cards-1" } });
    let (plain, jane, ann) = (version(None), version(Some("jane")), version(Some("ann")));
    for (user, object, old, allowed) in [
        ("jane", &jane, Some(&bare), true),
        ("jane", &jane, Some(&plain), true),
        ("ann", &jane, Some(&plain), false),
        ("ann", &ann, Some(&jane), true),
        // The name stays when others change something else, and anybody may take an approval back.
        ("ann", &jane, Some(&jane), true),
        ("ann", &plain, Some(&jane), true),
        ("ann", &bare, Some(&jane), true),
        ("ann", &jane, None, false),
        ("ann", &plain, None, true),
        ("ann", &bare, None, true),
    ] {
        let request = Request {
            user,
            groups: &["ml-approvers"],
            resource: "modelversions",
            object,
            old,
        };
        let refused = request.refused_by(&policy);
        assert_eq!(refused.is_none(), allowed, "{user}: {object} from {old:?}: {refused:?}");
        if let Some(message) = refused {
            has(&message, &["write 'ann'"]);
        }
    }
}

fn only_named_groups_promote_and_record_versions(kubectl: Kubectl, helm: Helm) {
    let cluster = Cluster::with_definitions(&kubectl);
    let refused = cluster.run(&helm, CHART, "");
    assert!(!refused.ok, "a policy without groups would lock everybody out");
    has(&refused.err, &["groups"]);
    let documents = rendered(&cluster, &helm);
    let policy: ValidatingAdmissionPolicy = parsed(&documents, "ValidatingAdmissionPolicy", "-promotion");
    let binding: ValidatingAdmissionPolicyBinding =
        parsed(&documents, "ValidatingAdmissionPolicyBinding", "-promotion");
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
