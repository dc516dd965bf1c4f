//! Caches: one watch a kind and watched namespace, shared by all controllers.
//!
//! A kind that others use too is watched by the label of the product's objects. What nobody reads is not kept, and an object
//! that can't be read breaks neither its watch nor its neighbours. The answer to an own write enters the cache at once, so
//! that no decision rests on a state older than what this process wrote; a write that rests on what another may have changed
//! carries the resourceVersion that was read.

mod feed;
mod kept;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun, labels};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::Job,
    core::v1::{PersistentVolumeClaim, Pod, Service},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Client, Resource, ResourceExt,
    core::{ApiResource, DynamicObject},
};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use crate::{applied::Memory, monitoring::Memories, object::Object, turns::Turns};
pub(crate) use kept::{Kept, Unreadable};
pub(crate) use store::{Event, Origin, Store};

/// Names an object of a kind.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    pub(crate) fn of(object: &impl ResourceExt) -> Self {
        Self::new(&object.namespace().unwrap_or_default(), &object.name_any())
    }
}

/// A kind that is cached.
pub(crate) trait Cached: Object + PartialEq + Send + Sync + 'static {
    /// Which objects are watched; `None`: all of them.
    const SELECTOR: Option<&'static str>;

    /// The kind's cache.
    fn store(caches: &Caches) -> &Arc<Store<Self>>;

    /// Removes what nobody reads, besides metadata.
    fn trim(object: &mut Value);
}

/// What the caches know of an object.
pub(crate) enum Found {
    /// Its kind is not cached.
    Unknown,
    /// There is none with the product's label.
    Absent,
    /// It is there.
    There(Value),
}

macro_rules! caches {
    ($($field:ident: $kind:ident $selector:expr, $trim:expr;)*) => {
        /// The caches of all kinds.
        #[derive(Debug, Default)]
        pub(crate) struct Caches {
            $($field: Arc<Store<$kind>>,)*
            /// What was applied last.
            pub(crate) applied: Arc<Memory>,
            /// Whose turn it is to train.
            pub(crate) turns: Turns,
            /// What pods said of production.
            pub(crate) monitoring: Memories,
        }

        $(impl Cached for $kind {
            const SELECTOR: Option<&'static str> = $selector;

            fn store(caches: &Caches) -> &Arc<Store<Self>> {
                &caches.$field
            }

            fn trim(object: &mut Value) {
                let trim: fn(&mut Value) = $trim;
                trim(object);
            }
        })*

        impl Caches {
            /// Empty caches.
            pub(crate) fn new() -> Arc<Self> {
                let caches = Self::default();
                $({
                    let (applied, resource) = (caches.applied.clone(), ApiResource::erase::<$kind>(&()));
                    caches.$field.listen(move |event| {
                        if let (Some(gone), None) = (event.old, event.new) {
                            applied.forget(&resource, &Key::of(gone));
                        }
                    });
                })*
                Arc::new(caches)
            }

            /// Fills the caches and keeps them up to date for as long as the tasks run. The first lists are read one after
            /// the other, so that only one of them needs memory.
            pub(crate) async fn start(&self, client: &Client, scopes: &[Option<String>], tasks: &mut JoinSet<()>) {
                $(feed::start::<$kind>(client, scopes, $kind::store(self), tasks).await;)*
            }

            /// What is known of an object.
            pub(crate) fn find(&self, resource: &ApiResource, key: &Key) -> Found {
                $(if *resource == ApiResource::erase::<$kind>(&()) {
                    return match self.$field.get(key) {
                        None => Found::Absent,
                        Some(kept) => Found::There(kept.to_value()),
                    };
                })*
                Found::Unknown
            }

            /// Takes in what the API server answered to an own write.
            pub(crate) fn wrote(&self, resource: &ApiResource, answer: &DynamicObject) {
                $(if *resource == ApiResource::erase::<$kind>(&()) {
                    if let Ok(value) = serde_json::to_value(answer) {
                        self.$field.put(Kept::read(value), Origin::Own);
                    }
                })*
            }

            /// Forgets an object that was deleted by this process.
            pub(crate) fn deleted(&self, resource: &ApiResource, key: &Key) {
                $(if *resource == ApiResource::erase::<$kind>(&()) {
                    self.$field.forget(key);
                })*
            }
        }
    };
}

const OURS: Option<&str> = Some(labels::CLASSIFIER);

caches! {
    classifiers: ComplaintClassifier None, |_| {};
    versions: ModelVersion None, |_| {};
    runs: TrainingRun None, |_| {};
    jobs: Job OURS, |job| {
        let mut pod = job["spec"]["template"]["spec"].take();
        for container in pod["containers"].as_array_mut().into_iter().flatten() {
            *container = only(container, &["name", "image", "imagePullPolicy", "args", "envFrom"]);
        }
        let pod = only(&mut pod, &["containers", "volumes"]);
        job["spec"] = json!({ "suspend": job["spec"]["suspend"].take(), "template": { "spec": pod } });
    };
    pods: Pod OURS, |pod| without(pod, &["spec"]);
    deployments: Deployment OURS, |_| {};
    replica_sets: ReplicaSet OURS, |set| without(set, &["spec", "status"]);
    services: Service OURS, |service| without(service, &["status"]);
    budgets: PodDisruptionBudget OURS, |budget| without(budget, &["status"]);
    autoscalers: HorizontalPodAutoscaler OURS, |autoscaler| without(autoscaler, &["status"]);
    claims: PersistentVolumeClaim OURS, |claim| without(claim, &["spec", "status"]);
}

fn only(object: &mut Value, fields: &[&str]) -> Value {
    let found = fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), object.get_mut(*field)?.take())));
    found.collect::<Map<_, _>>().into()
}

fn without(object: &mut Value, fields: &[&str]) {
    if let Some(object) = object.as_object_mut() {
        for field in fields {
            object.remove(*field);
        }
    }
}

/// The name of a kind, for messages.
pub(crate) fn kind<K: Resource<DynamicType = ()>>() -> String {
    K::kind(&()).into_owned()
}
