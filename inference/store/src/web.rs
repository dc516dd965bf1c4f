//! `http` and `https` addresses.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use object_store::client::{HttpRequest, HttpRequestBody};
use url::Url;

use crate::bounds::{Bounds, FIRST_PAUSE, LONGEST_PAUSE};
use crate::client::{Http, Refused};
use crate::error::{Fault, reasons};
use crate::fetch::Transfer;
use crate::object::not_reached;
use crate::purpose::Purpose;

/// Why an attempt failed.
enum Broken {
    /// A retry can't help.
    Final(Fault),
    /// A retry may help.
    Passing(Fault),
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Final(fault)
    }
}

/// Downloads an address. An interrupted transfer resumes as long as the server confirms that the bytes are unchanged.
pub(crate) async fn fetch(url: &Url, purpose: Purpose, transfer: &mut Transfer<'_>) -> Result<(), Fault> {
    let source = Source::new(url, purpose, transfer.bounds)?;
    let mut tag = None;
    let (mut failures, mut pause) = (0, FIRST_PAUSE);
    loop {
        let before = transfer.done();
        let fault = match source.attempt(transfer, &mut tag).await {
            Ok(()) => return Ok(()),
            Err(Broken::Final(fault)) => return Err(fault),
            Err(Broken::Passing(fault)) => fault,
        };
        if transfer.done() > before {
            (failures, pause) = (0, FIRST_PAUSE);
        }
        if failures == transfer.bounds.retries {
            return Err(fault);
        }
        failures += 1;
        tracing::info!(%fault, ?pause, "a transfer failed and is retried");
        tokio::time::sleep(pause).await;
        pause = Duration::min(pause * 2, LONGEST_PAUSE);
    }
}

struct Source {
    http: Http,
    url: Url,
    login: Option<HeaderValue>,
    purpose: Purpose,
}

impl Source {
    fn new(url: &Url, purpose: Purpose, bounds: &Bounds) -> Result<Self, Fault> {
        let failed = |problem: String| Fault::Unavailable { problem };
        let http = Http::new(url.scheme() == "http", bounds.silence, bounds.reach)
            .map_err(|error| failed(error.to_string()))?;
        let mut plain = url.clone();
        plain.set_fragment(None);
        // These setters refuse only addresses without a host.
        let _ = plain.set_username("").and_then(|()| plain.set_password(None));
        Ok(Self {
            http,
            login: login(url),
            url: plain,
            purpose,
        })
    }

    /// Requests the missing bytes. `tag` is the strong ETag of the bytes received so far.
    async fn attempt(&self, transfer: &mut Transfer<'_>, tag: &mut Option<HeaderValue>) -> Result<(), Broken> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = self
            .url
            .as_str()
            .parse()
            .map_err(|error: http::uri::InvalidUri| Fault::Settings {
                problem: format!("the address can't be requested: {error}"),
                fix: self.purpose.request(),
            })?;
        let headers = request.headers_mut();
        // The suffix gives the file's own compression. Compression by the transfer would change the digest.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(login) = &self.login {
            headers.insert(AUTHORIZATION, login.clone());
        }
        match tag {
            Some(tag) if transfer.done() > 0 => {
                headers.insert(RANGE, value(format!("bytes={}-", transfer.done())));
                headers.insert(IF_RANGE, tag.clone());
            }
            _ => transfer.restart()?,
        }
        let response = self
            .http
            .send(request)
            .await
            .map_err(|error| match Refused::among(&error) {
                Some(refused) => Broken::Final(not_reached(refused)),
                None => Broken::Passing(Fault::Unavailable {
                    problem: reasons(&error),
                }),
            })?;
        let (status, headers) = (response.status(), response.headers());
        if status == StatusCode::PARTIAL_CONTENT {
            let begins = format!("bytes {}-", transfer.done());
            if !text(headers, &CONTENT_RANGE).is_some_and(|range| range.starts_with(&begins)) {
                transfer.restart()?;
                *tag = None;
                return Err(Broken::Passing(Fault::Unavailable {
                    problem: "the server sent another range than requested".into(),
                }));
            }
        } else if status.is_success() {
            transfer.restart()?;
            // A weak tag does not guarantee the same bytes.
            *tag = headers
                .get(ETAG)
                .filter(|tag| tag.as_bytes().starts_with(b"\""))
                .cloned();
        } else if status == StatusCode::RANGE_NOT_SATISFIABLE && transfer.done() > 0 {
            // The file is now shorter than the bytes received.
            transfer.restart()?;
            *tag = None;
            return Err(Broken::Passing(Fault::Unavailable {
                problem: "the file changed while it was read".into(),
            }));
        } else {
            return Err(self.refusal(status));
        }
        let length: Option<u64> = text(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
        transfer.expect(length.map(|length| transfer.done() + length))?;
        let mut bytes = response.into_body().bytes_stream();
        while let Some(chunk) = bytes.next().await {
            match chunk {
                Ok(chunk) => transfer.push(&chunk)?,
                Err(error) => return Err(Broken::Passing(transfer.broke_off(&reasons(&error)))),
            }
        }
        if transfer.is_complete() {
            Ok(())
        } else {
            Err(Broken::Passing(transfer.broke_off("the connection was closed")))
        }
    }

    fn refusal(&self, status: StatusCode) -> Broken {
        let problem = format!("the server answers {}", status.as_u16());
        match status.as_u16() {
            404 | 410 => Broken::Final(Fault::NotFound { problem }),
            401 | 403 => Broken::Final(Fault::Denied {
                problem,
                fix: self.purpose.login(),
            }),
            status if may_pass(status) => Broken::Passing(Fault::Unavailable { problem }),
            _ => Broken::Final(Fault::Refused {
                problem,
                fix: self.purpose.request(),
            }),
        }
    }
}

/// Whether a retry of the same request may succeed: server errors, and the client errors about time.
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

/// User and password of an address, as a header.
fn login(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let pair = format!(
        "{}:{}",
        decoded(url.username()),
        decoded(url.password().unwrap_or_default())
    );
    let mut header = value(format!("Basic {}", STANDARD.encode(pair)));
    header.set_sensitive(true);
    Some(header)
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and base64 are header text")
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
