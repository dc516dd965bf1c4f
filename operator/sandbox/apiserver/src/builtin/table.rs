//! The table of built-in kinds.

use k8s_openapi::api::{
    apps::v1 as apps, authentication::v1 as authentication, authorization::v1 as authorization,
    autoscaling::v2 as autoscaling, batch::v1 as batch, coordination::v1 as coordination, core::v1 as core,
    discovery::v1 as discovery, events::v1 as events_v1, networking::v1 as networking, policy::v1 as policy_v1,
    rbac::v1 as rbac, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;

use super::{config, events, pod, policy, service, workload};
use crate::crd::CrdStrategy;
use crate::definitions::register;
use crate::names::NameSyntax;
use crate::resource::{BuiltIn, Plain, Subresource, Verbs};

const READ_WRITE: &[&str] = &["get", "patch", "update"];

const fn status(kind: &'static str) -> Subresource {
    subresource("status", kind, READ_WRITE)
}

const SCALE: Subresource = Subresource {
    name: "scale",
    kind: "Scale",
    group: "autoscaling",
    version: "v1",
    verbs: READ_WRITE,
};

const fn subresource(name: &'static str, kind: &'static str, verbs: &'static [&'static str]) -> Subresource {
    Subresource {
        name,
        kind,
        group: "",
        version: "",
        verbs,
    }
}

/// The common case: a namespaced kind with all verbs and no subresources.
const BASE: BuiltIn = BuiltIn {
    group: "",
    version: "v1",
    plural: "",
    singular: "",
    kind: "",
    short_names: &[],
    categories: &[],
    namespaced: true,
    verbs: Verbs::All,
    subresources: &[],
    schema: register::<core::ConfigMap>,
    names: NameSyntax::Subdomain,
    generation: false,
    create_on_update: false,
    needs_version: false,
    fields: &[],
    strategy: &Plain,
    view: None,
    storage: None,
};

const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

const POD_SUBRESOURCES: &[Subresource] = &[
    subresource("attach", "PodAttachOptions", &["create", "get"]),
    subresource("binding", "Binding", &["create"]),
    subresource("ephemeralcontainers", "Pod", READ_WRITE),
    Subresource {
        name: "eviction",
        kind: "Eviction",
        group: "policy",
        version: "v1",
        verbs: &["create"],
    },
    subresource("exec", "PodExecOptions", &["create", "get"]),
    subresource("log", "Pod", &["get"]),
    subresource("portforward", "PodPortForwardOptions", &["create", "get"]),
    subresource(
        "proxy",
        "PodProxyOptions",
        &["create", "delete", "get", "patch", "update"],
    ),
    subresource("resize", "Pod", READ_WRITE),
    status("Pod"),
];

const SERVICE_SUBRESOURCES: &[Subresource] = &[
    subresource(
        "proxy",
        "ServiceProxyOptions",
        &["create", "delete", "get", "patch", "update"],
    ),
    status("Service"),
];

const NAMESPACE_SUBRESOURCES: &[Subresource] =
    &[subresource("finalize", "Namespace", &["update"]), status("Namespace")];

const ACCOUNT_SUBRESOURCES: &[Subresource] = &[Subresource {
    name: "token",
    kind: "TokenRequest",
    group: "authentication.k8s.io",
    version: "v1",
    verbs: &["create"],
}];

