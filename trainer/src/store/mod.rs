//! The artifact store: folders named by the digest of the model they hold, on a volume or in a bucket.
//!
//! `modelversion.yaml` is written last: a folder without it is known to be incomplete and written again.

mod bucket;
mod directory;

use std::path::PathBuf;
use std::{fs, io};

use complaint_model::Sha256Digest;

use crate::record::UNKNOWN_CLAIM;

pub use bucket::Bucket;
pub use directory::{is_complete, replace, write};

/// The model.
pub const MODEL: &str = "model.safetensors";
/// What is known of it.
pub const REPORT: &str = "report.json";
/// The same to look at.
pub const REPORT_PAGE: &str = "report.html";
/// The record to register it with; the file that completes a folder.
pub const RECORD: &str = "modelversion.yaml";

/// What the addresses of buckets begin with.
const S3: &str = "s3://";

/// The store, or a file of it, can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// On a volume.
    #[error("the store can't be used: {action} {} failed: {source}. Check that its volume is mounted, writable and not full", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// In a bucket.
    #[error("the store can't be used: {action} {address} failed: {problem}. {fix}")]
    Object {
        /// What was tried.
        action: &'static str,
        /// The object.
        address: String,
        /// The store's answer.
        problem: String,
        /// What to do.
        fix: &'static str,
    },
}

/// Files of one version.
#[derive(Debug)]
pub struct Files {
    /// Bytes of the model.
    pub model: Vec<u8>,
    /// Bytes of the report.
    pub report: Vec<u8>,
    /// Bytes of its page.
    pub page: Vec<u8>,
    /// The record; made when the report's digest is known.
    pub record: String,
}

/// Path of a version's folder from the store's root.
pub fn version_path(namespace: &str, classifier: &str, digest: &Sha256Digest) -> String {
    format!("{namespace}/{classifier}/{digest}")
}

/// Where a training's result goes.
#[derive(Debug)]
pub enum Store {
    /// A directory.
    Directory(PathBuf),
    /// A part of a bucket.
    Bucket(Bucket),
}

impl Store {
    /// `s3://bucket/prefix`, or a directory.
    ///
    /// # Errors
    /// [`StoreError`] where the address, or the environment's settings for it, make no sense.
    pub fn open(place: &str) -> Result<Self, StoreError> {
        if place.starts_with(S3) {
            return Bucket::open(place).map(Self::Bucket);
        }
        Ok(Self::Directory(place.into()))
    }

    /// What addresses of its files begin with.
    pub fn root(&self) -> String {
        match self {
            Self::Directory(_) => UNKNOWN_CLAIM.to_owned(),
            Self::Bucket(bucket) => bucket.root(),
        }
    }

    /// Writes a version unless it is there already. The digest of the report that is there afterwards is returned: an
    /// equal model from an earlier run keeps its report.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&self, version: &str, files: &Files) -> Result<Sha256Digest, StoreError> {
        match self {
            Self::Directory(root) => write(&root.join(version), files),
            Self::Bucket(bucket) => bucket.write(version, files),
        }
    }
}

/// The bytes of a file of a store: a path, or an `s3://` address.
///
/// # Errors
/// [`StoreError`].
pub fn read(place: &str) -> Result<Vec<u8>, StoreError> {
    if place.starts_with(S3) {
        return bucket::read(place);
    }
    fs::read(place).map_err(|source| StoreError::File {
        action: "reading",
        path: place.into(),
        source,
    })
}
