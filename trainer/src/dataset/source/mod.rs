//! The bytes of a data set: a file, an address or an object, digested, checked, decompressed by suffix.

mod download;
mod packing;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use complaint_model::Sha256Digest;
use complaint_store::Address;
use url::Url;

use super::DatasetError;
use super::bounded::LARGEST_RECORD;
use packing::{Packing, data_member};

pub use complaint_store::ObjectAddress;

/// Where a data set is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A local file.
    File(PathBuf),
    /// An `http` or `https` address.
    Url(String),
    /// An object of S3, Google Cloud Storage or Azure Blob Storage.
    Object(ObjectAddress),
}

impl Location {
    /// An address if it begins with `http://` or `https://`, an object with `s3://`, `gs://` or `az://`; anything else is a
    /// path.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Self::Url(text.to_owned());
        }
        ObjectAddress::parse(text).map_or_else(|| Self::File(text.into()), Self::Object)
    }

    /// The path or address as messages show it: without user, password, query and fragment, which may be secrets.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Object(address) => address.to_string(),
            Self::Url(url) => {
                let plain = url.split(['?', '#']).next().unwrap_or_default();
                match plain.split_once("://") {
                    Some((scheme, rest)) => {
                        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                        let host = authority.rsplit('@').next().unwrap_or_default();
                        format!("{scheme}://{host}/{path}")
                    }
                    None => plain.to_owned(),
                }
            }
        }
    }
}

/// A data set whose bytes are on this machine, with their digest known.
#[derive(Debug)]
pub struct Source {
    name: String,
    packing: Packing,
    file: File,
    size: u64,
    read: AtomicU64,
    sha256: Sha256Digest,
}

impl Source {
    /// Opens a file or downloads an address, digests the bytes, and compares the digest with the expected one.
    /// `on_progress` gets the bytes so far and, where known, all of them.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`], [`DatasetError::Forbidden`], [`DatasetError::Download`], [`DatasetError::Unreadable`] or [`DatasetError::DigestMismatch`].
    pub fn open(
        location: &Location,
        expected: Option<Sha256Digest>,
        mut on_progress: impl FnMut(u64, Option<u64>) + Send,
    ) -> Result<Self, DatasetError> {
        let name = location.name();
        let (mut file, sha256) = match location {
            Location::File(path) => open_file(path, &name)?,
            Location::Url(url) => {
                let url = Url::parse(url).map_err(|error| download::failed(&name, error.to_string()))?;
                download::fetch(&Address::Web(Box::new(url)), &name, &mut on_progress)?
            }
            Location::Object(address) => download::fetch(&Address::Object(address.clone()), &name, &mut on_progress)?,
        };
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            return Err(DatasetError::DigestMismatch {
                name,
                actual: sha256,
                expected,
            });
        }
        // A pipe has no size; then nothing is known of how far reading is.
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        file.seek(SeekFrom::Start(0))
            .map_err(|error| unreadable(&name, &error))?;
        Ok(Self {
            packing: Packing::of(&name),
            name,
            file,
            size,
            read: AtomicU64::new(0),
            sha256,
        })
    }

    /// Path or address for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the bytes as they came.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// How much of the file the reading in course has seen, 0 to 1.
    pub fn share_read(&self) -> f64 {
        match self.size {
            0 => 0.0,
            size => (self.read.load(Ordering::Relaxed) as f64 / size as f64).min(1.0),
        }
    }

    /// Hands the unpacked bytes to `consume`.
    ///
    /// # Errors
    /// What `consume` returns, or [`DatasetError::Malformed`] for an archive that can't be opened.
    pub fn read<T>(&self, consume: impl FnOnce(&mut dyn Read) -> Result<T, DatasetError>) -> Result<T, DatasetError> {
        let malformed = |problem: String| DatasetError::Malformed {
            name: self.name.clone(),
            place: "its beginning".into(),
            problem,
        };
        let counted = Counted {
            file: &self.file,
            read: &self.read,
        };
        let mut file = BufReader::with_capacity(1 << 16, counted);
        self.read.store(0, Ordering::Relaxed);
        file.seek(SeekFrom::Start(0))
            .map_err(|error| unreadable(&self.name, &error))?;
        match self.packing {
            Packing::Plain => consume(&mut file),
            Packing::Gzip => consume(&mut flate2::bufread::MultiGzDecoder::new(file)),
            Packing::Zstandard => {
                let mut decoder = ruzstd::decoding::StreamingDecoder::new(file)
                    .map_err(|error| malformed(format!("it is no Zstandard file: {error}")))?;
                consume(&mut decoder)
            }
            Packing::Zip => {
                let mut archive =
                    zip::ZipArchive::new(file).map_err(|error| malformed(format!("it is no ZIP archive: {error}")))?;
                let member = data_member(&mut archive).map_err(malformed)?;
                let mut member = archive
                    .by_index(member)
                    .map_err(|error| malformed(format!("its member can't be unpacked: {error}")))?;
                consume(&mut member)
            }
        }
    }
}

/// A file that says how much of it was read.
struct Counted<'f> {
    file: &'f File,
    read: &'f AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Tells a broken archive from a broken disk.
pub(super) fn read_fault(name: &str, place: &str, error: &io::Error) -> DatasetError {
    match error.kind() {
        io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::Other => DatasetError::Malformed {
            name: name.to_owned(),
            place: place.to_owned(),
            problem: format!("the file is damaged or cut off ({error})"),
        },
        io::ErrorKind::FileTooLarge => DatasetError::Malformed {
            name: name.to_owned(),
            place: place.to_owned(),
            problem: format!(
                "the record has more than {} MiB; a quotation mark or a line end may be missing",
                LARGEST_RECORD >> 20
            ),
        },
        _ => unreadable(name, error),
    }
}

fn unreadable(name: &str, error: &io::Error) -> DatasetError {
    DatasetError::Unreadable {
        name: name.to_owned(),
        problem: error.to_string(),
    }
}

fn open_file(path: &Path, name: &str) -> Result<(File, Sha256Digest), DatasetError> {
    let mut file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DatasetError::NotFound {
            name: name.to_owned(),
            problem: error.to_string(),
        },
        _ => unreadable(name, &error),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(DatasetError::NotFound {
            name: name.to_owned(),
            problem: "it is a directory, not a file".into(),
        });
    }
    let digest = Sha256Digest::of_reader(&mut file).map_err(|error| unreadable(name, &error))?;
    Ok((file, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hide_secrets() {
        let location = Location::parse("https://user:password@example.org/a/b.csv.gz?token=abc#x");
        assert_eq!(location.name(), "https://example.org/a/b.csv.gz");
        assert_eq!(Packing::of(&location.name()), Packing::Gzip);
        assert_eq!(Location::parse("data/a.csv"), Location::File("data/a.csv".into()));
        for object in ["s3://bucket/a/b.csv.gz", "gs://bucket/b", "az://container/b"] {
            let location = Location::parse(object);
            assert!(matches!(&location, Location::Object(_)), "{location:?}");
            assert_eq!(location.name(), object);
        }
    }
}
