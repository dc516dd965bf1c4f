//! The chart is in step with the code (its copies of the CRDs, the flags that it gives the operator) and with the API.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

fn chart(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../charts/complaint-operator", path]
        .iter()
        .collect()
}

/// What the templates give over a matrix of values; `.ci/chart` keeps it in step with helm.
fn snapshots() -> Vec<(String, Value)> {
    let objects: Vec<(String, Value)> = std::fs::read_dir(chart("../snapshots"))
        .expect("the chart has snapshots")
        .flat_map(|entry| {
            let path = entry.expect("a readable entry").path();
            let text = std::fs::read_to_string(&path).expect("a text file");
            let objects: Vec<Value> =
                serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            objects.into_iter().map(move |object| {
                let name = format!(
                    "{} {} in {}",
                    object["kind"],
                    object["metadata"]["name"],
                    path.display()
                );
                (name, object)
            })
        })
        .collect();
    assert!(objects.len() > 50, "only {} objects", objects.len());
    objects
}

/// What is left of `object` after the API's type has read it: a misspelt or misplaced field is not.
fn read_as<K: DeserializeOwned + Serialize>(name: &str, object: &Value) -> Value {
    let typed: K = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::to_value(typed).expect("an object is JSON")
}

/// Helm reads no file outside the chart's folder, so the manifests stand there once more.
#[test]
fn the_charts_crds_are_in_step_with_the_code() {
    let folder = chart("crd-manifests");
    let stored: BTreeMap<String, String> = std::fs::read_dir(&folder)
        .expect("the chart has a folder of CRDs")
        .map(|entry| {
            let path = entry.expect("a readable entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a text file"))
        })
        .collect();
    let generated: BTreeMap<String, String> = complaint_operator::cli::crd_manifests()
        .expect("CRDs are YAML")
        .into_iter()
        .collect();
    assert!(
        stored == generated,
        "{} differs from the code: run `cargo run --bin complaint-operator -- crds --out charts/complaint-operator/crd-manifests`",
        folder.display()
    );
}

/// The template inserts labels and the annotation that keeps the CRD behind this line, which must be the only one.
#[test]
fn a_crd_manifest_has_one_place_for_the_charts_metadata() {
    for (name, text) in complaint_operator::cli::crd_manifests().expect("CRDs are YAML") {
        assert_eq!(text.matches("\nmetadata:\n  name: ").count(), 1, "{name}");
    }
}

#[test]
fn every_flag_of_the_operator_is_set_by_the_chart_and_no_other() {
    let command = <complaint_operator::cli::RunArgs as clap::Args>::augment_args(clap::Command::new("run"));
    let taken: BTreeSet<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    let template = std::fs::read_to_string(chart("templates/deployment.yaml")).expect("the chart's Deployment");
    let mut given: BTreeSet<&str> = template
        .split_whitespace()
        .filter_map(|word| word.trim_start_matches('"').strip_prefix("--")?.split('=').next())
        .collect();
    // Set by the environment: only the pod knows its namespace.
    assert!(template.contains("name: POD_NAMESPACE"));
    given.insert("lease-namespace");
    assert_eq!(given, taken, "left: the chart's flags; right: the operator's");
}

#[test]
fn the_templates_hold_no_field_that_the_api_does_not_know() {
    for (name, object) in snapshots() {
        let read = match object["kind"].as_str() {
            Some("ClusterRole") => read_as::<ClusterRole>(&name, &object),
            Some("ClusterRoleBinding") => read_as::<ClusterRoleBinding>(&name, &object),
            Some("ConfigMap") => read_as::<ConfigMap>(&name, &object),
            Some("Deployment") => read_as::<Deployment>(&name, &object),
            Some("NetworkPolicy") => read_as::<NetworkPolicy>(&name, &object),
            Some("Pod") => read_as::<Pod>(&name, &object),
            Some("PodDisruptionBudget") => read_as::<PodDisruptionBudget>(&name, &object),
            Some("Role") => read_as::<Role>(&name, &object),
            Some("RoleBinding") => read_as::<RoleBinding>(&name, &object),
            Some("Service") => read_as::<Service>(&name, &object),
            Some("ServiceAccount") => read_as::<ServiceAccount>(&name, &object),
            // Of the Prometheus operator, whose types are not Kubernetes'.
            Some("PrometheusRule" | "ServiceMonitor") => continue,
            _ => panic!("{name}: a kind that this test does not know"),
        };
        assert_eq!(
            read, object,
            "{name}: left: what the API reads; right: what the template says"
        );
    }
}

