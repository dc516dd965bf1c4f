//! Security headers for the server's pages.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// All content must come from this server, and no page may frame it.
pub(super) const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                                      img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for the API documentation, whose script sets styles on elements.
pub(super) const DOCS_POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; \
                                      connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; \
                                      frame-ancestors 'none'";

/// Adds the policy to a page. The page is not stored, and its address is not sent to other sites as a referrer.
pub(super) fn protected(mut response: Response, policy: &'static str) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    response
        .headers_mut()
        .extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
