//! Keeps models on disk under their digest, so a restart does not fetch them again.
//!
//! The layout is `DIR/<64 digits>/model.safetensors`, with `report.json` and `model.sig` beside it. Each file is written under a
//! temporary name and then renamed, so a reader never sees a partial file. Every read checks the digest: a damaged file
//! is removed and fetched again. Several servers may share a directory.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use complaint_model::Sha256Digest;
use complaint_store::layout;

use crate::core::loading::{MAX_REPORT_BYTES, read_bounded};
use crate::core::location::report_beside;

/// A directory of models by digest.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// A cache in this directory. The directory is created when the first model is written.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The path of the model with this digest.
    #[must_use]
    pub fn model(&self, digest: Sha256Digest) -> PathBuf {
        self.directory.join(digest.to_string()).join("model.safetensors")
    }

    /// The model with this digest, if the cache has it and it is intact.
    #[must_use]
    pub fn read(&self, digest: Sha256Digest) -> Option<Vec<u8>> {
        let path = self.model(digest);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the cached model can't be read and is fetched again");
                return None;
            }
        };
        if Sha256Digest::of_bytes(&bytes) == digest {
            return Some(bytes);
        }
        tracing::warn!(path = %path.display(), "the cached model is damaged and is fetched again");
        let _ = std::fs::remove_file(&path);
        None
    }

    /// The report that came with the model.
    #[must_use]
    pub fn read_report(&self, digest: Sha256Digest) -> Option<Vec<u8>> {
        read_bounded(&report_beside(&self.model(digest)), MAX_REPORT_BYTES).ok()
    }

    /// The signature that came with the model. Whoever uses it verifies it.
    #[must_use]
    pub fn read_signature(&self, digest: Sha256Digest) -> Option<Vec<u8>> {
        read_bounded(&self.signature(digest), complaint_signature::MAX_BYTES).ok()
    }

    /// Stores a model's signature. If the cache can't be written, the only cost is another fetch at the next start.
    pub fn write_signature(&self, digest: Sha256Digest, signature: &[u8]) {
        let path = self.signature(digest);
        if let Err(error) = write_whole(&path, signature) {
            tracing::warn!(path = %path.display(), %error, "the signature could not be cached");
        }
    }

    fn signature(&self, digest: Sha256Digest) -> PathBuf {
        self.model(digest).with_file_name(layout::SIGNATURE)
    }

    /// Stores a model and its report. If the cache can't be written, the only cost is another fetch at the next start.
    pub fn write(&self, digest: Sha256Digest, model: &[u8], report: Option<&[u8]>) {
        let path = self.model(digest);
        let report = report.map_or(Ok(()), |report| write_whole(&report_beside(&path), report));
        if let Err(error) = report.and_then(|()| write_whole(&path, model)) {
            tracing::warn!(path = %path.display(), %error, "the model could not be cached");
        }
    }
}

/// Writes a file atomically: either the whole file exists or none of it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_until_it_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("not made yet"));
        let digest = Sha256Digest::of_bytes(b"model");
        assert_eq!(cache.read(digest), None);
        cache.write(digest, b"model", Some(b"{}"));
        assert_eq!(cache.read(digest).as_deref(), Some(&b"model"[..]));
        assert_eq!(cache.read_report(digest).as_deref(), Some(&b"{}"[..]));

        std::fs::write(cache.model(digest), "other").unwrap();
        assert_eq!(cache.read(digest), None);
        assert!(!cache.model(digest).exists(), "the damaged file is gone");
        cache.write(digest, b"model", None);
        assert!(cache.read(digest).is_some());
        let left = std::fs::read_dir(cache.model(digest).parent().unwrap())
            .unwrap()
            .count();
        assert_eq!(left, 2, "no temporary files stay");
    }

    #[test]
    fn a_cache_that_cannot_be_written_does_no_harm() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cache = Cache::new(file.path().to_owned());
        let digest = Sha256Digest::of_bytes(b"model");
        cache.write(digest, b"model", None);
        assert_eq!(cache.read(digest), None);
    }
}
