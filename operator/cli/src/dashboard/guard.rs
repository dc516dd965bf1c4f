//! Which requests are answered: names, methods, and the headers of every answer.
//!
//! Any page that a browser has open can send requests to a loopback address, and by DNS rebinding even read the answers: a name of
//! its own that it points to 127.0.0.1. A browser tells that name in the `Host` header, so only known names are answered.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
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
    (header::REFERRER_POLICY, "no-referrer"),
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

/// Nothing can be changed here.
pub(super) async fn only_reads(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let said = "the dashboard only reads: use GET or HEAD\n";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], said).into_response()
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
