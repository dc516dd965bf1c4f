//! Watches: a stream of JSON events, one per line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::read::version_problem;
use super::{ListQuery, list};
use crate::Api;
use crate::error::ApiError;
use crate::resource::Resource;
use crate::store::{Event, EventKind, Item};

/// The duration of a watch without `timeoutSeconds`; the client then starts a new one.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(40 * 60);
/// Interval of bookmarks in an idle watch.
const BOOKMARK_EVERY: Duration = Duration::from_secs(50);

/// Converts the object of an event into the negotiated form.
pub(crate) type Shape = Box<dyn Fn(Value) -> Value + Send + Sync>;

struct Watch {
    api: Arc<Api>,
    resource: Arc<Resource>,
    namespace: String,
    query: ListQuery,
    shape: Shape,
    changed: tokio::sync::watch::Receiver<u64>,
    cursor: u64,
    queue: VecDeque<Bytes>,
    ends: Instant,
    next_bookmark: Instant,
    over: bool,
}

/// Opens a watch.
///
/// # Errors
/// 500 for an invalid resourceVersion, as upstream answers.
pub(crate) fn watch(
    api: Arc<Api>,
    resource: Arc<Resource>,
    namespace: String,
    query: ListQuery,
    shape: Shape,
) -> Result<impl Stream<Item = Result<Bytes, std::convert::Infallible>> + use<>, ApiError> {
    let since: u64 = match query.resource_version.as_str() {
        "" => 0,
        text => text.parse().map_err(|_| ApiError::internal(version_problem(text)))?,
    };
    let changed = api
        .store
        .subscribe(&resource.storage)
        .ok_or_else(ApiError::unknown_path)?;
    let timeout = query
        .timeout
        .filter(|t| *t > 0)
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let mut watch = Watch {
        ends: Instant::now() + timeout,
        next_bookmark: Instant::now() + BOOKMARK_EVERY,
        cursor: since,
        queue: VecDeque::new(),
        over: false,
        api,
        resource,
        namespace,
        query,
        shape,
        changed,
    };
    if since == 0 || watch.query.send_initial_events {
        watch.send_present_state()?;
    }
    Ok(futures::stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((Ok(chunk), watch))
    }))
}

impl Watch {
    /// Synthetic ADDED events for existing objects, and the final bookmark if the client requested it.
    fn send_present_state(&mut self) -> Result<(), ApiError> {
        let query = ListQuery {
            labels: self.query.labels.clone(),
            fields: self.query.fields.clone(),
            ..ListQuery::default()
        };
        let listed = list(&self.api, &self.resource, &self.namespace, &query)?;
        self.cursor = listed.metadata["resourceVersion"]
            .as_str()
            .and_then(|v| v.parse().ok())
            .unwrap_or(0);
        for item in &listed.items {
            let object = self.resource.present(&item.object);
            self.push("ADDED", object);
        }
        if self.query.send_initial_events && self.query.bookmarks {
            let bookmark = self.bookmark(Some(json!({ "k8s.io/initial-events-end": "true" })));
            self.push_raw("BOOKMARK", &bookmark);
        }
        Ok(())
    }

    fn bookmark(&self, annotations: Option<Value>) -> Value {
        let mut metadata = json!({ "resourceVersion": self.cursor.to_string() });
        if let Some(annotations) = annotations {
            metadata["annotations"] = annotations;
        }
        let bare =
            json!({ "kind": self.resource.kind, "apiVersion": self.resource.api_version(), "metadata": metadata });
        (self.shape)(bare)
    }

    fn push(&mut self, kind: &str, object: Value) {
        let shaped = (self.shape)(object);
        self.push_raw(kind, &shaped);
    }

    fn push_raw(&mut self, kind: &str, object: &Value) {
        self.queue
            .push_back(Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")));
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.queue.pop_front() {
                return Some(chunk);
            }
            if self.over {
                return None;
            }
            self.changed.borrow_and_update();
            self.collect();
            if !self.queue.is_empty() || self.over {
                continue;
            }
            tokio::select! {
                changed = self.changed.changed() => if changed.is_err() { self.over = true; },
                () = tokio::time::sleep_until(self.ends) => self.over = true,
                () = tokio::time::sleep_until(self.next_bookmark) => {
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                    if self.query.bookmarks {
                        let bookmark = self.bookmark(None);
                        self.push_raw("BOOKMARK", &bookmark);
                    }
                }
                () = self.api.stopping.cancelled() => self.over = true,
            }
        }
    }

    /// Reads the changes since the cursor.
    fn collect(&mut self) {
        let (events, up_to) = match self.api.store.events_since(&self.resource.storage, self.cursor) {
            Ok(found) => found,
            Err(expired) => {
                let error = ApiError::expired(format!(
                    "too old resource version: {} ({})",
                    expired.asked, expired.oldest
                ));
                self.push_raw("ERROR", &error.status());
                self.over = true;
                return;
            }
        };
        for event in events {
            self.push_event(&event);
        }
        self.cursor = self.cursor.max(up_to);
    }

    fn selects(&self, item: &Item) -> bool {
        self.query.matches(&self.resource, item)
    }

    fn push_event(&mut self, event: &Event) {
        if !self.namespace.is_empty() && !event.key.starts_with(&format!("{}/", self.namespace)) {
            return;
        }
        let before = event.previous.as_ref().filter(|p| self.selects(p)).cloned();
        let now = event.kind != EventKind::Deleted && self.selects(&event.item);
        match (before, now) {
            (None, true) => self.push("ADDED", self.resource.present(&event.item.object)),
            (Some(_), true) => self.push("MODIFIED", self.resource.present(&event.item.object)),
            (Some(last), false) => {
                // A deleted object, or one that no longer matches: the last matching state with the event's version.
                let mut object = self.resource.present(&last.object);
                object["metadata"]["resourceVersion"] = event.item.revision.to_string().into();
                self.push("DELETED", object);
            }
            (None, false) => {}
        }
    }
}
