//! The only HTTP client: hyper with rustls, proxies, time limits, redirects, and rules for the addresses it may reach.

mod dial;
mod guard;
mod tls;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use complaint_contract::Reach;
use http::header::{AUTHORIZATION, COOKIE, HOST, LOCATION, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnector;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use url::Url;

use dial::Dial;
use guard::{Errand, Guard, errand_of};

pub(crate) use guard::Refused;

/// Longest time to open a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Maximum number of redirects to follow.
const REDIRECTS: usize = 10;
const AGENT: &str = concat!("complaint-store/", env!("CARGO_PKG_VERSION"));

type Connections = Client<TimeoutConnector<HttpsConnector<Dial>>, HttpRequestBody>;

/// Sends requests.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Connections,
    /// For requests that ask a cloud for the pod's identity.
    identity: Connections,
    proxies: Arc<Matcher>,
    plain: bool,
    reach: Reach,
}

impl Http {
    /// Makes a client with the environment's proxies. `plain` allows addresses without TLS. A connection without data
    /// for `silence` while a response is pending is closed.
    pub(crate) fn new(plain: bool, silence: Duration, reach: Reach) -> Result<Self, rustls::Error> {
        Self::with(plain, Matcher::from_env(), CONNECT_TIME, silence, reach)
    }

    fn with(
        plain: bool,
        proxies: Matcher,
        connect: Duration,
        silence: Duration,
        reach: Reach,
    ) -> Result<Self, rustls::Error> {
        let (proxies, tls) = (Arc::new(proxies), Arc::new(tls::config()?));
        let connections = |errand| {
            let dial = Dial::new(proxies.clone(), tls.clone(), Guard { reach, errand });
            let mut connector = TimeoutConnector::new(HttpsConnector::from((dial, tls.clone())));
            connector.set_connect_timeout(Some(connect));
            connector.set_read_timeout(Some(silence));
            connector.set_write_timeout(Some(silence));
            // An upload resets the timeout.
            connector.set_reset_reader_on_write(true);
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector)
        };
        Ok(Self {
            client: connections(Errand::Bytes),
            identity: connections(Errand::Identity),
            proxies,
            plain,
            reach,
        })
    }

    /// Sends a request. Follows redirects if the request has no body.
    pub(crate) async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let may_follow = matches!(*request.method(), Method::GET | Method::HEAD);
        for _ in 0..=REDIRECTS {
            let (method, from, headers) = (
                request.method().clone(),
                request.uri().clone(),
                request.headers().clone(),
            );
            let response = self.send_once(request).await?;
            let Some(to) = target(&from, &response).filter(|_| may_follow) else {
                return Ok(response);
            };
            request = HttpRequest::new(HttpRequestBody::empty());
            *request.headers_mut() = carried_over(headers, &from, &to);
            *request.method_mut() = method;
            if from.scheme_str() == Some("https") && to.scheme_str() == Some("http") {
                return Err(refused("the server redirects from https to plain http"));
            }
            if self.reach == Reach::SameHost && !is_same_host(&from, &to) {
                return Err(refused(
                    "the server redirects to another host, which downloads in a cluster don't follow",
                ));
            }
            *request.uri_mut() = to;
        }
        Err(refused("the server redirects more than ten times"))
    }

    /// Sends a request and follows no redirect.
    pub(crate) async fn send_once(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.uri().scheme_str() == Some("http") {
            if !self.plain {
                return Err(refused("plain http is used only if the endpoint begins with http://"));
            }
            // For https, the tunnel carries the proxy's credentials. A forwarding proxy reads them from the request's
            // header.
            if let Some(proxy) = self.proxies.intercept(request.uri())
                && let Some(login) = proxy.basic_auth()
            {
                request.headers_mut().insert(PROXY_AUTHORIZATION, login.clone());
            }
        }
        request
            .headers_mut()
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(AGENT));
        let connections = match errand_of(request.method(), request.headers()) {
            Errand::Bytes => &self.client,
            Errand::Identity => &self.identity,
        };
        let response = connections
            .request(request)
            .await
            .map_err(|error| HttpError::new(kind(&error, error.is_connect()), error))?;
        Ok(
            response
                .map(|body| HttpResponseBody::new(body.map_err(|error| HttpError::new(kind(&error, false), error)))),
        )
    }
}

