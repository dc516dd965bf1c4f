//! A directory or a part of a bucket.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use bytes::{Buf, Bytes};
use complaint_contract::Reach;
use object_store::path::Path;

use crate::address::Provider;
use crate::bounds::Bounds;
use crate::bucket::Bucket;
use crate::directory;
use crate::error::{Fault, StoreError};
use crate::purpose::Purpose;
use crate::settings::{self, Variables};

/// Scheme of bucket addresses.
const S3: &str = "s3://";
/// How often to retry a change of an object if other programs change it at the same time.
const CHANGES: usize = 10;

/// A directory or a part of a bucket. Paths in it are relative and separated by `/`; `.` and `..` are not allowed.
#[derive(Debug, Clone)]
pub struct Store(pub(crate) Place);

#[derive(Debug, Clone)]
pub(crate) enum Place {
    Directory(PathBuf),
    Bucket(Bucket),
}

/// The result of adding a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The folder was written.
    Now,
    /// The folder was already complete and is unchanged.
    Before,
}

/// A file of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the store's root.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
}

impl Store {
    /// Opens `s3://bucket/prefix` (the prefix may be empty) with the environment's settings, or a directory.
    ///
    /// # Errors
    /// [`Fault::Settings`] if the address or a setting is invalid. The bucket is not contacted.
    pub fn open(place: &str) -> Result<Self, StoreError> {
        Self::open_with(place, settings::environment(), Reach::Anywhere)
    }

