//! Which requests are answered: names, methods, and the headers of every answer.
//!
//! Any page that a browser has open can send requests to a loopback address, and by DNS rebinding even read the answers: a name of
//! its own that it points to 127.0.0.1. A browser tells that name in the `Host` header, so only known names are answered.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use subtle::ConstantTimeEq;

/// All content comes from this server, and no page may frame it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every answer's headers.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Other sites are told no address; a form's own site must be told, or its origin is `null`.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers to every answer, whatever it is.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// No object can be changed here, and only the page of reviews takes a form.
pub(super) async fn only_reads(request: Request, next: Next) -> Response {
    let takes_form = *request.method() == Method::POST && is_review(request.uri().path());
    if takes_form || matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let said = "this page only reads: use GET or HEAD\n";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], said).into_response()
}

/// `/classifiers/{namespace}/{name}/review`.
fn is_review(path: &str) -> bool {
    let mut parts = path.split('/');
    let ends = [parts.next(), parts.next()] == [Some(""), Some("classifiers")];
    ends && parts.nth(2) == Some("review") && parts.next().is_none()
}

/// Whether a page of this dashboard sent a form. A browser says in `Origin` which site did, and sends a cookie, or what a proxy adds for
/// its user, from any site. The name alone counts: a proxy in front may speak TLS.
pub(super) fn is_own_form(headers: &HeaderMap) -> bool {
    let one = |name: HeaderName| {
        let mut all = headers.get_all(name).iter();
        let value = all.next().and_then(|value| value.to_str().ok());
        value.filter(|_| all.next().is_none()).map(str::to_ascii_lowercase)
    };
    let (Some(origin), Some(host)) = (one(header::ORIGIN), one(header::HOST)) else {
        return false;
    };
    let site = one(HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let bare = |name: &str, port: &str| name.strip_suffix(port).unwrap_or(name).to_owned();
    match origin.split_once("://") {
        Some(("http", name)) => bare(name, ":80") == bare(&host, ":80"),
        Some(("https", name)) => bare(name, ":443") == bare(&host, ":443"),
        _ => false,
    }
}

/// The names that the dashboard answers to.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    address: IpAddr,
    names: Vec<String>,
}

impl Hosts {
    /// Those of a dashboard that listens at `address`, with `names` beside loopback ones.
    pub(super) fn new(address: IpAddr, names: &[String]) -> Self {
        Self {
            address,
            names: names.to_vec(),
        }
    }

    /// Whether a `Host` header has one of the names. An address is no name that can be pointed elsewhere: where the dashboard
    /// listens at more than loopback, all are good.
    fn know(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((address, port)) if port.is_empty() || is_port(port) => address,
                _ => return false,
            },
            None => match host.split_once(':') {
                Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
                Some(_) => return false,
                None => host,
            },
        };
        if let Ok(address) = name.parse::<IpAddr>() {
            return address.is_loopback() || !self.address.is_loopback();
        }
        let name = name.to_ascii_lowercase();
        name == "localhost" || self.names.contains(&name)
    }

    /// The answer to a request for another name.
    pub(super) fn refuse(&self, request: &Request) -> Option<Response> {
        let mut named = request.headers().get_all(header::HOST).iter();
        let host = named.next().and_then(|host| host.to_str().ok());
        let authority = request.uri().authority().map(|authority| authority.as_str());
        let known = match (host, named.next(), authority) {
            (Some(host), None, None) => self.know(host),
            (Some(host), None, Some(authority)) => self.know(host) && self.know(authority),
            (None, None, Some(authority)) => self.know(authority),
            _ => false,
        };
        if known {
            return None;
        }
        let said = "the dashboard does not answer to this name: use the address that it printed, or tell it its name with \
                    --host (in the chart: dashboard.hosts)\n";
        Some((StatusCode::MISDIRECTED_REQUEST, said).into_response())
    }
}

/// What whoever opens a dashboard on this machine must know: other users of the machine reach its address, too.
///
/// The address that the command prints has the key. The first page that is opened with it keeps it in a cookie, whose name has the
/// port, because cookies of one host are shared by all its ports.
#[derive(Clone, Debug)]
pub(super) struct Key {
    value: String,
    cookie: String,
}

/// What a request has of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knows {
    /// Its cookie has it.
    Cookie,
    /// Its address has it.
    Address,
    /// It has not.
    Nothing,
}

impl Key {
    /// A new one for a dashboard at this port.
    pub(super) fn new(port: u16) -> Self {
        Self {
            value: format!("{:032x}", rand::random::<u128>()),
            cookie: format!("complaints-{port}"),
        }
    }

