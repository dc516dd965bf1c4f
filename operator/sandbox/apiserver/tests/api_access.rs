//! Access control over HTTP: tokens, Roles and bindings, access reviews, impersonation.

use k8s_openapi::api::authentication::v1::{
    BoundObjectReference, SelfSubjectReview, TokenRequest, TokenRequestSpec, TokenReview, TokenReviewSpec,
};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SelfSubjectRulesReview,
    SelfSubjectRulesReviewSpec,
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource, ResourceExt};
use sandbox_apiserver::{Options, Server};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

struct World {
    sandbox: Server,
    admin: Client,
}

impl World {
    async fn start() -> Self {
        let options = Options {
            rbac: true,
            ..Options::default()
        };
        let sandbox = Server::start(options).await.expect("an API server");
        let admin = sandbox.client().expect("a client");
        Self { sandbox, admin }
    }

    /// The administrator who impersonates a user.
    fn acting_as(&self, user: &str, groups: &[&str]) -> Client {
        let mut config = self.sandbox.config();
        config.auth_info.impersonate = Some(user.into());
        config.auth_info.impersonate_groups = Some(groups.iter().map(ToString::to_string).collect());
        Client::try_from(config).expect("a client")
    }

    fn with_token(&self, token: Option<String>) -> Client {
        let mut config = self.sandbox.config();
        config.auth_info.token = token.map(Into::into);
        Client::try_from(config).expect("a client")
    }

    async fn make<K>(&self, object: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        create(Api::default_namespaced(self.admin.clone()), object)
            .await
            .expect("made")
    }

    async fn make_global<K>(&self, object: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        create(Api::all(self.admin.clone()), object).await.expect("made")
    }

    /// Grants a user a permission in the namespace `default`.
    async fn allow(&self, name: &str, user: &str, rules: Value) {
        self.make::<Role>(json!({ "metadata": { "name": name }, "rules": rules }))
            .await;
        self.make::<RoleBinding>(binding(name, "Role", name, user)).await;
    }
}

fn binding(name: &str, kind: &str, role: &str, user: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    })
}

async fn create<K>(api: Api<K>, object: Value) -> Result<K, kube::Error>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + std::fmt::Debug,
{
    let object: K = serde_json::from_value(object).expect("an object");
    api.create(&PostParams::default(), &object).await
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, kube::Error>) -> (u16, String) {
    match outcome {
        Err(kube::Error::Api(status)) => (status.code, status.message.clone()),
        other => panic!("not refused: {other:?}"),
    }
}

fn maps(client: &Client, namespace: &str) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), namespace)
}

