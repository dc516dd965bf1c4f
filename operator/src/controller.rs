//! What every controller shares: how one runs, what makes it look at an object, and what happens to objects and errors around
//! a reconcile.

use std::{future::Future, sync::Arc, time::Instant};

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use complaint_telemetry::Parent;
use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Resource, ResourceExt};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    cache::{Cached, Caches, Event, Kept, Key, Unreadable, kind},
    context::{Context, Notice},
    error::Error,
    queue::{Next, Queue, Requests, work},
};

/// How many objects a controller works on at once. Each has one request under way, so this bounds connections as well.
const AT_ONCE: usize = 16;

/// What is particular to one controller.
pub(crate) trait Reconciler: 'static {
    /// The kind that it reconciles.
    type Kind: Cached;

    /// Its name: field manager, reporter of its Events and metric label.
    const NAME: &'static str;

    /// Whether it also looks at objects that are being deleted.
    const OF_DELETED: bool = false;
    /// Whether it is the one that tells people about an object of its kind that can't be read.
    const TELLS_UNREADABLE: bool = false;

    /// Says which changes of other kinds make it look at which objects.
    fn watches(on: &Watches);

    /// The place in a trace that work on the object belongs to.
    fn place(_: &Self::Kind) -> Option<Parent> {
        None
    }

    /// Brings the cluster closer to what `object` asks for. `object` comes from the cache; only with
    /// [`OF_DELETED`](Self::OF_DELETED) it may be one that is being deleted.
    fn reconcile(object: &Self::Kind, context: &Context) -> impl Future<Output = Result<Next, Error>> + Send;

    /// Lets go of an object that is being deleted and can't be read.
    fn release(_: &ObjectMeta, _: &Context) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }
}

/// Leads changes in the caches to the objects that they concern.
pub(crate) struct Watches {
    caches: Arc<Caches>,
    queue: Arc<Queue>,
}

impl Watches {
    /// A change of an object of kind `C` is something that happened to the objects that `concerned` names.
    pub(crate) fn on<C: Cached>(&self, concerned: impl Fn(&Caches, &Event<'_, C>) -> Vec<Key> + Send + Sync + 'static) {
        let (caches, queue) = (Arc::downgrade(&self.caches), self.queue.clone());
        C::store(&self.caches).listen(move |event| {
            let Some(caches) = caches.upgrade() else { return };
            concerned(&caches, event)
                .into_iter()
                .for_each(|key| queue.happened(key));
        });
    }

    /// As [`Watches::on`] for the one object whose name `concerned` reads from the changed one, in its namespace.
    pub(crate) fn on_part<C: Cached>(&self, concerned: impl Fn(&Kept<C>) -> Option<String> + Send + Sync + 'static) {
        self.on(move |_, event: &Event<'_, C>| {
            let states = [event.old, event.new].into_iter().flatten();
            let mut keys: Vec<Key> = states
                .filter_map(|part| Some(Key::new(&part.namespace()?, &concerned(part)?)))
                .collect();
            keys.dedup();
            keys
        });
    }

    /// A change of a version is something that happened to the classifier that it names.
    pub(crate) fn on_versions(&self) {
        self.on_part(|version: &Kept<ModelVersion>| Some(version.readable()?.spec.classifier_ref.name.clone()));
    }

    /// A change of what `relevant` reads of a run is something that happened to the classifier that it names.
    pub(crate) fn on_runs<R: PartialEq>(&self, relevant: impl Fn(&TrainingRun) -> R + Send + Sync + 'static) {
        self.on(move |_, event: &Event<'_, TrainingRun>| {
            let (before, after) = before_and_after(event);
            let changed = before.map(&relevant) != after.map(&relevant);
            let run = after.or(before).filter(|_| changed);
            let key = run.map(|run| {
                let namespace = run.namespace().unwrap_or_default();
                Key::new(&namespace, &run.spec.classifier_ref.name)
            });
            key.into_iter().collect()
        });
    }

    /// A change of what `relevant` reads of a classifier is something that happened to the objects of its namespace for which
    /// `concerned` holds, given its name.
    pub(crate) fn on_classifier<K: Cached, R: PartialEq>(
        &self,
        relevant: impl Fn(&ComplaintClassifier) -> R + Send + Sync + 'static,
        concerned: impl Fn(&K, &str) -> bool + Send + Sync + 'static,
    ) {
        self.on(move |caches, event: &Event<'_, ComplaintClassifier>| {
            let (before, after) = before_and_after(event);
            let changed = before.map(&relevant) != after.map(&relevant);
            let Some(classifier) = after.or(before).filter(|_| changed) else {
                return Vec::new();
            };
            let (namespace, name) = (classifier.namespace().unwrap_or_default(), classifier.name_any());
            let is_concerned = |kept: &Kept<K>| kept.readable().is_some_and(|object| concerned(object, &name));
            let found = K::store(caches).list(&namespace, is_concerned);
            found.iter().map(|kept| Key::of(&**kept)).collect()
        });
    }
}

/// A controller that knows of all objects as soon as the caches do, and works once it is told to.
pub(crate) struct Controller {
    queue: Arc<Queue>,
    requests: Requests,
    context: Arc<Context>,
}

