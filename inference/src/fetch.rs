//! Objects from `s3://`, `https://` and `http://`, bounded in size and time.
//!
//! Keys, region, endpoint and workload identity for `s3://` come from the environment, under the names that AWS's tools
//! use ([`AmazonS3Builder::from_env`]). What may pass is tried again, with growing pauses, until the time is up.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::http::HttpBuilder;
use object_store::path::Path as ObjectPath;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use url::Url;

/// How long to wait for a connection, and for the next bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a fetch may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of the object.
    pub bytes: usize,
    /// Time until the last byte, all retries included.
    pub time: Duration,
}

/// Why an object can't be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address, or the environment's settings for it, make no sense.
    #[error("{0}. Check the address and the AWS_… variables")]
    Settings(#[source] Box<object_store::Error>),
    /// There is no such object.
    #[error("there is no such object. Check the address, and that the upload is complete")]
    NotFound,
    /// The store refuses.
    #[error("the store refuses: {0}. Check that the keys, or the pod's identity, may read this object")]
    Denied(#[source] Box<object_store::Error>),
    /// The object passes `--max-model-bytes`.
    #[error("it has more than {limit} bytes. Check the address, or start the server with a larger --max-model-bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Time is up.
    #[error(
        "it did not arrive within {seconds} s. Check the network, or start the server with a larger --fetch-timeout"
    )]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The store can't be reached, or fails.
    #[error("{0}. Check that the store runs and can be reached from here")]
    Failed(#[source] Box<object_store::Error>),
}

/// The object's bytes.
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch(url: &Url, bounds: Bounds) -> Result<Bytes, FetchError> {
    let (store, path) = open(url, bounds.time).map_err(|error| FetchError::Settings(Box::new(error)))?;
    match tokio::time::timeout(bounds.time, read(store.as_ref(), &path, bounds.bytes)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(FetchError::TimedOut {
            seconds: bounds.time.as_secs().max(1),
        }),
    }
}

fn open(url: &Url, time: Duration) -> object_store::Result<(Box<dyn ObjectStore>, ObjectPath)> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            max_backoff: Duration::from_secs(5),
            ..BackoffConfig::default()
        },
        max_retries: usize::MAX,
        retry_timeout: time,
    };
    let path = ObjectPath::from_url_path(url.path())?;
    let store: Box<dyn ObjectStore> = if url.scheme() == "s3" {
        let mut builder = AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry);
        if ENDPOINTS.iter().any(|name| names_plain_http(name)) {
            builder = builder.with_allow_http(true);
        }
        Box::new(builder.build()?)
    } else {
        let options = ClientOptions::new()
            .with_allow_http(url.scheme() == "http")
            .with_timeout(time)
            .with_connect_timeout(PATIENCE)
            .with_read_timeout(PATIENCE);
        let origin = url.origin().ascii_serialization();
        let builder = HttpBuilder::new()
            .with_url(origin)
            .with_client_options(options)
            .with_retry(retry);
        Box::new(builder.build()?)
    };
    Ok((store, path))
}

/// Variables that name an S3 server other than AWS's.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];

/// Who sets an endpoint without TLS means it.
fn names_plain_http(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|endpoint| endpoint.starts_with("http://"))
}

async fn read(store: &dyn ObjectStore, path: &ObjectPath, limit: usize) -> Result<Bytes, FetchError> {
    let too_large = || FetchError::TooLarge { limit };
    let object = store.get(path).await.map_err(refine)?;
    let announced = usize::try_from(object.meta.size).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large());
    }
    let mut bytes = BytesMut::with_capacity(announced);
    let mut pieces = object.into_stream();
    while let Some(piece) = pieces.try_next().await.map_err(refine)? {
        if bytes.len() + piece.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn refine(error: object_store::Error) -> FetchError {
    match error {
        object_store::Error::NotFound { .. } => FetchError::NotFound,
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            FetchError::Denied(Box::new(error))
        }
        other => FetchError::Failed(Box::new(other)),
    }
}
