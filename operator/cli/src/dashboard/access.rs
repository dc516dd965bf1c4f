//! Who may look, where the dashboard runs in a cluster: whoever sends a bearer token of somebody who may list what is shown.
//!
//! The API server decides: a TokenReview says who it is, and SubjectAccessReviews say whether they may list the three kinds. Answers
//! are kept for a short time under the digest of the token; the token itself is kept nowhere.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use complaint_api::{ComplaintClassifier, GROUP, ModelVersion, TrainingRun};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, UserInfo},
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, Resource, api::PostParams};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{
    cluster::Scope,
    error::{Access as Asked, Error},
};

/// How long an answer is believed: rights that are taken away end that late.
const ALLOWED: Duration = Duration::from_secs(60);
/// How long a refusal is: whoever was just given rights need not wait long.
const REFUSED: Duration = Duration::from_secs(10);
/// The most answers that are kept.
const KEPT: usize = 1_000;
/// The most tokens that are checked at once: whoever sends random ones can't flood the API server.
const AT_ONCE: usize = 8;
/// The longest token that is looked at.
const LONGEST: usize = 16 * 1024;

/// Why somebody may not look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no token, or the API server does not know it.
    Unknown,
    /// The user, by name, may not list this.
    Forbidden {
        /// Their name.
        user: String,
        /// Verb and resource.
        may_not: String,
    },
    /// The API server can't be asked.
    Unanswered(String),
}

/// Checks tokens.
pub(super) struct Access {
    client: Client,
    namespaces: Vec<Option<String>>,
    kept: Mutex<HashMap<[u8; 32], Kept>>,
    asking: Semaphore,
}

#[derive(Clone)]
struct Kept {
    until: Instant,
    answer: Result<UserInfo, Refusal>,
}

impl Access {
    /// Who may look is who may list the kinds in all of `scopes`.
    pub(super) fn new(client: Client, scopes: &[Scope]) -> Self {
        let namespace = |scope: &Scope| match scope {
            Scope::All => None,
            Scope::Namespace(name) => Some(name.clone()),
        };
        Self {
            client,
            namespaces: scopes.iter().map(namespace).collect(),
            kept: Mutex::default(),
            asking: Semaphore::new(AT_ONCE),
        }
    }

    /// Who sent these headers, if they may look.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn check(&self, headers: &HeaderMap) -> Result<UserInfo, Refusal> {
        let token = bearer(headers).ok_or(Refusal::Unknown)?;
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(answer) = self.known(&digest, Instant::now()) {
            return answer;
        }
        let Ok(_place) = self.asking.acquire().await else {
            return Err(Refusal::Unanswered("the dashboard is ending".into()));
        };
        // Another request with the same token may have asked meanwhile.
        if let Some(answer) = self.known(&digest, Instant::now()) {
            return answer;
        }
        let answer = self.ask(token).await;
        self.keep(digest, &answer, Instant::now());
        answer
    }

    fn known(&self, digest: &[u8; 32], now: Instant) -> Option<Result<UserInfo, Refusal>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(digest)
            .filter(|kept| kept.until > now)
            .map(|kept| kept.answer.clone())
    }

    fn keep(&self, digest: [u8; 32], answer: &Result<UserInfo, Refusal>, now: Instant) {
        let time = match answer {
            Ok(_) => ALLOWED,
            Err(Refusal::Unknown | Refusal::Forbidden { .. }) => REFUSED,
            Err(Refusal::Unanswered(_)) => return,
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.retain(|_, kept| kept.until > now);
        }
        if kept.len() >= KEPT {
            // Refusals make room first: random tokens push nobody out who may look.
            kept.retain(|_, kept| kept.answer.is_ok());
        }
        if kept.len() < KEPT {
            let answer = answer.clone();
            kept.insert(
                digest,
                Kept {
                    until: now + time,
                    answer,
                },
            );
        }
    }

    async fn ask(&self, token: &str) -> Result<UserInfo, Refusal> {
        let user = self.user(token).await?;
        let kinds = [
            ComplaintClassifier::plural(&()),
            ModelVersion::plural(&()),
            TrainingRun::plural(&()),
        ];
        for namespace in &self.namespaces {
            for resource in &kinds {
                self.may_list(&user, resource, namespace.as_deref()).await?;
            }
        }
        Ok(user)
    }

    async fn user(&self, token: &str) -> Result<UserInfo, Refusal> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences: None,
            },
            ..TokenReview::default()
        };
        let reviewed = Api::all(self.client.clone())
            .create(&PostParams::default(), &review)
            .await;
        let reviewed: TokenReview =
            reviewed.map_err(|error| unanswered("tokenreviews.authentication.k8s.io", error))?;
        let status = reviewed.status.unwrap_or_default();
        match status.authenticated {
            Some(true) => status.user.ok_or(Refusal::Unknown),
            _ => Err(Refusal::Unknown),
        }
    }

    async fn may_list(&self, user: &UserInfo, resource: &str, namespace: Option<&str>) -> Result<(), Refusal> {
        let list = ResourceAttributes {
            group: Some(GROUP.into()),
            resource: Some(resource.to_owned()),
            verb: Some("list".into()),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        if self.may(user, list).await? {
            return Ok(());
        }
        let place = namespace.map_or("in all namespaces".to_owned(), |namespace| {
            format!("in namespace {namespace}")
        });
        Err(Refusal::Forbidden {
            user: user.username.clone().unwrap_or_default(),
            may_not: format!("list {resource}.{GROUP} {place}"),
        })
    }

    /// Whether the user has a right.
    ///
    /// # Errors
    /// The API server can't be asked.
    pub(super) async fn may(&self, user: &UserInfo, right: ResourceAttributes) -> Result<bool, Refusal> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: user.username.clone(),
                groups: user.groups.clone(),
                uid: user.uid.clone(),
                extra: user.extra.clone(),
                resource_attributes: Some(right),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let reviewed = Api::all(self.client.clone())
            .create(&PostParams::default(), &review)
            .await;
        let reviewed: SubjectAccessReview =
            reviewed.map_err(|error| unanswered("subjectaccessreviews.authorization.k8s.io", error))?;
        Ok(reviewed.status.is_some_and(|status| status.allowed))
    }
}

pub(super) fn unanswered(resource: &str, error: kube::Error) -> Refusal {
    let asked = Asked {
        verb: "create",
        resource: resource.into(),
        kind: String::new(),
        namespace: String::new(),
        name: String::new(),
    };
    Refusal::Unanswered(Error::of_access(asked, error).to_string())
}

/// The token of `Authorization: Bearer TOKEN`, if there is exactly one such header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (all.next()?.to_str().ok()?, all.next()) else {
        return None;
    };
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty() && token.len() <= LONGEST).then_some(token)
}

#[cfg(test)]
mod tests;