async fn may(client: &Client, verb: &str, resource: &str, name: &str) -> bool {
    let attributes = ResourceAttributes {
        namespace: Some("default".into()),
        verb: Some(verb.into()),
        resource: Some(resource.into()),
        name: Some(name.into()).filter(|n: &String| !n.is_empty()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await;
    answer.expect("everybody may ask").status.expect("an answer").allowed
}

#[tokio::test]
async fn what_no_binding_allows_is_refused_in_upstreams_words() {
    let world = World::start().await;
    let ann = world.acting_as("ann", &[]);
    let (code, message) = refusal(maps(&ann, "default").list(&ListParams::default()).await);
    assert_eq!(code, 403);
    let expected = r#"configmaps is forbidden: User "ann" cannot list resource "configmaps" in API group "" in the namespace "default""#;
    assert_eq!(message, expected);
    let (_, message) = refusal(maps(&ann, "default").get("a").await);
    let expected = r#"configmaps "a" is forbidden: User "ann" cannot get resource "configmaps" in API group "" in the namespace "default""#;
    assert_eq!(message, expected);
    let (_, message) = refusal(
        Api::<Pod>::default_namespaced(ann.clone())
            .logs("p", &Default::default())
            .await,
    );
    let expected = r#"pods "p" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the namespace "default""#;
    assert_eq!(message, expected);
    let (_, message) = refusal(Api::<Namespace>::all(ann.clone()).list(&ListParams::default()).await);
    let expected =
        r#"namespaces is forbidden: User "ann" cannot list resource "namespaces" in API group "" at the cluster scope"#;
    assert_eq!(message, expected);
    let request = http::Request::get("/metrics").body(Vec::new()).expect("a request");
    let (_, message) = refusal(ann.request_text(request).await);
    assert_eq!(message, r#"forbidden: User "ann" cannot get path "/metrics""#);
    assert!(!may(&ann, "list", "configmaps", "").await);
}

#[tokio::test]
async fn a_role_allows_what_it_lists_and_no_more() {
    let world = World::start().await;
    world.make::<ConfigMap>(json!({ "metadata": { "name": "a" } })).await;
    let rules = json!([
        { "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"], "verbs": ["get", "delete", "patch"] },
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] },
    ]);
    world.allow("some", "ann", rules).await;
    let ann = world.acting_as("ann", &[]);
    let api = maps(&ann, "default");
    api.get("a").await.expect("allowed by name");
    api.list(&ListParams::default()).await.expect("allowed");
    assert!(may(&ann, "get", "configmaps", "a").await && !may(&ann, "get", "configmaps", "b").await);
    assert_eq!(refusal(api.get("b").await).0, 403);
    assert_eq!(refusal(maps(&ann, "kube-system").get("a").await).0, 403);
    assert_eq!(
        refusal(
            api.delete_collection(&DeleteParams::default(), &ListParams::default())
                .await
        )
        .0,
        403
    );
    let ben = world.acting_as("ben", &[]);
    assert_eq!(refusal(maps(&ben, "default").get("a").await).0, 403);
    // An apply that creates also needs the permission to create.
    maps(&world.admin, "default")
        .delete("a", &DeleteParams::default())
        .await
        .expect("deleted");
    let apply = Patch::Apply(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } }));
    let (_, message) = refusal(api.patch("a", &PatchParams::apply("ann"), &apply).await);
    assert!(message.contains(r#"cannot create resource "configmaps""#), "{message}");
}

#[tokio::test]
async fn a_missing_role_is_named_and_groups_are_subjects() {
    let world = World::start().await;
    world
        .make::<RoleBinding>(binding("broken", "Role", "none", "ann"))
        .await;
    let ann = world.acting_as("ann", &[]);
    let (_, message) = refusal(maps(&ann, "default").get("a").await);
    assert!(
        message.ends_with(r#": RBAC: role.rbac.authorization.k8s.io "none" not found"#),
        "{message}"
    );
    let subjects = json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers" }]);
    let mut everywhere = binding("readers", "ClusterRole", "view", "");
    everywhere["subjects"] = subjects;
    world.make_global::<ClusterRoleBinding>(everywhere).await;
    let reader = world.acting_as("eve", &["readers"]);
    maps(&reader, "kube-system")
        .list(&ListParams::default())
        .await
        .expect("readers may");
    let rules = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec {
            namespace: Some("default".into()),
        },
        ..SelfSubjectRulesReview::default()
    };
    let answer = Api::all(reader)
        .create(&PostParams::default(), &rules)
        .await
        .expect("an answer");
    let status = serde_json::to_value(answer.status).expect("JSON");
    assert!(status["resourceRules"].to_string().contains("configmaps"), "{status}");
    assert!(!status["resourceRules"].to_string().contains("secrets"), "{status}");
}

#[tokio::test]
async fn roles_gather_others_by_label() {
    let world = World::start().await;
    world
        .make_global::<ClusterRole>(json!({
            "metadata": { "name": "things", "labels": { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
            "rules": [{ "apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"] }],
        }))
        .await;
    let roles = Api::<ClusterRole>::all(world.admin.clone());
    // The role edit includes view, and admin includes edit.
    for name in ["view", "edit", "admin"] {
        let has_it = |role: Option<&ClusterRole>| {
            let rules = role.and_then(|role| role.rules.clone()).unwrap_or_default();
            rules.iter().any(|rule| rule.resources == Some(vec!["things".into()]))
        };
        await_condition(roles.clone(), name, has_it).await.expect("gathered");
    }
    roles.delete("things", &DeleteParams::default()).await.expect("deleted");
    let gone = |role: Option<&ClusterRole>| !serde_json::to_string(&role).unwrap_or_default().contains("things");
    await_condition(roles, "admin", gone).await.expect("let go");
}

#[tokio::test]
async fn nobody_hands_on_rights_that_he_has_not() {
    let world = World::start().await;
    let own = json!([
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create", "get", "patch"] },
        { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] },
    ]);
    world.allow("keeper", "ann", own.clone()).await;
    let ann = world.acting_as("ann", &["keepers"]);
    let roles = Api::<Role>::default_namespaced(ann.clone());
    let role = |name: &str, rules: Value| json!({ "metadata": { "name": name }, "rules": rules });
    let few = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]);
    create(roles.clone(), role("few", few))
        .await
        .expect("ann has all of it");
    let more = json!([{ "apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "watch"] }]);
    let (code, message) = refusal(create(roles.clone(), role("more", more.clone())).await);
    let expected = concat!(
        "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"ann\" (groups=[\"keepers\" \"system:authenticated\"]) ",
        "is attempting to grant RBAC permissions not currently held:\n",
        "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\"]}\n",
        "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"watch\"]}"
    );
    assert_eq!((code, message.as_str()), (403, expected));
    // Neither by changing an existing role, nor by binding one.
    let patch = Patch::Merge(json!({ "rules": more }));
    assert_eq!(
        refusal(roles.patch("few", &PatchParams::default(), &patch).await).0,
        403
    );
    let bindings = Api::<RoleBinding>::default_namespaced(ann.clone());
    let to_view = || binding("view", "ClusterRole", "view", "ben");
    assert_eq!(refusal(create(bindings.clone(), to_view()).await).0, 403);
    create(bindings.clone(), binding("few", "Role", "few", "ben"))
        .await
        .expect("ann has all of it");
    let to_none = binding("none", "Role", "none", "ben");
    assert_eq!(refusal(create(bindings.clone(), to_none).await).0, 404);
    // The verbs `bind` and `escalate` allow it.
    let way_out = json!([
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": ["view"], "verbs": ["bind"] },
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"] },
    ]);
    world.allow("way-out", "ann", way_out).await;
    create(bindings, to_view()).await.expect("bound");
    create(roles, role("more", more)).await.expect("escalated");
}

#[tokio::test]
async fn a_token_is_its_account_and_ends_with_its_pod() {
    let world = World::start().await;
    let pod: Pod = world
        .make(json!({
            "metadata": { "name": "p" },
            "spec": { "containers": [{ "name": "main", "image": "none" }], "schedulerName": "nobody" },
        }))
        .await;
    let request = |seconds: i64, bound: Option<BoundObjectReference>| TokenRequest {
        spec: Some(TokenRequestSpec {
            expiration_seconds: Some(seconds),
            bound_object_ref: bound,
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let to_pod = |uid: Option<String>| BoundObjectReference {
        kind: Some("Pod".into()),
        api_version: Some("v1".into()),
        name: Some("p".into()),
        uid,
    };
    let accounts = Api::<ServiceAccount>::default_namespaced(world.admin.clone());
    let params = PostParams::default();
    let (code, message) = refusal(
        accounts
            .create_token_request("default", &params, &request(60, None))
            .await,
    );
    assert!(
        code == 422 && message.contains("may not specify a duration less than 10 minutes"),
        "{message}"
    );
    let stale = request(3600, Some(to_pod(Some("other".into()))));
    assert_eq!(
        refusal(accounts.create_token_request("default", &params, &stale).await).0,
        409
    );
    assert_eq!(
        refusal(
            accounts
                .create_token_request("none", &params, &request(3600, None))
                .await
        )
        .0,
        404
    );

    let issued = accounts
        .create_token_request("default", &params, &request(3600, Some(to_pod(pod.uid()))))
        .await;
    let token = issued.expect("a token").status.expect("a status").token;
    let client = world.with_token(token.clone());
    let who = Api::all(client.clone())
        .create(&params, &SelfSubjectReview::default())
        .await
        .expect("an answer");
    let user = who.status.and_then(|s| s.user_info).expect("a user");
    assert_eq!(user.username.as_deref(), Some("system:serviceaccount:default:default"));
    let groups = [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    ];
    assert_eq!(user.groups.unwrap_or_default(), groups);
    assert_eq!(
        user.extra.unwrap_or_default()["authentication.kubernetes.io/pod-name"],
        ["p"]
    );
    assert_eq!(
        refusal(maps(&client, "default").list(&ListParams::default()).await).0,
        403
    );
    let review = TokenReview {
        spec: TokenReviewSpec {
            token: token.unwrap_or_default(),
            audiences: None,
        },
        ..TokenReview::default()
    };
    let told = Api::all(world.admin.clone())
        .create(&params, &review)
        .await
        .expect("an answer")
        .status
        .expect("a status");
    assert_eq!(told.authenticated, Some(true));

    Api::<Pod>::default_namespaced(world.admin.clone())
        .delete("p", &DeleteParams::default())
        .await
        .expect("deleted");
    assert_eq!(
        refusal(Api::all(client).create(&params, &SelfSubjectReview::default()).await).0,
        401
    );
    let told = Api::all(world.admin.clone())
        .create(&params, &review)
        .await
        .expect("an answer")
        .status
        .expect("a status");
    assert_ne!(told.authenticated, Some(true));
}

#[tokio::test]
async fn strangers_see_the_version_and_nobody_acts_as_others_without_leave() {
    let world = World::start().await;
    let stranger = world.with_token(None);
    stranger.apiserver_version().await.expect("public");
    let (code, message) = refusal(maps(&stranger, "default").get("a").await);
    assert!(
        code == 403 && message.contains(r#"User "system:anonymous" cannot get"#),
        "{message}"
    );
    assert_eq!(
        refusal(maps(&world.with_token(Some("wrong".into())), "default").get("a").await).0,
        401
    );

    let accounts = Api::<ServiceAccount>::default_namespaced(world.admin.clone());
    let issued = accounts
        .create_token_request("default", &PostParams::default(), &TokenRequest::default())
        .await;
    let mut config = world.sandbox.config();
    config.auth_info.token = issued.expect("a token").status.expect("a status").token.map(Into::into);
    config.auth_info.impersonate = Some("ann".into());
    let client = Client::try_from(config).expect("a client");
    let (_, message) = refusal(maps(&client, "default").get("a").await);
    let expected = r#"users "ann" is forbidden: User "system:serviceaccount:default:default" cannot impersonate resource "users" in API group "" at the cluster scope"#;
    assert_eq!(message, expected);
}
