//! A store in a bucket of S3, or of a server that speaks its protocol.
//!
//! Settings are the variables of AWS's own programs (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, `AWS_REGION`, …). Those that begin
//! with `STORE_`, where there are any, are the store's alone (`STORE_AWS_ACCESS_KEY_ID`): the data set's may be others.
//! Without keys the pod's own identity is used.

use std::sync::Arc;
use std::time::Duration;

use complaint_model::Sha256Digest;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{ClientConfigKey, Error, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::Runtime;

use super::{Files, MODEL, RECORD, REPORT, REPORT_PAGE, S3, StoreError};
use crate::dataset::reasons;

/// The store's own variables begin so.
const OWN: &str = "STORE_";
/// Longest time for one object, all attempts included.
const TIME: Duration = Duration::from_secs(300);
const RETRIES: usize = 5;
const CREDENTIALS: &str = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_REGION, or AWS_ENDPOINT for a store of your \
                           own) in the Secret that the ComplaintClassifier names in artifacts.secretRef, and let these keys \
                           read and write the bucket";
const REACH: &str = "Check the address, and that the store runs and can be reached from the trainer's pod";

/// A part of a bucket.
#[derive(Debug)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    runtime: Runtime,
    name: String,
    prefix: Path,
}

impl Bucket {
    /// `s3://bucket/prefix`; the prefix may be empty.
    ///
    /// # Errors
    /// [`StoreError::Object`] where the address, or a setting, makes no sense.
    pub fn open(address: &str) -> Result<Self, StoreError> {
        let failed = |problem: String, fix| StoreError::Object {
            action: "opening",
            address: address.to_owned(),
            problem,
            fix,
        };
        let (name, prefix) = split(address);
        if name.is_empty() {
            return Err(failed("it names no bucket".into(), "Write it like s3://bucket/path"));
        }
        let prefix = Path::parse(prefix).map_err(|error| failed(error.to_string(), REACH))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string(), REACH))?;
        let objects = settings(std::env::vars().collect())
            .with_bucket_name(name)
            .build()
            .map_err(|error| failed(reasons(&error), CREDENTIALS))?;
        Ok(Self {
            objects: Arc::new(objects),
            runtime,
            name: name.to_owned(),
            prefix,
        })
    }

    /// `s3://bucket/prefix`.
    pub fn root(&self) -> String {
        let separator = if self.prefix.as_ref().is_empty() { "" } else { "/" };
        format!("{S3}{}{separator}{}", self.name, self.prefix)
    }

    /// Writes a version unless it is there already; see [`super::Store::write`]. An object appears at once or not at all,
    /// and the record comes last, so a folder with a record is complete.
    ///
    /// # Errors
    /// [`StoreError::Object`].
    pub fn write(&self, version: &str, files: &Files) -> Result<Sha256Digest, StoreError> {
        if self.read(&format!("{version}/{RECORD}"))?.is_some()
            && let Some(report) = self.read(&format!("{version}/{REPORT}"))?
        {
            return Ok(Sha256Digest::of_bytes(&report));
        }
        for (name, bytes) in [
            (MODEL, files.model.as_slice()),
            (REPORT, &files.report),
            (REPORT_PAGE, &files.page),
            (RECORD, files.record.as_bytes()),
        ] {
            let path = self.path(&format!("{version}/{name}"));
            self.runtime
                .block_on(self.objects.put(&path, bytes.to_vec().into()))
                .map_err(|error| self.refusal("writing", &path, &error))?;
        }
        Ok(Sha256Digest::of_bytes(&files.report))
    }

    /// The bytes of an object; `None` where there is none.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(path);
        let found = self
            .runtime
            .block_on(async { self.objects.get(&path).await?.bytes().await });
        match found {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.refusal("reading", &path, &error)),
        }
    }

    fn path(&self, path: &str) -> Path {
        self.prefix.parts().chain(Path::from(path).parts()).collect()
    }

    fn refusal(&self, action: &'static str, path: &Path, error: &Error) -> StoreError {
        let fix = match error {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => CREDENTIALS,
            _ if reasons(error).contains("169.254.169.254") => CREDENTIALS,
            _ => REACH,
        };
        StoreError::Object {
            action,
            address: format!("{S3}{}/{path}", self.name),
            problem: reasons(error),
            fix,
        }
    }
}

/// The bytes of one object.
pub(super) fn read(address: &str) -> Result<Vec<u8>, StoreError> {
    let (name, path) = split(address);
    let bucket = Bucket::open(&format!("{S3}{name}"))?;
    bucket.read(path)?.ok_or_else(|| StoreError::Object {
        action: "reading",
        address: address.to_owned(),
        problem: "there is no such object".into(),
        fix: "Check the address, and that nobody deleted the object",
    })
}

/// Bucket and path.
fn split(address: &str) -> (&str, &str) {
    let rest = address.strip_prefix(S3).unwrap_or(address);
    rest.split_once('/').unwrap_or((rest, ""))
}

/// The store's own variables where there are any, otherwise everybody's.
fn settings(variables: Vec<(String, String)>) -> AmazonS3Builder {
    let own = variables
        .iter()
        .any(|(name, _)| name.strip_prefix(OWN).is_some_and(|name| name.starts_with("AWS_")));
    let mut builder = AmazonS3Builder::new();
    let mut allow_http = false;
    for (name, value) in variables {
        let name = if own {
            name.strip_prefix(OWN).unwrap_or_default()
        } else {
            &name
        };
        if !name.starts_with("AWS_") {
            continue;
        }
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            // Who sets an endpoint without TLS means it.
            allow_http |= name.contains("ENDPOINT") && value.starts_with("http://");
            builder = builder.with_config(key, value);
        }
    }
    let client = |key: ClientConfigKey| AmazonS3ConfigKey::Client(key);
    builder
        .with_config(client(ClientConfigKey::ConnectTimeout), "10s")
        .with_config(client(ClientConfigKey::Timeout), format!("{}s", TIME.as_secs()))
        .with_config(client(ClientConfigKey::AllowHttp), allow_http.to_string())
        .with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: TIME,
            ..RetryConfig::default()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> AmazonS3Builder {
        settings(
            variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn the_stores_own_variables_come_before_everybodys() {
        let key = |builder: &AmazonS3Builder| builder.get_config_value(&AmazonS3ConfigKey::AccessKeyId);
        let shared = ("AWS_ACCESS_KEY_ID", "data");
        assert_eq!(key(&of(&[shared])).as_deref(), Some("data"));
        let own = of(&[
            shared,
            ("STORE_AWS_ACCESS_KEY_ID", "models"),
            ("STORE_AWS_REGION", "eu-north-1"),
        ]);
        assert_eq!(key(&own).as_deref(), Some("models"));
        // A key of the data set is never half of the store's.
        assert_eq!(key(&of(&[shared, ("STORE_AWS_REGION", "eu-north-1")])), None);
    }

    #[test]
    fn an_address_has_a_bucket() {
        let message = Bucket::open("s3:///models").unwrap_err().to_string();
        assert!(message.contains("s3://bucket/path"), "{message}");
        assert_eq!(split("s3://models"), ("models", ""));
        assert_eq!(split("s3://models/a/b"), ("models", "a/b"));
    }
}
