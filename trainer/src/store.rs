//! The artifact store, as the trainer uses it: a version's folder is written once, its record last.

use std::path::Path;

use bytes::Bytes;
use complaint_model::Sha256Digest;
use complaint_store::{Added, Address, Bounds, Fault, ObjectAddress, Purpose, Reach, read as fetch};

use crate::record::UNKNOWN_CLAIM;
use crate::waiting::wait;

pub use complaint_store::StoreError;
pub use complaint_store::layout::{MODEL, RECORD, REPORT, REPORT_PAGE, version_path};

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

impl Files {
    /// In the order in which they are written.
    fn in_order(self) -> [(&'static str, Bytes); 4] {
        [
            (MODEL, self.model.into()),
            (REPORT, self.report.into()),
            (REPORT_PAGE, self.page.into()),
            (RECORD, self.record.into()),
        ]
    }
}

/// Where a training's result goes.
#[derive(Debug)]
pub struct Store(complaint_store::Store);

impl Store {
    /// `s3://bucket/prefix`, reached within `reach`, or a directory.
    ///
    /// # Errors
    /// [`StoreError`] where the address, or the environment's settings for it, make no sense.
    pub fn open(place: &str, reach: Reach) -> Result<Self, StoreError> {
        complaint_store::Store::open_within(place, reach).map(Self)
    }

    /// A directory.
    pub fn directory(path: &Path) -> Self {
        Self(complaint_store::Store::directory(path))
    }

    /// What addresses of its files begin with.
    pub fn root(&self) -> String {
        self.0.address().unwrap_or_else(|| UNKNOWN_CLAIM.to_owned())
    }

    /// Writes a version unless it is there already. The digest of the report that is there afterwards is returned: an
    /// equal model from an earlier run keeps its report.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&self, version: &str, files: Files) -> Result<Sha256Digest, StoreError> {
        let files = files.in_order();
        let digest = Sha256Digest::of_bytes(&files[1].1);
        let report = format!("{version}/{REPORT}");
        waited(version, async {
            if self.0.add(version, &files).await? == Added::Now {
                return Ok(digest);
            }
            match self.0.read(&report).await? {
                Some(kept) => Ok(Sha256Digest::of_bytes(&kept)),
                None => self.0.replace(version, &files).await.map(|()| digest),
            }
        })
    }

    /// Writes a version over whatever is in its folder.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn replace(&self, version: &str, files: Files) -> Result<(), StoreError> {
        waited(version, self.0.replace(version, &files.in_order()))
    }
}

/// The bytes of a file of a store: a path, or an `s3://` address that is reached within `reach`.
///
/// # Errors
/// [`StoreError`].
pub fn read(place: &str, reach: Reach) -> Result<Bytes, StoreError> {
    let found = match ObjectAddress::parse(place) {
        Some(address) => {
            let address = Address::Object(address);
            wait(fetch(&address, Purpose::Artifacts, &Bounds::file(reach)))
                .unwrap_or_else(|error| Err(Fault::File(error)))
        }
        None => std::fs::read(place).map(Bytes::from).map_err(Fault::File),
    };
    found.map_err(|fault| StoreError {
        action: "reading",
        place: place.to_owned(),
        fault,
    })
}

fn waited<T>(place: &str, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    wait(work).unwrap_or_else(|error| {
        Err(StoreError {
            action: "opening",
            place: place.to_owned(),
            fault: Fault::File(error),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(report: &str) -> Files {
        Files {
            model: b"model".to_vec(),
            report: report.into(),
            page: b"page".to_vec(),
            record: "record".into(),
        }
    }

    #[test]
    fn an_incomplete_version_is_written_again_and_a_complete_one_kept() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path().to_str().unwrap(), Reach::Anywhere).unwrap();
        let directory = root.path().join("default/cards/abc");
        store.write("default/cards/abc", files("first")).unwrap();
        let kept = store.write("default/cards/abc", files("second")).unwrap();
        assert_eq!(kept, Sha256Digest::of_bytes(b"first"));
        for missing in [RECORD, REPORT] {
            std::fs::remove_file(directory.join(missing)).unwrap();
            let written = store.write("default/cards/abc", files(missing)).unwrap();
            assert_eq!(written, Sha256Digest::of_bytes(missing.as_bytes()));
        }
        let mut names: Vec<String> = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [MODEL, RECORD, REPORT_PAGE, REPORT]);
    }

    #[test]
    fn a_store_that_is_a_file_is_named() {
        let root = tempfile::NamedTempFile::new().unwrap();
        let path = root.path().to_str().unwrap();
        let error = Store::open(path, Reach::Anywhere)
            .unwrap()
            .write("default", files("x"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(path) && error.contains("volume"), "{error}");
    }

    #[test]
    fn an_address_has_a_bucket() {
        let message = Store::open("s3:///models", Reach::Anywhere).unwrap_err().to_string();
        assert!(message.contains("s3://bucket/path"), "{message}");
    }
}
