//! Events of controllers: core/v1, with a source, and a count for repeated ones.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;

/// The type of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Information.
    Normal,
    /// A problem that may need attention.
    Warning,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        }
    }
}

/// The content of an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Normal or Warning.
    pub severity: Severity,
    /// A CamelCase reason.
    pub reason: &'static str,
    /// A message for people.
    pub message: String,
}

impl Notice {
    /// A Normal notice.
    pub fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Normal,
            reason,
            message: message.into(),
        }
    }

    /// A Warning notice.
    pub fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            reason,
            message: message.into(),
        }
    }
}

/// Number of Events that are remembered; beyond it the memory is cleared, and a repeated Event is a new one.
const REMEMBERED: usize = 4096;

#[derive(PartialEq, Eq, Hash)]
struct Repetition {
    uid: String,
    reason: &'static str,
    message: String,
}

/// Writes Events of one component. This is best effort: a failure is logged and does not affect the caller.
pub struct EventWriter {
    client: Client,
    component: &'static str,
    host: Option<String>,
    written: Mutex<HashMap<Repetition, (String, i32)>>,
}

impl EventWriter {
    /// A writer for `component`, on the node `host` if any.
    pub fn new(client: Client, component: &'static str, host: Option<String>) -> Self {
        Self {
            client,
            component,
            host,
            written: Mutex::default(),
        }
    }

    /// Writes `notice` about `object`.
    pub async fn tell<K>(&self, object: &K, notice: &Notice)
    where
        K: Resource<DynamicType = ()>,
    {
        self.tell_about(object.object_ref(&()), notice).await;
    }

    /// Writes `notice` about the object (or field) of `reference`.
    pub async fn tell_about(&self, reference: ObjectReference, notice: &Notice) {
        let key = Repetition {
            uid: format!(
                "{}{}",
                reference.uid.as_deref().unwrap_or_default(),
                reference.field_path.as_deref().unwrap_or_default()
            ),
            reason: notice.reason,
            message: notice.message.clone(),
        };
        let namespace = reference.namespace.clone().unwrap_or_else(|| "default".into());
        let events: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let earlier = self.seen(&key);
        let outcome = match earlier {
            Some((name, count)) => {
                let again = json!({ "count": count, "lastTimestamp": Time(Timestamp::now()) });
                events.patch(&name, &PatchParams::default(), &Patch::Merge(again)).await
            }
            None => {
                events
                    .create(&PostParams::default(), &self.build(reference, notice))
                    .await
            }
        };
        match outcome {
            Ok(event) => self.remember(key, event.name_any()),
            Err(error) => {
                tracing::debug!(reason = notice.reason, %error, "an Event could not be written");
                self.forget(&key);
            }
        }
    }

    fn build(&self, reference: ObjectReference, notice: &Notice) -> Event {
        let now = Timestamp::now();
        let name = reference.name.clone().unwrap_or_default();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{:016x}", now.as_nanosecond())),
                namespace: Some(reference.namespace.clone().unwrap_or_else(|| "default".into())),
                ..ObjectMeta::default()
            },
            involved_object: reference,
            reason: Some(notice.reason.into()),
            message: Some(notice.message.clone()),
            type_: Some(notice.severity.as_str().into()),
            source: Some(EventSource {
                component: Some(self.component.into()),
                host: self.host.clone(),
            }),
            reporting_component: Some(self.component.into()),
            reporting_instance: Some(self.host.clone().unwrap_or_default()),
            first_timestamp: Some(Time(now)),
            last_timestamp: Some(Time(now)),
            count: Some(1),
            ..Event::default()
        }
    }

    fn seen(&self, key: &Repetition) -> Option<(String, i32)> {
        let written = self.written.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        written.get(key).map(|(name, count)| (name.clone(), count + 1))
    }

    fn remember(&self, key: Repetition, name: String) {
        let mut written = self.written.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if written.len() >= REMEMBERED {
            written.clear();
        }
        written
            .entry(key)
            .and_modify(|(_, count)| *count += 1)
            .or_insert((name, 1));
    }

    fn forget(&self, key: &Repetition) {
        self.written
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .remove(key);
    }
}
