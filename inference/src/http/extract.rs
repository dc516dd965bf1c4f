//! Extracts a request's view of the server from the request.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::core::app::{App, Served};
use crate::core::serving::Serving;

/// The layer around all routes adds the model to the request.
impl FromRequestParts<Arc<App>> for Serving {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let model = parts
            .extensions
            .get::<Arc<Served>>()
            .map_or_else(|| app.served(), Arc::clone);
        Ok(Self {
            app: Arc::clone(app),
            model,
        })
    }
}
