//! The default ClusterRoles and bindings for people and applications. Upstream has more for its own components; the
//! sandbox's components act as administrators.

use serde_json::{Value, json};

use crate::Api;
use crate::context::Context;
use crate::meta::Meta;
use crate::ownership::New;
use crate::rbac::GROUP;
use crate::user::{AUTHENTICATED, MASTERS, UNAUTHENTICATED};
use crate::verbs::create;

const ALL: &[&str] = &["*"];
const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const BOTH: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// Groups, space-separated resources, verbs.
type Line = (&'static [&'static str], &'static str, &'static [&'static str]);

/// A name, the role that aggregates it (or empty), and rules.
struct Role(&'static str, &'static str, &'static [Line]);

const LABEL: &str = "kubernetes.io/bootstrapping";
const AGGREGATE: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// The parts of the three user-facing roles; each role includes the one before.
#[rustfmt::skip]
const GATHERED: &[Role] = &[
    Role("system:aggregate-to-view", "view", &[
        (&[""], "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers \
                 replicationcontrollers/scale serviceaccounts services services/status", READ),
        (&[""], "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status \
                 resourcequotas resourcequotas/status", READ),
        (&[""], "namespaces", READ),
        (&["discovery.k8s.io"], "endpointslices", READ),
        (&["apps"], "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status \
                     replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status", READ),
        (&["autoscaling"], "horizontalpodautoscalers horizontalpodautoscalers/status", READ),
        (&["batch"], "cronjobs cronjobs/status jobs jobs/status", READ),
        (&["policy"], "poddisruptionbudgets poddisruptionbudgets/status", READ),
        (&["networking.k8s.io"], "ingresses ingresses/status networkpolicies", READ),
    ]),
    Role("system:aggregate-to-edit", "edit", &[
        (&[""], "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", READ),
        (&[""], "serviceaccounts", &["impersonate"]),
        (&[""], "pods pods/attach pods/exec pods/portforward pods/proxy", WRITE),
        (&[""], "pods/eviction", &["create"]),
        (&[""], "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets \
                 serviceaccounts services services/proxy", WRITE),
        (&[""], "serviceaccounts/token", &["create"]),
        (&["apps"], "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale \
                     statefulsets statefulsets/scale", WRITE),
        (&["autoscaling"], "horizontalpodautoscalers", WRITE),
        (&["batch"], "cronjobs jobs", WRITE),
        (&["policy"], "poddisruptionbudgets", WRITE),
        (&["networking.k8s.io"], "ingresses networkpolicies", WRITE),
        (&["coordination.k8s.io"], "leases", BOTH),
    ]),
    Role("system:aggregate-to-admin", "admin", &[
        (&["authorization.k8s.io"], "localsubjectaccessreviews", &["create"]),
        (&["rbac.authorization.k8s.io"], "rolebindings roles", BOTH),
    ]),
];

/// Roles without aggregation.
const PLAIN: &[Role] = &[
    Role("cluster-admin", "", &[(ALL, "*", ALL)]),
    Role(
        "system:basic-user",
        "",
        &[
            (
                &["authorization.k8s.io"],
                "selfsubjectaccessreviews selfsubjectrulesreviews",
                &["create"],
            ),
            (&["authentication.k8s.io"], "selfsubjectreviews", &["create"]),
        ],
    ),
    Role(
        "system:auth-delegator",
        "",
        &[
            (&["authentication.k8s.io"], "tokenreviews", &["create"]),
            (&["authorization.k8s.io"], "subjectaccessreviews", &["create"]),
        ],
    ),
];

/// Roles for non-resource paths: name, paths, verbs.
const PATHS: &[(&str, &[&str], &[&str])] = &[
    ("cluster-admin", ALL, ALL),
    (
        "system:discovery",
        &[
            "/api",
            "/api/*",
            "/apis",
            "/apis/*",
            "/healthz",
            "/livez",
            "/openapi",
            "/openapi/*",
            "/readyz",
            "/version",
            "/version/",
        ],
        &["get"],
    ),
    (
        "system:public-info-viewer",
        &["/healthz", "/livez", "/readyz", "/version", "/version/"],
        &["get"],
    ),
];

/// The bindings of these roles.
const BINDINGS: &[(&str, &[&str])] = &[
    ("cluster-admin", &[MASTERS]),
    ("system:basic-user", &[AUTHENTICATED]),
    ("system:discovery", &[AUTHENTICATED]),
    ("system:public-info-viewer", &[AUTHENTICATED, UNAUTHENTICATED]),
];

fn metadata(name: &str) -> Value {
    json!({
        "name": name,
        "labels": { LABEL: "rbac-defaults" },
        "annotations": { "rbac.authorization.kubernetes.io/autoupdate": "true" },
    })
}

fn resource_rules(lines: &[Line]) -> Vec<Value> {
    let rule = |(groups, resources, verbs): &Line| {
        let resources: Vec<&str> = resources.split_whitespace().collect();
        json!({ "apiGroups": groups, "resources": resources, "verbs": verbs })
    };
    lines.iter().map(rule).collect()
}

fn paths_of(name: &str) -> Vec<Value> {
    let own = PATHS.iter().filter(|(role, ..)| *role == name);
    own.map(|(_, paths, verbs)| json!({ "nonResourceURLs": paths, "verbs": verbs }))
        .collect()
}

fn roles() -> Vec<Value> {
    let role = |name: &str, rules: Vec<Value>| json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata(name), "rules": rules });
    let mut roles = Vec::new();
    for Role(name, _, lines) in PLAIN {
        roles.push(role(name, [resource_rules(lines), paths_of(name)].concat()));
    }
    for (name, ..) in PATHS
        .iter()
        .filter(|(name, ..)| PLAIN.iter().all(|plain| plain.0 != *name))
    {
        roles.push(role(name, paths_of(name)));
    }
    for Role(name, to, lines) in GATHERED {
        let mut gathered = role(name, resource_rules(lines));
        gathered["metadata"]["labels"][format!("{AGGREGATE}{to}")] = "true".into();
        roles.push(gathered);
    }
    for (name, above) in [("view", Some("edit")), ("edit", Some("admin")), ("admin", None)] {
        let mut gathering = role(name, Vec::new());
        let own = format!("{AGGREGATE}{name}");
        gathering["aggregationRule"] = json!({ "clusterRoleSelectors": [{ "matchLabels": { own: "true" } }] });
        if let Some(above) = above {
            gathering["metadata"]["labels"][format!("{AGGREGATE}{above}")] = "true".into();
        }
        roles.push(gathering);
    }
    roles
}

fn bindings() -> impl Iterator<Item = Value> {
    BINDINGS.iter().map(|(name, groups)| {
        let subject = |group: &&str| json!({ "apiGroup": GROUP, "kind": "Group", "name": group });
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata(name),
            "roleRef": { "apiGroup": GROUP, "kind": "ClusterRole", "name": name },
            "subjects": groups.iter().map(subject).collect::<Vec<_>>(),
        })
    })
}

/// Creates the missing ones.
pub(crate) fn create_initial(api: &Api) {
    for (plural, objects) in [("clusterroles", roles()), ("clusterrolebindings", bindings().collect())] {
        let Some(resource) = api.registry.get(GROUP, "v1", plural) else {
            continue;
        };
        for object in objects {
            if api.store.get(&resource.storage, "", object.name()).is_some() {
                continue;
            }
            if let Err(error) = create(api, &resource, "", object, &Context::internal(), New::Update) {
                tracing::error!(%error, plural, "creating what every cluster has");
            }
        }
    }
}
