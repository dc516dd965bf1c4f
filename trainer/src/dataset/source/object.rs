//! Objects of S3, Google Cloud Storage and Azure Blob Storage.
//!
//! Credentials come from the environment, as the providers' own programs take them: `AWS_ACCESS_KEY_ID`,
//! `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT`, `AWS_REGION`, …; `GOOGLE_SERVICE_ACCOUNT_KEY`, …; `AZURE_STORAGE_ACCOUNT_NAME`,
//! `AZURE_STORAGE_ACCOUNT_KEY`, …; without any, the identity of the machine or the pod.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use complaint_model::Sha256Digest;
use futures::StreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{ClientConfigKey, Error, ObjectStore, ObjectStoreExt, RetryConfig};

use super::super::DatasetError;
use super::download::{Download, failed};

/// Longest time a request may take to be answered in full.
const REQUEST_TIME: Duration = Duration::from_secs(3600);
/// Longest time until a connection stands.
const CONNECT_TIME: &str = "10s";
/// Longest time that a transfer may bring nothing before it is taken up again.
const READ_TIME: &str = "60s";
const USER_AGENT: &str = concat!("complaint-trainer/", env!("CARGO_PKG_VERSION"));
/// Attempts after the first; the store's client takes a broken transfer up where it broke off, if the object has not changed.
const RETRIES: usize = 4;

/// Who keeps an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    S3,
    GoogleCloud,
    Azure,
}

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectAddress {
    provider: Provider,
    bucket: String,
    key: String,
}

impl ObjectAddress {
    /// `s3://bucket/key`, `gs://bucket/key` or `az://container/blob`; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let provider = match scheme {
            "s3" => Provider::S3,
            "gs" => Provider::GoogleCloud,
            "az" => Provider::Azure,
            _ => return None,
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self {
            provider,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    /// The address again; it holds no secrets.
    pub(super) fn name(&self) -> String {
        format!("{}://{}/{}", self.provider.scheme(), self.bucket, self.key)
    }
}

impl Provider {
    fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::GoogleCloud => "gs",
            Self::Azure => "az",
        }
    }

    /// What gives access, as the rest of a sentence.
    fn credentials(self) -> &'static str {
        match self {
            Self::S3 => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, or AWS_ENDPOINT for a store of your own) in the \
                 environment, in a TrainingRun through dataset.source.secretRef; AWS_SKIP_SIGNATURE=true for a public bucket"
            }
            Self::GoogleCloud => {
                "Set GOOGLE_SERVICE_ACCOUNT_KEY to the account's JSON key in the environment, in a TrainingRun through \
                 dataset.source.secretRef; GOOGLE_SKIP_SIGNATURE=true for a public bucket"
            }
            Self::Azure => {
                "Set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or AZURE_STORAGE_SAS_TOKEN) in the environment, in a \
                 TrainingRun through dataset.source.secretRef; AZURE_SKIP_SIGNATURE=true for a public container"
            }
        }
    }
}

/// Downloads an object.
pub(super) fn fetch(
    address: &ObjectAddress,
    on_progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(File, Sha256Digest), DatasetError> {
    let name = address.name();
    let malformed = |problem: &str| failed(&name, problem.to_owned());
    if address.bucket.is_empty() || address.key.is_empty() {
        return Err(DatasetError::NotFound {
            name: name.clone(),
            problem: "the address names a bucket and a key: s3://bucket/path/data.csv.gz".into(),
        });
    }
    let path = Path::parse(&address.key).map_err(|error| malformed(&error.to_string()))?;
    // What can't be built lacks a setting, an account's name for instance.
    let store = open(address).map_err(|error| DatasetError::Forbidden {
        name: name.clone(),
        problem: reasons(&error),
        fix: address.provider.credentials(),
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| malformed(&error.to_string()))?;
    let mut download = Download::new(&name, on_progress)?;
    runtime.block_on(async {
        let object = store.get(&path).await.map_err(|error| refusal(address, error))?;
        download.expect(Some(object.meta.size))?;
        let mut bytes = object.into_stream();
        while let Some(chunk) = bytes.next().await {
            download.push(&chunk.map_err(|error| refusal(address, error))?)?;
        }
        Ok(())
    })?;
    download.finish()
}

/// The store of an object, with the environment's credentials.
fn open(address: &ObjectAddress) -> Result<Arc<dyn ObjectStore>, Error> {
    let retry = RetryConfig {
        max_retries: RETRIES,
        retry_timeout: REQUEST_TIME,
        ..RetryConfig::default()
    };
    macro_rules! build {
        ($builder:expr, $key:ident, $endpoints:expr) => {
            $builder
                .with_config($key::Client(ClientConfigKey::ConnectTimeout), CONNECT_TIME)
                .with_config($key::Client(ClientConfigKey::ReadTimeout), READ_TIME)
                .with_config(
                    $key::Client(ClientConfigKey::Timeout),
                    format!("{}s", REQUEST_TIME.as_secs()),
                )
                .with_config($key::Client(ClientConfigKey::UserAgent), USER_AGENT)
                .with_config($key::Client(ClientConfigKey::AllowHttp), allow_http(&$endpoints))
                .with_retry(retry)
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
        };
    }
    let bucket = address.bucket.as_str();
    match address.provider {
        Provider::S3 => build!(
            AmazonS3Builder::from_env().with_bucket_name(bucket),
            AmazonS3ConfigKey,
            ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"]
        ),
        Provider::GoogleCloud => build!(
            GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket),
            GoogleConfigKey,
            ["GOOGLE_BASE_URL"]
        ),
        Provider::Azure => build!(
            MicrosoftAzureBuilder::from_env().with_container_name(bucket),
            AzureConfigKey,
            ["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]
        ),
    }
}

/// Whether the environment names an endpoint without TLS; who sets one means it.
fn allow_http(endpoints: &[&str]) -> &'static str {
    let plain = |name: &&str| std::env::var(name).is_ok_and(|endpoint| endpoint.starts_with("http://"));
    if endpoints.iter().any(plain) { "true" } else { "false" }
}

/// What the store's answer means, and what to do.
fn refusal(address: &ObjectAddress, error: Error) -> DatasetError {
    let name = address.name();
    let all = reasons(&error);
    let forbidden = |problem: &str| DatasetError::Forbidden {
        name: name.clone(),
        problem: problem.to_owned(),
        fix: address.provider.credentials(),
    };
    match &error {
        Error::NotFound { .. } => DatasetError::NotFound {
            problem: if all.contains("NoSuchBucket")
                || all.contains("ContainerNotFound")
                || all.contains("bucket does not exist")
            {
                format!("there is no bucket `{}`", address.bucket)
            } else {
                format!("the bucket `{}` has no such object", address.bucket)
            },
            name,
        },
        Error::PermissionDenied { .. } => forbidden("the store answers 403: these credentials may not read it"),
        Error::Unauthenticated { .. } => forbidden("the store answers 401: it does not know these credentials"),
        _ if METADATA_SERVICES.iter().any(|service| all.contains(service)) => {
            forbidden("there are no credentials in the environment, and this machine has no identity of its own")
        }
        _ => failed(&name, all),
    }
}

/// Where the providers' clients look for an identity when the environment has no credentials.
const METADATA_SERVICES: [&str; 4] = [
    "/latest/api/token",
    "169.254.169.254",
    "metadata.google.internal",
    "application_default_credentials",
];

/// The error with its causes, which say what happened.
pub(crate) fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text.push_str(&format!(": {reason}"));
        }
        cause = error.source();
    }
    text
}
