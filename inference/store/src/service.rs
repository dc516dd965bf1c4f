//! A web service with an API: requests with bodies, and answers of bounded size.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use object_store::client::{HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse};
use url::Url;

use crate::bounds::{Bounds, FIRST_PAUSE, LONGEST_PAUSE};
use crate::client::{Http, Refused};
use crate::error::{Fault, reasons};
use crate::object::not_reached;

/// The credentials of a service. They never appear in a message.
#[derive(Clone)]
pub struct Login(HeaderValue);

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

impl Login {
    /// User and password (RFC 7617).
    #[must_use]
    pub fn basic(user: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        Self(sensitive(&format!("Basic {pair}")).expect("base64 is header text"))
    }

    /// A token (RFC 6750); `None` if it holds characters that no header can.
    #[must_use]
    pub fn bearer(token: &str) -> Option<Self> {
        sensitive(&format!("Bearer {token}")).map(Self)
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Makes something, or asks with a body.
    Post,
    /// Writes what the address names.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl Verb {
    fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// JSON.
    Json(Bytes),
    /// A file.
    File(Bytes),
}

/// What a service answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body. It may hold anything, the request's credentials included: quote nothing of it.
    pub body: Bytes,
}

/// A service at one address. All requests go there with the same credentials, and no redirect is followed.
#[derive(Debug)]
pub struct Service {
    http: Http,
    base: Url,
    login: Option<Login>,
    bounds: Bounds,
}

impl Service {
    /// The service at `base`, an `http://` or `https://` address whose path all requests' paths are added to. `bounds` limit
    /// each request; its `retries` count only requests that did not reach the service, or that it asks to repeat.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] if the system has no usable certificates.
    pub fn new(base: &Url, login: Option<Login>, bounds: Bounds) -> Result<Self, Fault> {
        let http =
            Http::new(base.scheme() == "http", bounds.silence, bounds.reach).map_err(|error| Fault::Unavailable {
                problem: error.to_string(),
            })?;
        let mut base = base.clone();
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            http,
            base,
            login,
            bounds,
        })
    }

    /// Sends a request. `path` holds plain segments, which are encoded. An answer of any status is one.
    ///
    /// # Errors
    /// [`Fault::OutOfReach`], [`Fault::TooLarge`] for an answer, [`Fault::TimedOut`], or [`Fault::Unavailable`].
    pub async fn call(&self, verb: Verb, path: &[&str], query: &[(&str, &str)], body: &Body) -> Result<Answer, Fault> {
        let url = self.url(path, query);
        let calling = async {
            let (mut failures, mut pause) = (0, FIRST_PAUSE);
            loop {
                let fault = match self.attempt(verb, &url, body).await {
                    Ok(answer) if !matches!(answer.status, 429 | 503) || failures == self.bounds.retries => {
                        return Ok(answer);
                    }
                    Ok(answer) => format!("the server answers {}", answer.status),
                    Err(Attempt::Final(fault)) => return Err(fault),
                    Err(Attempt::NotSent(problem)) if failures == self.bounds.retries => {
                        return Err(Fault::Unavailable { problem });
                    }
                    Err(Attempt::NotSent(problem)) => problem,
                };
                failures += 1;
                tracing::info!(%fault, ?pause, "a request failed and is repeated");
                tokio::time::sleep(pause).await;
                pause = Duration::min(pause * 2, LONGEST_PAUSE);
            }
        };
        match tokio::time::timeout(self.bounds.time, calling).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::TimedOut {
                seconds: self.bounds.time.as_secs().max(1),
                fix: self.bounds.longer,
            }),
        }
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn attempt(&self, verb: Verb, url: &Url, body: &Body) -> Result<Answer, Attempt> {
        let (kind, bytes) = match body {
            Body::Empty => (None, Bytes::new()),
            Body::Json(bytes) => (Some("application/json"), bytes.clone()),
            Body::File(bytes) => (Some("application/octet-stream"), bytes.clone()),
        };
        let mut request = HttpRequest::new(HttpRequestBody::from(bytes));
        *request.method_mut() = verb.method();
        *request.uri_mut() = url.as_str().parse().map_err(|_| {
            Attempt::Final(Fault::Settings {
                problem: "the address can't be requested".into(),
                fix: "Check its host and path",
            })
        })?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(kind.map(|kind| (CONTENT_TYPE, HeaderValue::from_static(kind))));
        headers.extend(self.login.as_ref().map(|login| (AUTHORIZATION, login.0.clone())));
        let response =
            self.http
                .send_once(request)
                .await
                .map_err(|error| match (Refused::among(&error), error.kind()) {
                    (Some(refused), _) => Attempt::Final(not_reached(refused)),
                    (None, HttpErrorKind::Connect) => Attempt::NotSent(reasons(&error)),
                    (None, _) => Attempt::Final(Fault::Unavailable {
                        problem: reasons(&error),
                    }),
                })?;
        self.read(response).await.map_err(Attempt::Final)
    }

    async fn read(&self, response: HttpResponse) -> Result<Answer, Fault> {
        let status = response.status().as_u16();
        let mut body = BytesMut::new();
        let mut bytes = response.into_body().bytes_stream();
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|error| Fault::Unavailable {
                problem: reasons(&error),
            })?;
            if (body.len() + chunk.len()) as u64 > self.bounds.bytes {
                return Err(Fault::TooLarge {
                    limit: self.bounds.bytes,
                    fix: self.bounds.larger,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            body: body.freeze(),
        })
    }
}

/// Why an attempt got no answer.
enum Attempt {
    /// It may have had an effect, or would fail again.
    Final(Fault),
    /// It did not reach the service.
    NotSent(String),
}
