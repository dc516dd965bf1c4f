//! The API over HTTP: objects, selectors, watches, patches, deletion.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, PropagationPolicy, WatchEvent, WatchParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt};
use sandbox_apiserver::{Options, Server};
use serde_json::{Value, json};

async fn sandbox() -> (Server, Client) {
    let sandbox = Server::start(Options::default()).await.unwrap();
    let client = sandbox.client().unwrap();
    (sandbox, client)
}

fn config_map(value: Value) -> ConfigMap {
    let mut object = json!({ "apiVersion": "v1", "kind": "ConfigMap" });
    object
        .as_object_mut()
        .unwrap()
        .extend(value.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

fn data(map: &ConfigMap) -> BTreeMap<String, String> {
    map.data.clone().unwrap_or_default()
}

fn status(error: kube::Error) -> (u16, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.reason),
        other => panic!("no answer of the API: {other}"),
    }
}

#[tokio::test]
async fn sandboxes_side_by_side_know_nothing_of_each_other() {
    let (one, two) = tokio::join!(sandbox(), sandbox());
    let object = config_map(json!({ "metadata": { "name": "a" } }));
    Api::<ConfigMap>::default_namespaced(one.1)
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    let error = Api::<ConfigMap>::default_namespaced(two.1).get("a").await.unwrap_err();
    assert_eq!(status(error), (404, "NotFound".into()));
}

#[tokio::test]
async fn a_stale_replace_conflicts_and_a_fresh_one_moves_the_version() {
    let (_sandbox, client) = sandbox().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let object = config_map(json!({ "metadata": { "name": "a" }, "data": { "k": "1" } }));
    let first = api.create(&PostParams::default(), &object).await.unwrap();
    let mut changed = first.clone();
    changed.data = Some(BTreeMap::from([("k".into(), "2".into())]));
    let second = api.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert_ne!(first.resource_version(), second.resource_version());
    assert_eq!(
        status(api.replace("a", &PostParams::default(), &changed).await.unwrap_err()),
        (409, "Conflict".into())
    );
}

#[tokio::test]
async fn selectors_and_pages() {
    let (_sandbox, client) = sandbox().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    for (name, tier) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let object = config_map(json!({ "metadata": { "name": name, "labels": { "tier": tier } } }));
        api.create(&PostParams::default(), &object).await.unwrap();
    }
    for (params, names) in [
        (ListParams::default().labels("tier=x"), vec!["a", "c"]),
        (ListParams::default().labels("tier in (x, y),tier!=x"), vec!["b"]),
        (
            ListParams::default().labels("tier").fields("metadata.name!=a"),
            vec!["b", "c"],
        ),
        (ListParams::default().labels("tier").limit(2), vec!["a", "b"]),
    ] {
        let found: Vec<String> = api
            .list(&params)
            .await
            .unwrap()
            .iter()
            .map(ResourceExt::name_any)
            .collect();
        assert_eq!(found, names, "{params:?}");
    }
    let page = api.list(&ListParams::default().labels("tier").limit(2)).await.unwrap();
    let rest = ListParams::default()
        .labels("tier")
        .continue_token(&page.metadata.continue_.unwrap());
    assert_eq!(api.list(&rest).await.unwrap().items[0].name_any(), "c");
}

#[tokio::test]
async fn a_watch_resumes_and_tells_of_objects_that_cease_to_match() {
    let (_sandbox, client) = sandbox().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let object = config_map(json!({ "metadata": { "name": "a", "labels": { "on": "yes" } } }));
    let made = api.create(&PostParams::default(), &object).await.unwrap();
    let off = Patch::Merge(json!({ "metadata": { "labels": { "on": "no" } } }));
    api.patch("a", &PatchParams::default(), &off).await.unwrap();
    let params = WatchParams::default().labels("on=yes").timeout(5);
    let mut events = api
        .watch(&params, &made.resource_version().unwrap())
        .await
        .unwrap()
        .boxed();
    let event = events.try_next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Deleted(object) if object.labels()["on"] == "yes"));
}

#[tokio::test]
async fn an_expired_version_ends_the_watch_with_410() {
    let (_sandbox, client) = sandbox().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let mut events = api.watch(&WatchParams::default(), "1").await.unwrap().boxed();
    let event = events.try_next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Error(status) if status.code == 410));
}

#[tokio::test]
async fn apply_owns_removes_and_conflicts() {
    let (_sandbox, client) = sandbox().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let apply = |values: Value| {
        Patch::Apply(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": values }))
    };
    let (one, two) = (PatchParams::apply("one"), PatchParams::apply("two"));
    api.patch("a", &one, &apply(json!({ "x": "1", "y": "1" })))
        .await
        .unwrap();
    let after = api.patch("a", &one, &apply(json!({ "x": "1" }))).await.unwrap();
    assert_eq!(data(&after), BTreeMap::from([("x".into(), "1".into())]));
    let refused = api.patch("a", &two, &apply(json!({ "x": "2" }))).await.unwrap_err();
    assert_eq!(status(refused), (409, "Conflict".into()));
    let forced = api
        .patch("a", &two.clone().force(), &apply(json!({ "x": "2" })))
        .await
        .unwrap();
    let managers: Vec<String> = forced
        .metadata
        .managed_fields
        .unwrap()
        .into_iter()
        .filter_map(|f| f.manager)
        .collect();
    assert_eq!(managers, ["two"]);
}

#[tokio::test]
async fn an_apply_that_names_a_uid_makes_nothing() {
    let (_sandbox, client) = sandbox().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let apply = |uid: &str| {
        Patch::Apply(
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "uid": uid }, "data": { "x": "1" } }),
        )
    };
    let params = PatchParams::apply("one").force();
    let old = "11111111-1111-1111-1111-111111111111";
    let refused = api.patch("a", &params, &apply(old)).await.unwrap_err();
    assert_eq!(status(refused), (409, "Conflict".into()), "the object was deleted");
    let made = api
        .create(
            &PostParams::default(),
            &config_map(json!({ "metadata": { "name": "a" } })),
        )
        .await
        .unwrap();
    let refused = api.patch("a", &params, &apply(old)).await.unwrap_err();
    assert_eq!(status(refused), (409, "Conflict".into()), "another one has its name");
    let applied = api.patch("a", &params, &apply(&made.uid().unwrap())).await.unwrap();
    assert_eq!(data(&applied)["x"], "1");
}