#[test]
fn the_operators_pods_meet_the_restricted_standard() {
    let deployments: Vec<_> = snapshots()
        .into_iter()
        .filter(|(_, object)| object["kind"] == "Deployment")
        .collect();
    assert!(!deployments.is_empty());
    for (name, deployment) in deployments {
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(
            pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault",
            "{name}"
        );
        for volume in pod["volumes"].as_array().into_iter().flatten() {
            assert!(volume.get("hostPath").is_none(), "{name}: {volume}");
        }
        for container in pod["containers"].as_array().expect("containers") {
            let security = &container["securityContext"];
            assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(
                security["capabilities"],
                serde_json::json!({ "drop": ["ALL"] }),
                "{name}"
            );
        }
    }
}

/// Least privilege in the large; what each verb is for stands beside the rules.
#[test]
fn no_role_of_the_operator_uses_wildcards_reads_secrets_or_changes_rights() {
    for (name, role) in snapshots() {
        if !matches!(role["kind"].as_str(), Some("Role" | "ClusterRole")) {
            continue;
        }
        for rule in role["rules"].as_array().expect("rules") {
            let words = ["apiGroups", "resources", "verbs"]
                .into_iter()
                .flat_map(|key| rule[key].as_array().into_iter().flatten());
            for word in words.filter_map(Value::as_str) {
                let forbidden = [
                    "*",
                    "secrets",
                    "pods/exec",
                    "rbac.authorization.k8s.io",
                    "impersonate",
                    "escalate",
                    "bind",
                ];
                // A review of the dashboard reads one Secret by its name.
                let is_review =
                    word == "secrets" && rule["resourceNames"].as_array().is_some_and(|names| names.len() == 1);
                let is_review = is_review && role["metadata"]["labels"]["app.kubernetes.io/component"] == "dashboard";
                assert!(is_review || !forbidden.contains(&word), "{name}: {rule}");
            }
        }
    }
}

#[test]
fn the_dashboard_may_read_the_three_kinds_and_ask_about_tokens_only_where_it_checks_them() {
    let mut rules: BTreeMap<bool, BTreeSet<String>> = BTreeMap::new();
    for (name, role) in snapshots() {
        let is_role = matches!(role["kind"].as_str(), Some("Role" | "ClusterRole"));
        if !is_role || role["metadata"]["labels"]["app.kubernetes.io/component"] != "dashboard" {
            continue;
        }
        let checks_tokens = name.contains("snapshots/dashboard.yaml");
        for rule in role["rules"].as_array().expect("rules") {
            rules.entry(checks_tokens).or_default().insert(rule.to_string());
        }
    }
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| {
        serde_json::json!({ "apiGroups": [group], "resources": resources, "verbs": verbs }).to_string()
    };
    let kinds = ["trainingruns", "modelversions", "complaintclassifiers"];
    let reads = rule("complaints.dev", &kinds, &["list", "watch"]);
    let reviews = [
        rule("authentication.k8s.io", &["tokenreviews"], &["create"]),
        rule("authorization.k8s.io", &["subjectaccessreviews"], &["create"]),
    ];
    // For each of `dashboard.reviews`, one Service and one Secret.
    let one = |resource: &str, name: &str, verbs: &[&str]| {
        serde_json::json!({ "apiGroups": [""], "resources": [resource], "resourceNames": [name], "verbs": verbs })
            .to_string()
    };
    let classifier = [
        one("services/proxy", "cards:http", &["get", "create"]),
        one("secrets", "cards-reviewers", &["get"]),
    ];
    assert_eq!(rules[&false], BTreeSet::from([reads.clone()]));
    let all = [reads].into_iter().chain(reviews).chain(classifier);
    assert_eq!(rules[&true], BTreeSet::from_iter(all));
}
