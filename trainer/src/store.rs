//! The trainer's view of the artifact store: a version's folder is written once, its record last.

use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use complaint_model::Sha256Digest;
use complaint_store::{Added, Address, Bounds, Fault, ObjectAddress, Purpose, Reach, read as fetch};

use crate::record::UNKNOWN_CLAIM;
use crate::signing::Signing;
use crate::waiting::wait;

pub use complaint_store::layout::{
    MODEL, PROMOTIONS, PROVENANCE, RECORD, REPORT, REPORT_PAGE, RESULTS, SIGNATURE, version_path,
};
pub use complaint_store::{Entry, StoreError};

/// Files of one version.
#[derive(Debug)]
pub struct Files {
    /// Bytes of the model.
    pub model: Vec<u8>,
    /// Bytes of the report.
    pub report: Vec<u8>,
    /// Bytes of the report's page.
    pub page: Vec<u8>,
    /// The record. It is made when the report's digest is known.
    pub record: String,
}

impl Files {
    /// The files in the order in which they are written.
    fn in_order(self, signing: Option<&Signing>) -> Vec<(&'static str, Bytes)> {
        let files = vec![
            (MODEL, self.model.into()),
            (REPORT, self.report.into()),
            (REPORT_PAGE, self.page.into()),
            (RECORD, self.record.into()),
        ];
        signed(files, signing)
    }
}