    /// The part of an address that has it.
    pub(super) fn query(&self) -> String {
        format!("?key={}", self.value)
    }

    /// The cookie that keeps it for as long as the browser runs. Pages of other sites can't have it sent.
    pub(super) fn set_cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.value)
    }

    /// What the request has of it.
    pub(super) fn known_to(&self, request: &Request) -> Knows {
        let is_own = |value: &str| bool::from(value.as_bytes().ct_eq(self.value.as_bytes()));
        let cookies = request.headers().get_all(header::COOKIE).iter();
        let mut pairs = cookies
            .filter_map(|all| all.to_str().ok())
            .flat_map(|all| all.split(';'));
        if pairs.any(|pair| {
            pair.trim()
                .split_once('=')
                .is_some_and(|(name, value)| name == self.cookie && is_own(value))
        }) {
            return Knows::Cookie;
        }
        let mut fields = request.uri().query().unwrap_or_default().split('&');
        match fields.any(|field| field.strip_prefix("key=").is_some_and(is_own)) {
            true => Knows::Address,
            false => Knows::Nothing,
        }
    }
}

fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':');
    digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_form_of_the_own_page_is_taken() {
        for (origin, host, site, is_own) in [
            (
                Some("http://127.0.0.1:8089"),
                "127.0.0.1:8089",
                Some("same-origin"),
                true,
            ),
            (Some("http://127.0.0.1:8089"), "127.0.0.1:8089", None, true),
            (
                Some("https://Complaints.example.org"),
                "complaints.example.org",
                None,
                true,
            ),
            (
                Some("https://complaints.example.org"),
                "complaints.example.org:443",
                None,
                true,
            ),
            (Some("http://127.0.0.1:8088"), "127.0.0.1:8089", None, false),
            (Some("http://localhost:8089"), "127.0.0.1:8089", None, false),
            (Some("https://evil.example.org"), "complaints.example.org", None, false),
            (
                Some("https://complaints.example.org"),
                "complaints.example.org",
                Some("cross-site"),
                false,
            ),
            (
                Some("https://complaints.example.org"),
                "complaints.example.org",
                Some("same-site"),
                false,
            ),
            (Some("null"), "complaints.example.org", None, false),
            (Some(""), "complaints.example.org", None, false),
            (None, "complaints.example.org", Some("same-origin"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            assert_eq!(is_own_form(&headers), is_own, "{origin:?} {host} {site:?}");
            headers.append(header::ORIGIN, HeaderValue::from_static("https://evil.example.org"));
            assert!(!is_own_form(&headers) || origin.is_none(), "two origins");
        }
    }

    #[test]
    fn one_address_takes_a_form() {
        for (path, takes) in [
            ("/classifiers/a/b/review", true),
            ("/classifiers/a/b/review/", false),
            ("/classifiers/a/review", false),
            ("/classifiers/a/b/versions", false),
            ("/x/classifiers/a/b/review", false),
            ("/", false),
        ] {
            assert_eq!(is_review(path), takes, "{path}");
        }
    }

    #[test]
    fn only_names_that_nobody_can_point_elsewhere_are_answered() {
        let own = Hosts::new("127.0.0.1".parse().unwrap(), &[]);
        let cluster = Hosts::new("0.0.0.0".parse().unwrap(), &["complaints.example.org".into()]);
        for (host, on_loopback, in_a_cluster) in [
            ("localhost", true, true),
            ("localhost:8089", true, true),
            ("LOCALHOST:1", true, true),
            ("127.0.0.1:8089", true, true),
            ("127.1.2.3", true, true),
            ("[::1]:8089", true, true),
            ("[::1]", true, true),
            ("10.0.0.7:8080", false, true),
            ("[fd00::7]:8080", false, true),
            ("complaints.example.org", false, true),
            ("Complaints.Example.org:443", false, true),
            ("evil.example.org", false, false),
            ("localhost.evil.example.org", false, false),
            ("127.0.0.1.evil.example.org", false, false),
            ("localhost@evil.example.org", false, false),
            ("localhost:8089@evil.example.org", false, false),
            ("localhost.", false, false),
            ("[::1].evil.example.org", false, false),
            ("[::1", false, false),
            ("", false, false),
        ] {
            assert_eq!(own.know(host), on_loopback, "{host:?} on loopback");
            assert_eq!(cluster.know(host), in_a_cluster, "{host:?} in a cluster");
        }
    }
}