#[tokio::test]
async fn a_strategic_patch_merges_containers_by_name() {
    let (_sandbox, client) = sandbox().await;
    let api: Api<Deployment> = Api::default_namespaced(client);
    let object: Deployment = serde_json::from_value(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d" },
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": { "app": "d" } },
            "template": {
                "metadata": { "labels": { "app": "d" } },
                "spec": { "containers": [{ "name": "main", "image": "i:1" }, { "name": "side", "image": "s:1" }] },
            },
        },
    }))
    .unwrap();
    let made = api.create(&PostParams::default(), &object).await.unwrap();
    let patch = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "side", "image": "s:2" }] } } } });
    let patched = api
        .patch("d", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    let images = |d: &Deployment| -> BTreeMap<String, Option<String>> {
        let spec = d.spec.clone().unwrap().template.spec.unwrap();
        spec.containers.into_iter().map(|c| (c.name, c.image)).collect()
    };
    let wanted = BTreeMap::from([("main".into(), Some("i:1".into())), ("side".into(), Some("s:2".into()))]);
    assert_eq!(images(&patched), wanted);
    assert_eq!(
        (made.metadata.generation, patched.metadata.generation),
        (Some(1), Some(2))
    );
}

#[tokio::test]
async fn dependents_follow_their_owner() {
    let (_sandbox, client) = sandbox().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    for (policy, child_stays) in [
        (PropagationPolicy::Background, false),
        (PropagationPolicy::Foreground, false),
        (PropagationPolicy::Orphan, true),
    ] {
        let owner = config_map(json!({ "metadata": { "name": "owner" } }));
        let owner = api.create(&PostParams::default(), &owner).await.unwrap();
        let owner_uid = owner.uid().unwrap();
        let child = config_map(json!({ "metadata": { "name": "child", "ownerReferences": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid(), "blockOwnerDeletion": true,
        }] } }));
        let child = api.create(&PostParams::default(), &child).await.unwrap();
        let child_uid = child.uid().unwrap();
        let params = DeleteParams {
            propagation_policy: Some(policy.clone()),
            ..DeleteParams::default()
        };
        api.delete("owner", &params).await.unwrap();
        let gone = await_condition(api.clone(), "owner", conditions::is_deleted(&owner_uid));
        tokio::time::timeout(Duration::from_secs(10), gone)
            .await
            .unwrap()
            .unwrap();
        if child_stays {
            assert!(
                api.get("child").await.unwrap().owner_references().is_empty(),
                "{policy:?}"
            );
        } else {
            let gone = await_condition(api.clone(), "child", conditions::is_deleted(&child_uid));
            tokio::time::timeout(Duration::from_secs(10), gone)
                .await
                .unwrap()
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_namespace_ends_with_its_content() {
    let (_sandbox, client) = sandbox().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let object: Namespace =
        serde_json::from_value(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "n" } }))
            .unwrap();
    let uid = namespaces
        .create(&PostParams::default(), &object)
        .await
        .unwrap()
        .uid()
        .unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client, "n");
    api.create(
        &PostParams::default(),
        &config_map(json!({ "metadata": { "name": "a" } })),
    )
    .await
    .unwrap();
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    let gone = await_condition(namespaces.clone(), "n", conditions::is_deleted(&uid));
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status(api.get("a").await.unwrap_err()).0, 404);
    let refused = namespaces
        .delete("default", &DeleteParams::default())
        .await
        .unwrap_err();
    assert_eq!(status(refused), (403, "Forbidden".into()));
}

#[tokio::test]
async fn secrets_and_services_are_completed() {
    let (_sandbox, client) = sandbox().await;
    let secret: Secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "k": "v" },
    }))
    .unwrap();
    let made = Api::default_namespaced(client.clone())
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    assert_eq!(made.data.unwrap()["k"].0, b"v");
    assert_eq!(made.type_.as_deref(), Some("Opaque"));
    let services: Api<Service> = Api::default_namespaced(client);
    let service = |name: &str| -> Service {
        let object = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": { "ports": [{ "port": 80 }] },
        });
        serde_json::from_value(object).unwrap()
    };
    let address = |s: Service| s.spec.unwrap().cluster_ip.unwrap();
    let one = address(services.create(&PostParams::default(), &service("one")).await.unwrap());
    let two = address(services.create(&PostParams::default(), &service("two")).await.unwrap());
    assert!(one.starts_with("127."), "{one}");
    assert_ne!(one, two);
}

#[tokio::test]
async fn the_token_is_needed() {
    let (sandbox, _) = sandbox().await;
    let mut config = sandbox.config();
    config.auth_info.token = Some("wrong".to_owned().into());
    let api: Api<ConfigMap> = Api::default_namespaced(Client::try_from(config).unwrap());
    assert_eq!(status(api.get("a").await.unwrap_err()), (401, "Unauthorized".into()));
}
