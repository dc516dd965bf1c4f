//! The `proxy` subresource of Services and pods: forwards requests and streams the responses.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::error::ApiError;

/// Hop-by-hop headers, which are not forwarded.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Forwards a request to `authority` (`host:port`) at `path`.
///
/// # Errors
/// 501 for https, 502 if the backend does not answer.
pub(crate) async fn forward(
    scheme: &str,
    authority: &str,
    path: &str,
    query: Option<&str>,
    request: Request,
) -> Result<Response, ApiError> {
    if scheme != "http" {
        return Err(ApiError::not_implemented("the proxy over https"));
    }
    let path = if path.is_empty() { "/" } else { path };
    let target = match query {
        Some(query) => format!("http://{authority}{path}?{query}"),
        None => format!("http://{authority}{path}"),
    };
    let uri: Uri = target
        .parse()
        .map_err(|e| ApiError::bad_request(format!("proxy path {path}: {e}")))?;
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    parts.version = http::Version::HTTP_11;
    strip(&mut parts.headers);
    // The token is for the API server, not for the backend.
    parts.headers.remove(header::AUTHORIZATION);
    parts.headers.remove(header::HOST);
    // So is whom the user acts as.
    let acting: Vec<HeaderName> = parts
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with("impersonate-"))
        .cloned()
        .collect();
    for name in acting {
        parts.headers.remove(name);
    }
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client
        .request(http::Request::from_parts(parts, body))
        .await
        .map_err(|e| ApiError::bad_gateway(format!("error trying to reach service: dial tcp {authority}: {e}")))?;
    let (mut parts, body) = answer.into_parts();
    strip(&mut parts.headers);
    Ok(Response::from_parts(parts, Body::new(body)))
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
