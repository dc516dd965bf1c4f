//! How the operator speaks with the API server: under its name and version, and never waiting without limit.

use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Request, Response, header::USER_AGENT};
use http_body_util::BodyExt as _;
use kube::{Client, client::Body};
use tower_service::Service;

/// What the API server and its audit log see of the program.
pub const AGENT: &str = concat!("complaint-operator/", env!("CARGO_PKG_VERSION"));

/// How long a request may take, with its answer. Only the answer to a watch takes longer: it has limits of its own.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// `client` with the operator's name in each request, and `patience` for each answer.
pub fn patient(client: Client, patience: Duration) -> Client {
    let namespace = client.default_namespace().to_owned();
    Client::new(Patient { client, patience }, namespace)
}

struct Patient {
    client: Client,
    patience: Duration,
}

impl Service<Request<Body>> for Patient {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, kube::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), kube::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request
            .headers_mut()
            .insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let is_watch = uri.query().is_some_and(|query| {
            let mut pairs = query.split('&');
            pairs.any(|pair| matches!(pair, "watch=true" | "watch=1"))
        });
        let (client, patience) = (self.client.clone(), self.patience);
        Box::pin(async move {
            let answered = async {
                let response = client.send(request).await?;
                if is_watch {
                    return Ok(response);
                }
                let (head, body) = response.into_parts();
                let body = body.collect().await?;
                Ok::<_, kube::Error>(Response::from_parts(head, Body::from(body.to_bytes())))
            };
            match tokio::time::timeout(patience, answered).await {
                Ok(answer) => answer,
                Err(_) => Err(kube::Error::Service(
                    format!(
                        "the API server did not answer {method} {} within {} s",
                        uri.path(),
                        patience.as_secs()
                    )
                    .into(),
                )),
            }
        })
    }
}

/// `pause`, up to a quarter shorter by chance, so that many who wait don't come back at once.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 - 0.25 * chance())
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    f64::from(u32::try_from(random() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// A random number: the standard library seeds each of its hashers anew.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}
