//! What a browser may do with the server's pages.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Everything comes from this server, and nothing may frame it.
pub(super) const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                                      img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for the page of the API's description, whose program sets styles on elements.
pub(super) const DOCS_POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; \
                                      connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; \
                                      frame-ancestors 'none'";

/// A page with its policy. It is neither stored nor named to other sites.
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
