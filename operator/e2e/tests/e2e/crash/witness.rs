//! Everything that a namespace holds, and everything that was ever made in it, as its watches tell.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use complaint_operator::object::Object;
use futures::StreamExt;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::Job,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service},
    events::v1::Event,
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api,
    core::{ApiResource, DynamicObject},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event as Change},
    },
};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinSet,
};

use crate::cluster::World;

use super::end::End;

/// How long nothing may change until a namespace is at rest.
const REST: Duration = Duration::from_secs(1);

/// What was seen. Objects are by kind and name.
#[derive(Default)]
pub struct Seen {
    pub objects: BTreeMap<(String, String), DynamicObject>,
    /// One object of each identity, in the state in which it was seen first.
    pub made: HashMap<String, (String, DynamicObject)>,
}

/// The watches of a namespace.
pub struct Witness {
    namespace: String,
    seen: Arc<Mutex<Seen>>,
    changed: Arc<Notify>,
    watches: JoinSet<()>,
}

impl Witness {
    /// Watches from now on.
    pub async fn of(world: &World) -> Self {
        let mut witness = Self {
            namespace: world.namespace.clone(),
            seen: Arc::default(),
            changed: Arc::default(),
            watches: JoinSet::new(),
        };
        witness.watch::<ComplaintClassifier>(world).await;
        witness.watch::<TrainingRun>(world).await;
        witness.watch::<ModelVersion>(world).await;
        witness.watch::<Job>(world).await;
        witness.watch::<Pod>(world).await;
        witness.watch::<ConfigMap>(world).await;
        witness.watch::<Secret>(world).await;
        witness.watch::<PersistentVolumeClaim>(world).await;
        witness.watch::<Deployment>(world).await;
        witness.watch::<ReplicaSet>(world).await;
        witness.watch::<Service>(world).await;
        witness.watch::<PodDisruptionBudget>(world).await;
        witness.watch::<HorizontalPodAutoscaler>(world).await;
        witness.watch::<Event>(world).await;
        witness
    }

    /// Watches a kind, from a first list on that has been seen when this returns.
    async fn watch<K: Object>(&mut self, world: &World) {
        let (resource, kind) = (ApiResource::erase::<K>(&()), K::kind(&()).into_owned());
        let api: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), &world.namespace, &resource);
        let (seen, changed) = (self.seen.clone(), self.changed.clone());
        let (listed, first) = oneshot::channel();
        self.watches.spawn(async move {
            let mut listed = Some(listed);
            let mut names = BTreeSet::new();
            let mut events = watcher::watcher(api, watcher::Config::default())
                .default_backoff()
                .boxed();
            while let Some(event) = events.next().await {
                let mut seen = seen.lock().expect("unpoisoned");
                match event {
                    Ok(Change::Init) => names.clear(),
                    Ok(Change::InitApply(object)) => {
                        names.insert(object.metadata.name.clone().unwrap_or_default());
                        seen.put(&kind, object);
                    }
                    Ok(Change::InitDone) => {
                        seen.objects.retain(|(of, name), _| *of != kind || names.contains(name));
                        if let Some(listed) = listed.take() {
                            let _ = listed.send(());
                        }
                    }
                    Ok(Change::Apply(object)) => seen.put(&kind, object),
                    Ok(Change::Delete(object)) => {
                        let name = object.metadata.name.clone().unwrap_or_default();
                        seen.objects.remove(&(kind.clone(), name));
                    }
                    // It is tried again.
                    Err(_) => {}
                }
                drop(seen);
                changed.notify_waiters();
            }
        });
        first.await.expect("a first list");
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("unpoisoned")
    }

    /// What is there now, and what was made.
    pub fn end(&self) -> End {
        End::of(&self.seen(), &self.namespace)
    }

    /// Waits until nothing changes any more while `is_over` holds.
    pub async fn rest(&self, is_over: impl Fn(&End) -> bool) -> End {
        loop {
            let changed = self.changed.notified();
            let end = self.end();
            if !is_over(&end) {
                changed.await;
            } else if tokio::time::timeout(REST, changed).await.is_err() {
                return end;
            }
        }
    }
}

impl Seen {
    fn put(&mut self, kind: &str, object: DynamicObject) {
        let name = object.metadata.name.clone().unwrap_or_default();
        let uid = object.metadata.uid.clone().unwrap_or_default();
        let first = || (kind.to_owned(), object.clone());
        self.made.entry(uid).or_insert_with(first);
        self.objects.insert((kind.to_owned(), name), object);
    }
}
