//! The token for corrections, and the requests that need it.
//!
//! Requests go through the API server's proxy of the Service, which keeps the header `authorization` to itself, so the token is in
//! a header of its own.

use std::path::Path;

use complaint_api::Feedback;
use complaint_contract::captured::{CAPTURED_PATH, CapturedKind, CapturedList};
use complaint_contract::segments::{FEEDBACK_PATH, NAME_BYTES};
use http::HeaderValue;
use k8s_openapi::api::{authentication::v1::SelfSubjectReview, core::v1::Secret};
use kube::{Api, api::PostParams};
use serde::Serialize;

use crate::{
    cluster::Cluster,
    command::success,
    error::{Access, Error},
};

/// Most corrections and bytes of a request; a server takes a thousand and a megabyte.
const ROWS: usize = 100;
const BYTES: usize = 512 << 10;

/// A correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) text: String,
    pub(crate) category: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) also: Option<String>,
    pub(crate) by: String,
}

/// A classifier's servers, for who may send corrections.
pub(crate) struct Desk {
    cluster: Cluster,
    service: String,
    token: HeaderValue,
}

impl Desk {
    /// Finds the token: in `file`, or in the Secret that `feedback` names.
    pub(crate) async fn of(
        cluster: &Cluster,
        classifier: &str,
        feedback: Option<&Feedback>,
        file: Option<&Path>,
    ) -> Result<Self, Error> {
        let service = classifier.to_owned();
        let Some(feedback) = feedback else {
            return Err(Error::Other(format!(
                "ComplaintClassifier {service} takes no corrections, so there is nothing to review: set spec.serving.feedback and spec.serving.capture (docs/review.md)"
            )));
        };
        let (text, place) = match file {
            Some(file) => {
                let read = std::fs::read(file);
                let read = read.map_err(|error| {
                    Error::Usage(format!("the token can't be read from {}: {error}", file.display()))
                })?;
                (read, file.display().to_string())
            }
            None => of_secret(cluster, feedback).await?,
        };
        let mut token = first(&text)
            .and_then(|token| HeaderValue::from_bytes(token).ok())
            .ok_or_else(|| {
                Error::Other(format!(
                    "{place} has no token: put one into it, a line of printable characters"
                ))
            })?;
        token.set_sensitive(true);
        Ok(Self {
            cluster: cluster.clone(),
            service,
            token,
        })
    }

    /// What waits for a person.
    pub(crate) async fn list(&self, which: CapturedKind, limit: usize) -> Result<CapturedList, Error> {
        let path = format!("{}?which={which}&limit={limit}", CAPTURED_PATH.trim_start_matches('/'));
        let answer = self
            .cluster
            .ask_with(&self.service, &path, None, Some(&self.token))
            .await?;
        serde_json::from_slice(&success(&self.service, answer)?).map_err(|_| {
            Error::Other(format!(
                "the answer of Service {} is none of a complaint server: use the plugin of the operator's release",
                self.service
            ))
        })
    }

    /// Sends corrections. When this returns, they are durable.
    pub(crate) async fn send(&self, rows: &[Row]) -> Result<(), Error> {
        let path = FEEDBACK_PATH.trim_start_matches('/');
        for batch in batches(rows) {
            let body = serde_json::to_vec(batch).map_err(|error| Error::Other(error.to_string()))?;
            let answer = self
                .cluster
                .ask_with(&self.service, path, Some(body), Some(&self.token))
                .await?;
            success(&self.service, answer)?;
        }
        Ok(())
    }

    /// Who decides: the name that was given, or else the user's.
    pub(super) async fn decider(&self, given: Option<&str>) -> Result<String, Error> {
        if let Some(given) = given {
            return Ok(given.to_owned());
        }
        Self::user(&self.cluster).await
    }

    /// The name of the program's user.
    pub(crate) async fn user(cluster: &Cluster) -> Result<String, Error> {
        let api: Api<SelfSubjectReview> = Api::all(cluster.client());
        let reviewed = api.create(&PostParams::default(), &SelfSubjectReview::default()).await;
        let reviewed = reviewed.map_err(|error| {
            let access = Access {
                verb: "create",
                resource: "selfsubjectreviews.authentication.k8s.io".into(),
                kind: "SelfSubjectReview".into(),
                namespace: String::new(),
                name: String::new(),
            };
            Error::of_access(access, error)
        })?;
        let user = reviewed.status.and_then(|status| status.user_info?.username);
        let user = user.filter(|user| !user.trim().is_empty() && user.len() <= NAME_BYTES);
        user.ok_or_else(|| {
            Error::Other("the API server does not say who you are, or your name has more than 256 bytes: name whoever decides with --by".into())
        })
    }
}

/// The Secret's bytes, and its name for messages.
async fn of_secret(cluster: &Cluster, feedback: &Feedback) -> Result<(Vec<u8>, String), Error> {
    let reference = &feedback.token_secret_ref;
    let secret: Secret = cluster.get(&reference.name).await.map_err(|error| match error {
        Error::Forbidden { access, said } => Error::Forbidden {
            access,
            said: format!("{said} (whoever has the token may give it with --token-file instead)"),
        },
        other => other,
    })?;
    let place = format!("key {} of Secret {}", reference.key, reference.name);
    let bytes = secret.data.unwrap_or_default().remove(&reference.key);
    Ok((bytes.map(|bytes| bytes.0).unwrap_or_default(), place))
}

/// The first token of a file that has one a line.
pub(super) fn first(text: &[u8]) -> Option<&[u8]> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| !line.is_empty() && line[0] != b'#')
}

/// The rows in requests that a server takes.
pub(super) fn batches(mut rows: &[Row]) -> Vec<&[Row]> {
    let mut batches = Vec::new();
    while !rows.is_empty() {
        let mut bytes = 0;
        let fitting = rows.iter().take(ROWS).take_while(|row| {
            // Escapes may double a text.
            bytes += 2 * row.text.len() + 1_024;
            bytes <= BYTES
        });
        let (batch, rest) = rows.split_at(fitting.count().max(1));
        batches.push(batch);
        rows = rest;
    }
    batches
}