    /// As [`open`](Self::open), for connections that stay within `reach`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_within(place: &str, reach: Reach) -> Result<Self, StoreError> {
        Self::open_with(place, settings::environment(), reach)
    }

    /// As [`open_within`](Self::open_within), with these variables instead of the environment's.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(place: &str, variables: Vec<(String, String)>, reach: Reach) -> Result<Self, StoreError> {
        match place.strip_prefix(S3) {
            Some(address) => bucket(address, variables, reach)
                .map(|bucket| Self(Place::Bucket(bucket)))
                .map_err(|fault| fault.when("opening", place)),
            None => Ok(Self::directory(place)),
        }
    }

    /// A directory, which need not exist yet.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self(Place::Directory(path.into()))
    }

    /// `s3://bucket/prefix` of a bucket. A directory has no address that is valid elsewhere.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        match &self.0 {
            Place::Directory(_) => None,
            Place::Bucket(bucket) => Some(bucket.address_of(&Path::default())),
        }
    }

    /// The bytes of a file, or `None` if it does not exist.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        let path = parse(path)?;
        match &self.0 {
            Place::Directory(root) => blocking(root, move |root| directory::read(root, &path)).await,
            Place::Bucket(bucket) => bucket.read(&path).await,
        }
    }

    /// Opens a file to read it piece by piece, or `None` if it does not exist. A file of a directory is read as the reader asks for it,
    /// on the caller's thread; an object of a bucket is read as a whole before this returns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_file(&self, path: &str) -> Result<Option<Box<dyn BufRead + Send>>, StoreError> {
        let parsed = parse(path)?;
        match &self.0 {
            Place::Directory(root) => {
                let opened = blocking(root, move |root| directory::open(root, &parsed)).await?;
                Ok(opened.map(|file| Box::new(BufReader::new(file)) as Box<dyn BufRead + Send>))
            }
            Place::Bucket(bucket) => {
                let bytes = bucket.read(&parsed).await?;
                Ok(bytes.map(|bytes| Box::new(bytes.reader()) as Box<dyn BufRead + Send>))
            }
        }
    }

    /// Writes or replaces a file. A reader sees either all of the old bytes or all of the new ones.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let path = parse(path)?;
        match &self.0 {
            Place::Directory(root) => blocking(root, move |root| directory::write(root, &path, &bytes)).await,
            Place::Bucket(bucket) => bucket.write(&path, bytes).await,
        }
    }

    /// Changes a file. `change` gets the file's bytes, if it exists, and returns the new ones, or `None` to leave the
    /// file as it is. Returns whether the file was written. If two programs change a file at the same time, the later
    /// one sees the change of the other: on a volume it waits, in a bucket it reads again. (A file system without locks
    /// and a bucket without conditional writes can't guarantee this.)
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn update(
        &self,
        path: &str,
        mut change: impl FnMut(Option<Bytes>) -> Option<Bytes>,
    ) -> Result<bool, StoreError> {
        let place = parse(path)?;
        match &self.0 {
            Place::Directory(root) => {
                let locked = place.clone();
                let _lock = blocking(root, move |root| directory::lock(root, &locked)).await?;
                match change(self.read(path).await?) {
                    Some(bytes) => self.write(path, bytes).await.map(|()| true),
                    None => Ok(false),
                }
            }
            Place::Bucket(bucket) => {
                for _ in 0..CHANGES {
                    let (bytes, version) = bucket.read_version(&place).await?.unzip();
                    let Some(bytes) = change(bytes) else { return Ok(false) };
                    if bucket.write_over(&place, bytes, version).await? {
                        return Ok(true);
                    }
                }
                let problem = format!("others changed the object {CHANGES} times meanwhile");
                Err(Fault::Unavailable { problem }.when("changing", bucket.address_of(&place)))
            }
        }
    }

    /// Adds a folder unless it is complete, that is, unless its last file exists. The files are written in the given
    /// order, so an unfinished folder lacks the last file and is written again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add(&self, folder: &str, files: &[(&str, Bytes)]) -> Result<Added, StoreError> {
        if let Some((last, _)) = files.last()
            && self.has(&format!("{folder}/{last}")).await?
        {
            return Ok(Added::Before);
        }
        self.replace(folder, files).await?;
        Ok(Added::Now)
    }

    /// Replaces a folder. The folder is incomplete in the meantime.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace(&self, folder: &str, files: &[(&str, Bytes)]) -> Result<(), StoreError> {
        let folder = parse(folder)?;
        let files: Vec<(String, Bytes)> = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.clone()))
            .collect();
        match &self.0 {
            Place::Directory(root) => blocking(root, move |root| directory::replace(root, &folder, &files)).await,
            Place::Bucket(bucket) => bucket.replace(&folder, &files).await,
        }
    }

    /// The files of a folder and its subfolders, by path. The empty path is the whole store. A folder that does not
    /// exist has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, folder: &str) -> Result<Vec<Entry>, StoreError> {
        let folder = parse(folder)?;
        let mut entries = match &self.0 {
            Place::Directory(root) => blocking(root, move |root| directory::list(root, &folder)).await?,
            Place::Bucket(bucket) => bucket.list(&folder).await?,
        };
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    /// Deletes a file, or a folder with its contents. [`RECORD`](crate::layout::RECORD) is deleted first, so an
    /// interrupted deletion never leaves a folder that seems complete. A missing file or folder is not an error.
    ///
    /// # Errors
    /// [`StoreError`]; with [`Fault::Settings`] for the empty path, which is the whole store.
    pub async fn delete(&self, path: &str) -> Result<(), StoreError> {
        let parsed = parse(path)?;
        if parsed.as_ref().is_empty() {
            let fault = Fault::Settings {
                problem: "this is the whole store".into(),
                fix: "Name one folder of it",
            };
            return Err(fault.when("deleting", path));
        }
        match &self.0 {
            Place::Directory(root) => blocking(root, move |root| directory::delete(root, &parsed)).await,
            Place::Bucket(bucket) => bucket.delete(&parsed).await,
        }
    }

    async fn has(&self, path: &str) -> Result<bool, StoreError> {
        let path = parse(path)?;
        match &self.0 {
            Place::Directory(root) => Ok(directory::file(root, &path).is_file()),
            Place::Bucket(bucket) => bucket.has(&path).await,
        }
    }
}

pub(crate) fn parse(path: &str) -> Result<Path, StoreError> {
    Path::parse(path).map_err(|error| {
        let problem = error.to_string();
        let fix = "Write paths like folder/file";
        Fault::Settings { problem, fix }.when("reading the path", path)
    })
}

/// Runs disk access on a thread for blocking work.
async fn blocking<T: Send + 'static>(
    root: &std::path::Path,
    work: impl FnOnce(&std::path::Path) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let root = root.to_owned();
    match tokio::task::spawn_blocking(move || work(&root)).await {
        Ok(outcome) => outcome,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// `bucket/prefix`.
fn bucket(address: &str, variables: Variables, reach: Reach) -> Result<Bucket, Fault> {
    let (name, prefix) = address.split_once('/').unwrap_or((address, ""));
    let write_like = |problem: String| Fault::Settings {
        problem,
        fix: "Write it like s3://bucket/path",
    };
    if name.is_empty() {
        return Err(write_like("it names no bucket".into()));
    }
    let prefix = Path::parse(prefix).map_err(|error| write_like(error.to_string()))?;
    let bounds = Bounds::file(reach);
    let objects = settings::bucket(Provider::S3, name, Purpose::Artifacts, variables, &bounds)
        .map_err(|error| crate::object::unusable(Provider::S3, Purpose::Artifacts, &error))?;
    Ok(Bucket::new(objects, name, prefix))
}
