//! A store in an S3 bucket or on an S3-compatible server. Writing an object is atomic.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use crate::address::Provider;
use crate::bounds::Bounds;
use crate::error::{Fault, StoreError};
use crate::layout::RECORD;
use crate::object::{is_not_implemented, refusal};
use crate::purpose::Purpose;
use crate::store::Entry;

/// A part of a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    objects: Arc<dyn ObjectStore>,
    name: String,
    prefix: Path,
}

impl Bucket {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, name: &str, prefix: Path) -> Self {
        Self {
            objects,
            name: name.to_owned(),
            prefix,
        }
    }

    /// `s3://bucket/prefix/path`, without empty parts.
    pub(crate) fn address_of(&self, path: &Path) -> String {
        let key = self.key(path);
        let separator = if key.as_ref().is_empty() { "" } else { "/" };
        format!("s3://{}{separator}{key}", self.name)
    }

    pub(crate) async fn read(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let key = self.key(path);
        let reading = async { self.objects.get(&key).await?.bytes().await };
        self.found("reading", path, self.within(reading).await)
    }

    pub(crate) async fn has(&self, path: &Path) -> Result<bool, StoreError> {
        let found = self.within(self.objects.head(&self.key(path))).await;
        Ok(self.found("reading", path, found)?.is_some())
    }

    pub(crate) async fn write(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        let written = self.within(self.objects.put(&self.key(path), bytes.into())).await;
        written
            .map(|_| ())
            .map_err(|fault| fault.when("writing", self.address_of(path)))
    }

    /// The bytes of an object and its version, which a conditional write needs.
    pub(crate) async fn read_version(&self, path: &Path) -> Result<Option<(Bytes, UpdateVersion)>, StoreError> {
        let key = self.key(path);
        let reading = async {
            let object = self.objects.get(&key).await?;
            let version = UpdateVersion {
                e_tag: object.meta.e_tag.clone(),
                version: object.meta.version.clone(),
            };
            Ok((object.bytes().await?, version))
        };
        self.found("reading", path, self.within(reading).await)
    }

    /// Writes an object if it still has the version that was read, or is still absent. Returns `false` if it has
    /// changed. In a bucket without conditional writes it is always written.
    pub(crate) async fn write_over(
        &self,
        path: &Path,
        bytes: Bytes,
        known: Option<UpdateVersion>,
    ) -> Result<bool, StoreError> {
        let mode = match known {
            None => PutMode::Create,
            Some(version) if version.e_tag.is_some() => PutMode::Update(version),
            Some(_) => PutMode::Overwrite,
        };
        let key = self.key(path);
        let putting = async {
            let options = PutOptions::from(mode);
            match self.objects.put_opts(&key, bytes.clone().into(), options).await {
                Ok(_) => Ok(true),
                Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => Ok(false),
                Err(error) if is_not_implemented(&error) => {
                    self.objects.put(&key, bytes.clone().into()).await.map(|_| true)
                }
                Err(error) => Err(error),
            }
        };
        self.within(putting)
            .await
            .map_err(|fault| fault.when("writing", self.address_of(path)))
    }

    pub(crate) async fn replace(&self, folder: &Path, files: &[(String, Bytes)]) -> Result<(), StoreError> {
        if let Some((last, _)) = files.last() {
            let last = folder.clone().join(last.as_str());
            if self.has(&last).await? {
                self.delete_one(&last).await?;
            }
        }
        for (name, bytes) in files {
            self.write(&folder.clone().join(name.as_str()), bytes.clone()).await?;
        }
        Ok(())
    }

    pub(crate) async fn list(&self, folder: &Path) -> Result<Vec<Entry>, StoreError> {
        let folder_key = self.key(folder);
        let listing = self.objects.list(Some(&folder_key)).try_collect::<Vec<_>>();
        let found = self
            .within(listing)
            .await
            .map_err(|fault| fault.when("listing", self.address_of(folder)))?;
        let outside = self.prefix.parts().count();
        Ok(found
            .into_iter()
            .map(|object| Entry {
                path: object.location.parts().skip(outside).collect::<Path>().into(),
                size: object.size,
            })
            .collect())
    }

    pub(crate) async fn delete(&self, folder: &Path) -> Result<(), StoreError> {
        self.delete_one(&folder.clone().join(RECORD)).await?;
        self.delete_one(folder).await?;
        let folder_key = self.key(folder);
        let keys = self
            .objects
            .list(Some(&folder_key))
            .map_ok(|object| object.location)
            .boxed();
        let deleting = self.objects.delete_stream(keys).try_collect::<Vec<_>>();
        self.within(deleting)
            .await
            .map(|_| ())
            .map_err(|fault| fault.when("deleting", self.address_of(folder)))
    }

    async fn delete_one(&self, path: &Path) -> Result<(), StoreError> {
        let deleted = self.within(self.objects.delete(&self.key(path))).await;
        self.found("deleting", path, deleted).map(|_| ())
    }

    fn key(&self, path: &Path) -> Path {
        self.prefix.parts().chain(path.parts()).collect()
    }

    /// The response of a request, limited to the time of [`Bounds::FILE`].
    async fn within<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> Result<T, Fault> {
        match tokio::time::timeout(Bounds::FILE.time, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.fault(&error)),
            Err(_) => Err(Fault::TimedOut {
                seconds: Bounds::FILE.time.as_secs(),
                fix: Bounds::FILE.longer,
            }),
        }
    }

    fn fault(&self, error: &Error) -> Fault {
        refusal(Provider::S3, &self.name, Purpose::Artifacts, error)
    }

    /// `None` for an object that does not exist. A missing bucket is an error.
    fn found<T>(&self, action: &'static str, path: &Path, answer: Result<T, Fault>) -> Result<Option<T>, StoreError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(Fault::NotFound { problem }) if !problem.starts_with("there is no bucket") => Ok(None),
            Err(fault) => Err(fault.when(action, self.address_of(path))),
        }
    }
}