/// Every built-in kind that the sandbox serves.
#[rustfmt::skip]
pub(crate) static KINDS: &[BuiltIn] = &[
    // core
    BuiltIn { plural: "configmaps", singular: "configmap", kind: "ConfigMap", short_names: &["cm"], schema: register::<core::ConfigMap>, strategy: &config::ConfigMaps, ..BASE },
    BuiltIn { plural: "endpoints", singular: "endpoints", kind: "Endpoints", short_names: &["ep"], schema: register::<core::Endpoints>, ..BASE },
    BuiltIn { plural: "events", singular: "event", kind: "Event", short_names: &["ev"], schema: register::<core::Event>, create_on_update: true, fields: EVENT_FIELDS, strategy: &events::CoreEvents, ..BASE },
    BuiltIn { plural: "namespaces", singular: "namespace", kind: "Namespace", short_names: &["ns"], namespaced: false, verbs: Verbs::NoDeleteCollection, subresources: NAMESPACE_SUBRESOURCES, schema: register::<core::Namespace>, names: NameSyntax::Label, fields: &["status.phase", "name"], strategy: &config::Namespaces, ..BASE },
    BuiltIn { plural: "nodes", singular: "node", kind: "Node", short_names: &["no"], namespaced: false, subresources: &[status("Node")], schema: register::<core::Node>, fields: &["spec.unschedulable"], ..BASE },
    BuiltIn { plural: "persistentvolumeclaims", singular: "persistentvolumeclaim", kind: "PersistentVolumeClaim", short_names: &["pvc"], subresources: &[status("PersistentVolumeClaim")], schema: register::<core::PersistentVolumeClaim>, strategy: &config::Claims, ..BASE },
    BuiltIn { plural: "pods", singular: "pod", kind: "Pod", short_names: &["po"], categories: &["all"], subresources: POD_SUBRESOURCES, schema: register::<core::Pod>, generation: true, fields: &["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"], strategy: &pod::Pods, ..BASE },
    BuiltIn { plural: "secrets", singular: "secret", kind: "Secret", schema: register::<core::Secret>, fields: &["type"], strategy: &config::Secrets, ..BASE },
    BuiltIn { plural: "serviceaccounts", singular: "serviceaccount", kind: "ServiceAccount", short_names: &["sa"], subresources: ACCOUNT_SUBRESOURCES, schema: register::<core::ServiceAccount>, ..BASE },
    BuiltIn { plural: "services", singular: "service", kind: "Service", short_names: &["svc"], categories: &["all"], subresources: SERVICE_SUBRESOURCES, schema: register::<core::Service>, names: NameSyntax::Label, create_on_update: true, fields: &["spec.clusterIP", "spec.type"], strategy: &service::Services, ..BASE },
    // apps
    BuiltIn { group: "apps", plural: "deployments", singular: "deployment", kind: "Deployment", short_names: &["deploy"], categories: &["all"], subresources: &[SCALE, status("Deployment")], schema: register::<apps::Deployment>, generation: true, strategy: &workload::Deployments, ..BASE },
    BuiltIn { group: "apps", plural: "replicasets", singular: "replicaset", kind: "ReplicaSet", short_names: &["rs"], categories: &["all"], subresources: &[SCALE, status("ReplicaSet")], schema: register::<apps::ReplicaSet>, generation: true, fields: &["status.replicas"], strategy: &workload::ReplicaSets, ..BASE },
    // batch
    BuiltIn { group: "batch", plural: "cronjobs", singular: "cronjob", kind: "CronJob", short_names: &["cj"], categories: &["all"], subresources: &[status("CronJob")], schema: register::<batch::CronJob>, generation: true, strategy: &workload::CronJobs, ..BASE },
    BuiltIn { group: "batch", plural: "jobs", singular: "job", kind: "Job", categories: &["all"], subresources: &[status("Job")], schema: register::<batch::Job>, generation: true, fields: &["status.successful"], strategy: &workload::Jobs, ..BASE },
    // others, by group
    BuiltIn { group: "apiextensions.k8s.io", plural: "customresourcedefinitions", singular: "customresourcedefinition", kind: "CustomResourceDefinition", short_names: &["crd", "crds"], categories: &["api-extensions"], namespaced: false, subresources: &[status("CustomResourceDefinition")], schema: register::<apiextensions::CustomResourceDefinition>, generation: true, needs_version: true, strategy: &CrdStrategy, ..BASE },
    BuiltIn { group: "authentication.k8s.io", plural: "selfsubjectreviews", singular: "selfsubjectreview", kind: "SelfSubjectReview", namespaced: false, verbs: Verbs::CreateOnly, schema: register::<authentication::SelfSubjectReview>, ..BASE },
    BuiltIn { group: "authentication.k8s.io", plural: "tokenreviews", singular: "tokenreview", kind: "TokenReview", namespaced: false, verbs: Verbs::CreateOnly, schema: register::<authentication::TokenReview>, ..BASE },
    BuiltIn { group: "authorization.k8s.io", plural: "localsubjectaccessreviews", singular: "localsubjectaccessreview", kind: "LocalSubjectAccessReview", verbs: Verbs::CreateOnly, schema: register::<authorization::LocalSubjectAccessReview>, ..BASE },
    BuiltIn { group: "authorization.k8s.io", plural: "selfsubjectaccessreviews", singular: "selfsubjectaccessreview", kind: "SelfSubjectAccessReview", namespaced: false, verbs: Verbs::CreateOnly, schema: register::<authorization::SelfSubjectAccessReview>, ..BASE },
    BuiltIn { group: "authorization.k8s.io", plural: "selfsubjectrulesreviews", singular: "selfsubjectrulesreview", kind: "SelfSubjectRulesReview", namespaced: false, verbs: Verbs::CreateOnly, schema: register::<authorization::SelfSubjectRulesReview>, ..BASE },
    BuiltIn { group: "authorization.k8s.io", plural: "subjectaccessreviews", singular: "subjectaccessreview", kind: "SubjectAccessReview", namespaced: false, verbs: Verbs::CreateOnly, schema: register::<authorization::SubjectAccessReview>, ..BASE },
    BuiltIn { group: "autoscaling", version: "v2", plural: "horizontalpodautoscalers", singular: "horizontalpodautoscaler", kind: "HorizontalPodAutoscaler", short_names: &["hpa"], categories: &["all"], subresources: &[status("HorizontalPodAutoscaler")], schema: register::<autoscaling::HorizontalPodAutoscaler>, strategy: &policy::Autoscalers, ..BASE },
    BuiltIn { group: "coordination.k8s.io", plural: "leases", singular: "lease", kind: "Lease", schema: register::<coordination::Lease>, create_on_update: true, strategy: &config::Leases, ..BASE },
    BuiltIn { group: "discovery.k8s.io", plural: "endpointslices", singular: "endpointslice", kind: "EndpointSlice", schema: register::<discovery::EndpointSlice>, generation: true, strategy: &service::EndpointSlices, ..BASE },
    BuiltIn { group: "events.k8s.io", plural: "events", singular: "event", kind: "Event", short_names: &["ev"], schema: register::<events_v1::Event>, create_on_update: true, fields: &["regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion", "reason", "reportingController", "type"], strategy: &events::Events, view: Some(events::VIEW), storage: Some("/events"), ..BASE },
    BuiltIn { group: "networking.k8s.io", plural: "ingresses", singular: "ingress", kind: "Ingress", short_names: &["ing"], subresources: &[status("Ingress")], schema: register::<networking::Ingress>, generation: true, ..BASE },
    BuiltIn { group: "networking.k8s.io", plural: "networkpolicies", singular: "networkpolicy", kind: "NetworkPolicy", short_names: &["netpol"], schema: register::<networking::NetworkPolicy>, generation: true, strategy: &policy::NetworkPolicies, ..BASE },
    BuiltIn { group: "policy", plural: "poddisruptionbudgets", singular: "poddisruptionbudget", kind: "PodDisruptionBudget", short_names: &["pdb"], subresources: &[status("PodDisruptionBudget")], schema: register::<policy_v1::PodDisruptionBudget>, generation: true, strategy: &policy::DisruptionBudgets, ..BASE },
    BuiltIn { group: "rbac.authorization.k8s.io", plural: "clusterrolebindings", singular: "clusterrolebinding", kind: "ClusterRoleBinding", namespaced: false, schema: register::<rbac::ClusterRoleBinding>, names: NameSyntax::PathSegment, create_on_update: true, strategy: &policy::Bindings, ..BASE },
    BuiltIn { group: "rbac.authorization.k8s.io", plural: "clusterroles", singular: "clusterrole", kind: "ClusterRole", namespaced: false, schema: register::<rbac::ClusterRole>, names: NameSyntax::PathSegment, create_on_update: true, strategy: &policy::Roles, ..BASE },
    BuiltIn { group: "rbac.authorization.k8s.io", plural: "rolebindings", singular: "rolebinding", kind: "RoleBinding", schema: register::<rbac::RoleBinding>, names: NameSyntax::PathSegment, create_on_update: true, strategy: &policy::Bindings, ..BASE },
    BuiltIn { group: "rbac.authorization.k8s.io", plural: "roles", singular: "role", kind: "Role", schema: register::<rbac::Role>, names: NameSyntax::PathSegment, create_on_update: true, strategy: &policy::Roles, ..BASE },
    BuiltIn { group: "storage.k8s.io", plural: "storageclasses", singular: "storageclass", kind: "StorageClass", short_names: &["sc"], namespaced: false, schema: register::<storage::StorageClass>, ..BASE },
];

/// Resources that Kubernetes has and the sandbox does not: they are rejected by name.
pub(crate) const UNSUPPORTED: &[(&str, &str)] = &[
    ("", "bindings"),
    ("", "componentstatuses"),
    ("", "limitranges"),
    ("", "persistentvolumes"),
    ("", "podtemplates"),
    ("", "replicationcontrollers"),
    ("", "resourcequotas"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiregistration.k8s.io", "apiservices"),
    ("apps", "controllerrevisions"),
    ("apps", "daemonsets"),
    ("apps", "statefulsets"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("networking.k8s.io", "ingressclasses"),
    ("node.k8s.io", "runtimeclasses"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("storage.k8s.io", "csidrivers"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "volumeattachments"),
];