#[async_trait::async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.send(request).await
    }
}

/// Makes the client of a bucket with the settings of the environment.
#[derive(Debug)]
pub(crate) struct Dialer {
    /// See [`Bounds::silence`](crate::Bounds::silence).
    pub(crate) silence: Duration,
    /// See [`Bounds::reach`](crate::Bounds::reach).
    pub(crate) reach: Reach,
}

impl HttpConnector for Dialer {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let setting = |key| options.get_config_value(&key);
        let is_set =
            |key| setting(key).is_some_and(|value| matches!(value.as_str(), "true" | "1" | "on" | "yes" | "y"));
        if is_set(ClientConfigKey::AllowInvalidCertificates) {
            return Err(object_store::Error::NotSupported {
                source: "certificates are always verified; name the store's authority in SSL_CERT_FILE".into(),
            });
        }
        let proxies = match setting(ClientConfigKey::ProxyUrl) {
            Some(proxy) => Matcher::builder()
                .all(proxy)
                .no(setting(ClientConfigKey::ProxyExcludes).unwrap_or_default())
                .build(),
            None => Matcher::from_env(),
        };
        // Metadata services get less time than a store.
        let connect = setting(ClientConfigKey::ConnectTimeout)
            .and_then(|text| humantime::parse_duration(&text).ok())
            .map_or(CONNECT_TIME, |time| time.min(CONNECT_TIME));
        let plain = is_set(ClientConfigKey::AllowHttp);
        let http = Http::with(plain, proxies, connect, self.silence, self.reach).map_err(|error| {
            object_store::Error::Generic {
                store: "HTTP",
                source: Box::new(error),
            }
        })?;
        Ok(HttpClient::new(http))
    }
}

/// The target of a redirect.
fn target(from: &Uri, response: &HttpResponse) -> Option<Uri> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let mut to = Url::parse(&from.to_string()).ok()?.join(location).ok()?;
    to.set_fragment(None);
    to.as_str().parse().ok()
}

/// Headers for the next request. Credentials for one host are not sent to another host.
fn carried_over(mut headers: HeaderMap, from: &Uri, to: &Uri) -> HeaderMap {
    headers.remove(HOST);
    headers.remove(PROXY_AUTHORIZATION);
    if (from.scheme(), from.authority()) != (to.scheme(), to.authority()) {
        headers.remove(AUTHORIZATION);
        headers.remove(COOKIE);
    }
    headers
}

/// Whether host and port are the same. A redirect from http to https on the default ports counts as the same host.
fn is_same_host(from: &Uri, to: &Uri) -> bool {
    let port = |uri: &Uri| {
        uri.port_u16()
            .unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
    };
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    host(from) == host(to) && (port(from) == port(to) || (port(from), port(to)) == (80, 443))
}

fn refused(why: &str) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Refused(why.to_owned()))
}

/// Whether a retry may help.
fn kind(error: &(dyn Error + 'static), connecting: bool) -> HttpErrorKind {
    if Refused::among(error).is_some() {
        return HttpErrorKind::Unknown;
    }
    if connecting {
        return HttpErrorKind::Connect;
    }
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_closed() || error.is_incomplete_message() || error.is_body_write_aborted() {
                return HttpErrorKind::Request;
            }
            if error.is_timeout() {
                return HttpErrorKind::Timeout;
            }
        }
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::TimedOut) => return HttpErrorKind::Timeout,
            Some(
                io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof,
            ) => return HttpErrorKind::Interrupted,
            _ => cause = error.source(),
        }
    }
    HttpErrorKind::Unknown
}

#[cfg(test)]
mod tests;
