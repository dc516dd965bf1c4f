//! What every reconcile gets: client, caches, settings, clock and Events.

use std::{sync::Arc, time::Duration};

use complaint_api::ModelVersion;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{cache::Caches, error::Error, object::Objects, settings::Settings, telemetry::ReconcileMetrics};

/// Shared by all reconciles of one controller.
pub struct Context {
    /// The client.
    pub client: Client,
    /// The chart's settings.
    pub settings: Settings,
    /// The controller's name: field manager, reporting controller and metric label.
    pub controller: &'static str,
    pub(crate) caches: Arc<Caches>,
    metrics: ReconcileMetrics,
    recorder: Recorder,
}

/// One thing worth telling the user about an object, published as an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether the Event is a Warning.
    pub warning: bool,
    /// A CamelCase reason.
    pub reason: String,
    /// What happened, with names and numbers.
    pub note: String,
    /// The ModelVersion that it is about. Kubernetes folds Events with the same reason and object and keeps the first text;
    /// this reference keeps Events about different versions apart.
    pub version: Option<String>,
    /// When it happened, for what may happen to the same version again and is then another Event.
    pub time: Option<Timestamp>,
}

impl Notice {
    /// A Normal notice.
    pub fn normal(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason: reason.into(),
            note: note.into(),
            version: None,
            time: None,
        }
    }

    /// A Warning notice.
    pub fn warning(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason: reason.into(),
            note: note.into(),
            version: None,
            time: None,
        }
    }

    /// It happened at that time, and is not folded with an earlier one.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// It is about that ModelVersion.
    pub fn about(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}

impl Context {
    /// A context for the controller of that name.
    pub(crate) fn new(
        client: Client,
        caches: Arc<Caches>,
        settings: Settings,
        controller: &'static str,
        metrics: ReconcileMetrics,
    ) -> Self {
        let reporter = Reporter {
            controller: controller.into(),
            instance: std::env::var("POD_NAME").ok(),
        };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            caches,
            settings,
            controller,
            metrics,
        }
    }

    /// The objects of `namespace`, written under the controller's name.
    pub fn objects(&self, namespace: Option<String>) -> Objects {
        Objects::new(&self.client, &namespace.unwrap_or_default(), self.controller).with(self.caches.clone())
    }

    /// The time, in whole seconds as the API stores it.
    pub fn now(&self) -> Timestamp {
        complaint_api::condition::whole_seconds(Timestamp::now())
    }

    /// Publishes notices about `object`. An Event that can't be written is logged: it must not stop a reconcile.
    pub async fn publish<K: Resource<DynamicType = ()>>(&self, object: &K, notices: Vec<Notice>) {
        self.publish_about(&object.object_ref(&()), notices).await;
    }

    /// Publishes a warning about `object` if `error` says that the API server refuses a change for good.
    pub(crate) async fn publish_refusal<K: Resource<DynamicType = ()>>(&self, object: &K, reason: &str, error: &Error) {
        let refusal = error.refusal().map(|message| Notice::warning(reason, message));
        self.publish(object, refusal.into_iter().collect()).await;
    }

    /// As [`Context::publish`] for an object that is known by its reference only.
    pub(crate) async fn publish_about(&self, reference: &ObjectReference, notices: Vec<Notice>) {
        for notice in notices {
            tracing::info!(
                kind = reference.kind,
                name = reference.name,
                reason = notice.reason,
                "{}",
                notice.note
            );
            let event = Event {
                type_: if notice.warning {
                    EventType::Warning
                } else {
                    EventType::Normal
                },
                reason: notice.reason,
                note: Some(truncated(&notice.note, 1024)),
                action: "Reconcile".into(),
                secondary: secondary(notice.version, notice.time, reference),
            };
            if let Err(error) = self.recorder.publish(&event, reference).await {
                tracing::warn!(%error, reason = event.reason, "an Event could not be written");
            }
        }
    }

    /// Counts a reconcile that went well.
    pub fn succeeded(&self, took: Duration) {
        self.metrics.observe(self.controller, None, took);
    }

    /// Counts a failed reconcile.
    pub fn failed(&self, error: &Error) {
        self.metrics
            .observe(self.controller, Some(error.reason()), Duration::ZERO);
    }
}

/// What keeps Events apart: the version that one is about, and the time. That is no path of an object, and the only field for it.
fn secondary(version: Option<String>, time: Option<Timestamp>, reference: &ObjectReference) -> Option<ObjectReference> {
    let is_apart = version.is_some() || time.is_some();
    let of = match version {
        Some(version) => ObjectReference {
            api_version: Some(ModelVersion::api_version(&()).into()),
            kind: Some(ModelVersion::kind(&()).into()),
            name: Some(version),
            namespace: reference.namespace.clone(),
            ..ObjectReference::default()
        },
        None => reference.clone(),
    };
    let field_path = time.map(|time| time.to_string());
    is_apart.then_some(ObjectReference { field_path, ..of })
}

/// The first `limit` bytes of `text`, cut between characters.
pub fn truncated(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::truncated;

    #[test]
    fn truncation_respects_characters_and_limit() {
        assert_eq!(truncated("short", 10), "short");
        let cut = truncated("ääääääääää", 10);
        assert!(cut.len() <= 10 && cut.ends_with('…'), "{cut}");
    }
}