/// The files of a version with their signatures, which come before the record that completes the folder.
fn signed(mut files: Vec<(&'static str, Bytes)>, signing: Option<&Signing>) -> Vec<(&'static str, Bytes)> {
    if let Some(signing) = signing {
        let signatures = signing.files(&files, &[]);
        files.splice(files.len() - 1..files.len() - 1, signatures);
    }
    files
}

/// Where a training's result goes.
#[derive(Debug)]
pub struct Store {
    files: complaint_store::Store,
    place: String,
}

impl Store {
    /// Opens `s3://bucket/prefix`, reached within `reach`, or a directory.
    ///
    /// # Errors
    /// [`StoreError`] if the address, or the environment's settings for it, are invalid.
    pub fn open(place: &str, reach: Reach) -> Result<Self, StoreError> {
        Ok(Self {
            files: complaint_store::Store::open_within(place, reach)?,
            place: place.to_owned(),
        })
    }

    /// Opens a directory.
    pub fn directory(path: &Path) -> Self {
        Self {
            files: complaint_store::Store::directory(path),
            place: path.display().to_string(),
        }
    }

    /// Directory or address, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The prefix of the addresses of its files.
    pub fn root(&self) -> String {
        self.files.address().unwrap_or_else(|| UNKNOWN_CLAIM.to_owned())
    }

    /// Writes a version unless it already exists. Returns the digest of the report in the store: an equal model from an
    /// earlier run keeps its report. With a key, an existing version that the key did not sign gets its signature.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&self, version: &str, files: Files, signing: Option<&Signing>) -> Result<Sha256Digest, StoreError> {
        let files = files.in_order(signing);
        let digest = Sha256Digest::of_bytes(&files[1].1);
        let report = format!("{version}/{REPORT}");
        let kept = waited(version, async {
            if self.files.add(version, &files).await? == Added::Now {
                return Ok(None);
            }
            match self.files.read(&report).await? {
                Some(kept) => Ok(Some(Sha256Digest::of_bytes(&kept))),
                None => self.files.replace(version, &files).await.map(|()| None),
            }
        })?;
        let Some(kept) = kept else { return Ok(digest) };
        match signing {
            Some(signing) if !self.sign_kept(version, &files, signing)? => {
                waited(version, self.files.replace(version, &files))?;
                Ok(digest)
            }
            _ => Ok(kept),
        }
    }

    /// Signs a version that an earlier training wrote, unless this key has signed it. The signature covers those files that
    /// this training would write too, byte by byte: it says nothing about what others wrote. Returns whether the model in the
    /// store is this training's; if not, the file is damaged, and nothing is signed.
    fn sign_kept(&self, version: &str, files: &[(&'static str, Bytes)], signing: &Signing) -> Result<bool, StoreError> {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (name, bytes) in files.iter().filter(|(name, _)| ![SIGNATURE, PROVENANCE].contains(name)) {
            match self.read_file(&format!("{version}/{name}"))? {
                Some(kept) if kept == *bytes => own.push((*name, kept)),
                _ => others.push(*name),
            }
        }
        if others.contains(&MODEL) {
            return Ok(false);
        }
        for (name, signed) in signing.files(&own, &others) {
            self.update(&format!("{version}/{name}"), |kept| {
                let is_signed = kept.is_some_and(|kept| signing.has_made(name, &kept));
                (!is_signed).then(|| signed.clone())
            })?;
        }
        Ok(true)
    }

    /// Writes a version that has no report unless it already exists. The last of `files` completes it. Signatures are those of
    /// [`write`](Self::write).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add(
        &self,
        version: &str,
        files: Vec<(&'static str, Bytes)>,
        signing: Option<&Signing>,
    ) -> Result<(), StoreError> {
        let files = signed(files, signing);
        if waited(version, self.files.add(version, &files))? == Added::Now {
            return Ok(());
        }
        match signing {
            Some(signing) if !self.sign_kept(version, &files, signing)? => {
                waited(version, self.files.replace(version, &files))
            }
            _ => Ok(()),
        }
    }

    /// The bytes of a file, if it exists. A bucket that does not exist has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read_file(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        unless_missing(waited(path, self.files.read(path)))
    }

    /// Writes or replaces one file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write_file(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        waited(path, self.files.write(path, bytes))
    }

    /// Changes one file, like [`complaint_store::Store::update`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn update(&self, path: &str, change: impl FnMut(Option<Bytes>) -> Option<Bytes>) -> Result<bool, StoreError> {
        waited(path, self.files.update(path, change))
    }

    /// The files of a folder and its subfolders. A folder, a directory or a bucket that does not exist has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(&self, folder: &str) -> Result<Vec<Entry>, StoreError> {
        unless_missing(waited(folder, self.files.list(folder)))
    }

    /// Deletes a folder with its files. A missing folder is not an error.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete(&self, folder: &str) -> Result<(), StoreError> {
        waited(folder, self.files.delete(folder))
    }

    /// Replaces the contents of a version's folder. Signatures of what was there before go.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn replace(&self, version: &str, files: Files, signing: Option<&Signing>) -> Result<(), StoreError> {
        for name in [SIGNATURE, PROVENANCE] {
            let path = [version, name].join("/");
            self.delete(path.trim_start_matches('/'))?;
        }
        waited(version, self.files.replace(version, &files.in_order(signing)))
    }
}

/// Reads a file of a store: a path, or an `s3://` address that is reached within `reach`.
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

/// Replaces the error for a missing bucket by the default value.
fn unless_missing<T: Default>(found: Result<T, StoreError>) -> Result<T, StoreError> {
    match found {
        Err(StoreError {
            fault: Fault::NotFound { .. },
            ..
        }) => Ok(T::default()),
        found => found,
    }
}

/// Whether the store refuses a change and will refuse it again: missing rights, or a volume that is mounted read-only.
pub fn is_refused(error: &StoreError) -> bool {
    match &error.fault {
        Fault::Denied { .. } | Fault::Refused { .. } => true,
        Fault::File(error) => matches!(
            error.kind(),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
        ),
        _ => false,
    }
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
        store.write("default/cards/abc", files("first"), None).unwrap();
        let kept = store.write("default/cards/abc", files("second"), None).unwrap();
        assert_eq!(kept, Sha256Digest::of_bytes(b"first"));
        for missing in [RECORD, REPORT] {
            std::fs::remove_file(directory.join(missing)).unwrap();
            let written = store.write("default/cards/abc", files(missing), None).unwrap();
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
            .write("default", files("x"), None)
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