impl Controller {
    /// Makes it listen to the caches.
    pub(crate) fn new<R: Reconciler>(context: Context) -> Self {
        let (queue, requests) = Queue::new();
        let queue = Arc::new(queue);
        let own = queue.clone();
        R::Kind::store(&context.caches).listen(move |event| {
            let Some(object) = event.new else {
                return event.old.into_iter().for_each(|gone| own.settled(&Key::of(gone)));
            };
            let key = Key::of(object);
            if !only_words_differ(event, own.is_stuck(&key)) {
                own.happened(key);
            }
        });
        R::watches(&Watches {
            caches: context.caches.clone(),
            queue: queue.clone(),
        });
        Self {
            queue,
            requests,
            context: Arc::new(context),
        }
    }

    /// Reconciles until `shutdown`, and ends those under way.
    pub(crate) async fn run<R: Reconciler>(self, shutdown: CancellationToken) {
        let Self {
            queue,
            requests,
            context,
        } = self;
        work(requests, AT_ONCE, shutdown, |key| look::<R>(key, &queue, &context)).await;
    }
}

async fn look<R: Reconciler>(key: Key, queue: &Queue, context: &Context) {
    let Some(kept) = R::Kind::store(&context.caches).get(&key) else {
        return queue.settled(&key);
    };
    let object = match &kept.0 {
        Ok(object) if R::OF_DELETED || object.meta().deletion_timestamp.is_none() => object,
        Ok(_) => return queue.settled(&key),
        Err(unreadable) => return look_at_unreadable::<R>(key, unreadable, queue, context).await,
    };
    let started = Instant::now();
    match R::reconcile(object, context).instrument(span::<R>(object)).await {
        Ok(next) => {
            context.succeeded(started.elapsed());
            queue.again(key, next);
        }
        Err(error) => {
            context.failed(&error);
            if matches!(error, Error::Unreadable { .. }) && !queue.is_stuck(&key) {
                let notice = Notice::warning("Unreadable", format!("{error}: apply it again with this release"));
                context.publish(object, vec![notice]).await;
            }
            let pause = queue.failed(key);
            tracing::warn!(kind = kind::<R::Kind>(), name = object.name_any(), %error, retry_in = ?pause, "an object could not be reconciled");
        }
    }
}

/// The span of a reconcile.
fn span<R: Reconciler>(object: &R::Kind) -> Span {
    let span = tracing::debug_span!(
        "reconcile",
        otel.name = R::NAME,
        k8s.namespace.name = object.namespace().unwrap_or_default(),
        kind = %kind::<R::Kind>(),
        name = object.name_any(),
    );
    if let Some(place) = R::place(object) {
        // It fails only where nobody takes spans.
        let _ = span.set_parent(place.context());
    }
    span
}

async fn look_at_unreadable<R: Reconciler>(key: Key, unreadable: &Unreadable, queue: &Queue, context: &Context) {
    if unreadable.metadata.deletion_timestamp.is_none() {
        queue.settled(&key);
        if R::TELLS_UNREADABLE {
            report::<R::Kind>(unreadable, context).await;
        }
        return;
    }
    match R::release(&unreadable.metadata, context).await {
        Ok(()) => queue.settled(&key),
        Err(error) => {
            context.failed(&error);
            let name = key.name.clone();
            let pause = queue.failed(key);
            tracing::warn!(kind = kind::<R::Kind>(), %name, %error, retry_in = ?pause, "an unreadable object could not be let go");
        }
    }
}

/// Tells about an object that can't be read where people look for it.
async fn report<K: Cached>(unreadable: &Unreadable, context: &Context) {
    let metadata = &unreadable.metadata;
    let reference = ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(kind::<K>()),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        ..ObjectReference::default()
    };
    let note = format!(
        "this release of the operator can't read it ({}): apply it again with fields of this release, or upgrade the operator",
        unreadable.error
    );
    context
        .publish_about(&reference, vec![Notice::warning("Unreadable", note)])
        .await;
}

/// Whether a change is nothing but what this process reports: a run's progress, and for an object that is `stuck` the words
/// that say why, which may be others each time.
fn only_words_differ<K: Cached>(event: &Event<'_, K>, stuck: bool) -> bool {
    let without_words = |kept: &Kept<K>| {
        let mut object = kept.to_value();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        if let Some(status) = object["status"].as_object_mut() {
            status.remove("progress");
            let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
            for condition in conditions.into_iter().flatten().filter(|_| stuck) {
                condition["message"] = Value::Null;
                condition["lastTransitionTime"] = Value::Null;
            }
        }
        object
    };
    matches!((event.old, event.new), (Some(old), Some(new)) if without_words(old) == without_words(new))
}

/// The readable objects of `event` before and after, for listeners that look at what changed.
fn before_and_after<'a, K: Cached>(event: &Event<'a, K>) -> (Option<&'a K>, Option<&'a K>) {
    (event.old.and_then(Kept::readable), event.new.and_then(Kept::readable))
}

/// The value of a label.
pub(crate) fn label(object: &impl ResourceExt, label: &str) -> Option<String> {
    object.labels().get(label).cloned()
}
