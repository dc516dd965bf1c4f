//! The audit log: the user, the request, the decision and the result. One `audit.k8s.io/v1` event per line, at the
//! level Metadata, in the format of upstream's log backend.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use axum::extract::Request;
use http::header;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::meta::new_uid;
use crate::request::Attributes;
use crate::user::User;

/// The file to which requests are appended.
pub(crate) struct AuditLog(Mutex<File>);

/// One request.
pub(crate) struct Entry(Value);

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

impl Entry {
    /// The entry of a new request.
    pub(crate) fn of_request(request: &Request) -> Self {
        let agent = request.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok());
        Self(json!({
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": new_uid(),
            "stage": "ResponseComplete",
            "requestURI": request.uri().to_string(),
            "verb": request.method().as_str().to_lowercase(),
            "user": {},
            "userAgent": agent.unwrap_or_default(),
            "requestReceivedTimestamp": now(),
        }))
    }

    /// Adds the user, the impersonated user, the request's attributes and the decision.
    pub(crate) fn judged(
        &mut self,
        user: &User,
        acting: &User,
        wish: &Attributes,
        decision: &Result<String, ApiError>,
    ) {
        self.0["user"] = user.info();
        if user != acting {
            self.0["impersonatedUser"] = acting.info();
        }
        self.0["verb"] = wish.verb.clone().into();
        if wish.verb == "watch" {
            self.0["stage"] = "ResponseStarted".into();
        }
        if wish.is_resource() {
            self.0["objectRef"] = wish.object_reference();
        }
        let (answer, reason) = match decision {
            Ok(reason) => ("allow", reason.as_str()),
            Err(error) => ("forbid", error.message.as_str()),
        };
        self.0["annotations"] = json!({
            "authorization.k8s.io/decision": answer,
            "authorization.k8s.io/reason": reason,
        });
    }
}

impl AuditLog {
    /// Opens a file to append to.
    ///
    /// # Errors
    /// If it cannot be created or written.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map(|file| Self(Mutex::new(file)))
    }

    /// Writes a request that was answered with this status.
    pub(crate) fn write(&self, entry: Entry, status: u16) {
        let mut event = entry.0;
        event["responseStatus"] = json!({ "code": status });
        event["stageTimestamp"] = now().into();
        // One write per line, because other processes may read the file.
        let line = format!("{event}\n");
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::warn!(%error, "the audit log could not be written");
        }
    }
}
