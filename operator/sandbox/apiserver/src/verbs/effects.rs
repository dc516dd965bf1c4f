//! Synchronous effects of writes.

use serde_json::json;

use super::admission::{claim_service, release_service};
use super::create;
use crate::context::Context;
use crate::meta::Meta;
use crate::ownership::New;
use crate::resource::Resource;
use crate::store::Item;
use crate::{Api, crd};

/// Restores the effects of persisted objects: definitions are served, addresses of Services are in use.
pub(crate) fn restore(api: &Api) {
    for definition in api.store.all("apiextensions.k8s.io/customresourcedefinitions", "") {
        let storage = api.registry.serve(&definition.object);
        api.store.register(&storage);
    }
    for service in api.store.all("/services", "") {
        claim_service(api, &service.object);
    }
}

/// The effects of a write, before it is answered.
pub(super) fn wrote(api: &Api, resource: &Resource, item: &Item) {
    if resource.is_definition() {
        let storage = api.registry.serve(&item.object);
        api.store.register(&storage);
    }
    if &*resource.storage == "/namespaces" && !item.object.is_deleting() {
        fill_namespace(api, item.object.name());
    }
}

/// The effects of a removal.
pub(super) fn removed(api: &Api, resource: &Resource, item: &Item) {
    if resource.is_definition() {
        api.registry.withdraw(&item.object);
        api.store.unregister(&crd::storage_of(&item.object));
    }
    if &*resource.storage == "/services" {
        release_service(api, &item.object);
    }
}

/// Creates the default content of a namespace: the default account and the root certificates.
fn fill_namespace(api: &Api, namespace: &str) {
    let content = [
        (
            "serviceaccounts",
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } }),
        ),
        (
            "configmaps",
            json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": "kube-root-ca.crt",
                    "annotations": {
                        "kubernetes.io/description": "Contains a CA bundle that can be used to verify the \
                            kube-apiserver. The sandbox speaks plain HTTP on loopback, so it is empty.",
                    },
                },
                "data": { "ca.crt": "" },
            }),
        ),
    ];
    for (plural, object) in content {
        let Some(resource) = api.registry.get("", "v1", plural) else {
            continue;
        };
        if api.store.get(&resource.storage, namespace, object.name()).is_some() {
            continue;
        }
        if let Err(error) = create(api, &resource, namespace, object, &Context::internal(), New::Update) {
            tracing::debug!(%error, namespace, "filling a namespace");
        }
    }
}
