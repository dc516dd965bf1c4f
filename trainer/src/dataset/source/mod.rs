//! The bytes of a data set: reads a file, a pipe, an address or an object, checks the digest, and unpacks by suffix.

mod ahead;
mod download;
mod packing;
mod signature;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use complaint_contract::{DatasetFormat, Reach};
use complaint_model::Sha256Digest;
use complaint_store::Address;
use url::Url;

use super::DatasetError;
use super::bounded::LARGEST_RECORD;
use ahead::read_ahead;
use packing::{Packing, data_member};
use signature::{Kind, Wide, ZIP};

pub use complaint_store::{ObjectAddress, Purpose};

/// The location of a data set.
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
    /// Parses a location: an address if it begins with `http://` or `https://`, an object if it begins with `s3://`,
    /// `gs://` or `az://`, otherwise a path.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Self::Url(text.to_owned());
        }
        ObjectAddress::parse(text).map_or_else(|| Self::File(text.into()), Self::Object)
    }

    /// The path or address for messages, without user, password, query and fragment, which may be secrets.
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

/// A data set whose bytes are on this machine and whose digest is known.
#[derive(Debug)]
pub struct Source {
    name: String,
    packing: Packing,
    file: File,
    size: u64,
    read: AtomicU64,
    sha256: Sha256Digest,
}

/// The unpacked bytes of a source.
pub struct Unpacked<'r> {
    /// All unpacked bytes, without a byte order mark.
    pub reader: &'r mut dyn Read,
    /// The first bytes. All bytes, if [`Unpacked::is_whole`].
    pub begin: &'r [u8],
    /// Whether no bytes follow `begin`.
    pub is_whole: bool,
    /// The format that the name of an archive's member suggests.
    pub member: Option<DatasetFormat>,
}

impl Source {
    /// Opens a file or downloads an address within `reach`, computes the digest of the bytes, and compares it with
    /// `expected`. `purpose` chooses the credentials for an object store. `on_progress` gets the number of bytes so far
    /// and, if known, the total.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`], [`DatasetError::Forbidden`], [`DatasetError::Download`], [`DatasetError::Unreadable`] or [`DatasetError::DigestMismatch`].
    pub fn open(
        location: &Location,
        expected: Option<Sha256Digest>,
        purpose: Purpose,
        reach: Reach,
        mut on_progress: impl FnMut(u64, Option<u64>) + Send,
    ) -> Result<Self, DatasetError> {
        let name = location.name();
        let (mut file, sha256) = match location {
            Location::File(path) => open_file(path, &name)?,
            Location::Url(url) => {
                let url = Url::parse(url).map_err(|error| DatasetError::Forbidden {
                    name: name.clone(),
                    problem: format!("it is no address ({error})"),
                    fix: "Write it as https://host/path",
                })?;
                download::fetch(&Address::Web(Box::new(url)), &name, purpose, reach, &mut on_progress)?
            }
            Location::Object(address) => download::fetch(
                &Address::Object(address.clone()),
                &name,
                purpose,
                reach,
                &mut on_progress,
            )?,
        };
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            return Err(DatasetError::DigestMismatch {
                name,
                actual: sha256,
                expected,
                setting: "dataset.source.sha256",
            });
        }
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

    /// SHA-256 of the bytes before unpacking.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// The share of the file that the current read has seen, from 0 to 1.
    pub fn share_read(&self) -> f64 {
        match self.size {
            0 => 0.0,
            size => (self.read.load(Ordering::Relaxed) as f64 / size as f64).min(1.0),
        }
    }

    /// Passes the unpacked bytes to `consume`.
    ///
    /// # Errors
    /// What `consume` returns, [`DatasetError::Archive`] for bytes that can't be unpacked, [`DatasetError::OtherKind`] or
    /// [`DatasetError::WideEncoding`] for bytes that are neither CSV nor JSON in UTF-8.
    pub fn read<T>(&self, consume: impl FnOnce(Unpacked<'_>) -> Result<T, DatasetError>) -> Result<T, DatasetError> {
        let broken = |problem: String| DatasetError::Archive {
            name: self.name.clone(),
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
        if let Some(expected) = self.packing.kind() {
            self.check_packing(&mut file, expected)?;
        }
        match self.packing {
            Packing::Plain => self
                .check_archive(&mut file)
                .and_then(|()| self.unpacked(&mut file, None, consume)),
            Packing::Gzip => read_ahead(flate2::bufread::MultiGzDecoder::new(file), |reader| {
                self.unpacked(reader, None, consume)
            }),
            Packing::Zstandard => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(file)
                    .map_err(|error| broken(format!("it is no Zstandard file: {error}")))?;
                read_ahead(decoder, |reader| self.unpacked(reader, None, consume))
            }
            Packing::Zip => {
                let mut archive = zip::ZipArchive::new(file)
                    .map_err(|error| broken(format!("it is no whole ZIP archive: {error}. Copy it again")))?;
                if let Some(kind) = Kind::of_members(archive.file_names().flatten()) {
                    return Err(self.other_kind(kind));
                }
                let (member, format) = data_member(&mut archive).map_err(broken)?;
                let member = archive
                    .by_index(member)
                    .map_err(|error| broken(format!("its member can't be unpacked: {error}. Pack it again")))?;
                read_ahead(member, |reader| self.unpacked(reader, format, consume))
            }
        }
    }

    /// Checks that the bytes have the packing that the name's suffix says.
    fn check_packing(&self, file: &mut BufReader<Counted<'_>>, expected: Kind) -> Result<(), DatasetError> {
        let begin = file.fill_buf().map_err(|error| unreadable(&self.name, &error))?;
        match Kind::of(begin) {
            Some(kind) if kind == expected => Ok(()),
            Some(kind) => Err(self.other_kind(kind)),
            None => Err(DatasetError::Archive {
                name: self.name.clone(),
                problem: format!(
                    "its bytes are not those of {}. Name it without that suffix, or pack it",
                    expected.name
                ),
            }),
        }
    }

    /// Rejects an archive without an archive's suffix. The error calls a workbook a workbook.
    fn check_archive(&self, file: &mut BufReader<Counted<'_>>) -> Result<(), DatasetError> {
        let begin = file.fill_buf().map_err(|error| unreadable(&self.name, &error))?;
        match Kind::of(begin) {
            Some(ZIP) => {
                let archive = zip::ZipArchive::new(file).ok();
                let kind = archive.and_then(|archive| Kind::of_members(archive.file_names().flatten()));
                Err(self.other_kind(kind.unwrap_or(ZIP)))
            }
            _ => Ok(()),
        }
    }

    fn other_kind(&self, kind: Kind) -> DatasetError {
        DatasetError::OtherKind {
            name: self.name.clone(),
            kind: kind.name,
            fix: kind.fix,
        }
    }

    /// Checks the first unpacked bytes and passes all bytes to `consume`.
    fn unpacked<T>(
        &self,
        reader: &mut dyn Read,
        member: Option<DatasetFormat>,
        consume: impl FnOnce(Unpacked<'_>) -> Result<T, DatasetError>,
    ) -> Result<T, DatasetError> {
        let begin = Begin::of(reader);
        if let Some(kind) = Kind::of(&begin.bytes) {
            return Err(self.other_kind(kind));
        }
        if let Some(wide) = Wide::of(&begin.bytes) {
            return Err(DatasetError::WideEncoding {
                name: self.name.clone(),
                encoding: wide.name(),
                fix: wide.fix(),
            });
        }
        let is_whole = begin.is_whole;
        let bytes = begin.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&begin.bytes);
        consume(Unpacked {
            reader: &mut bytes.chain(Ended(begin.error)).chain(reader),
            begin: bytes,
            is_whole,
            member,
        })
    }
}

/// Number of bytes to check before the others are read.
const BEGIN: u64 = 1 << 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The first bytes of a reader.
struct Begin {
    bytes: Vec<u8>,
    is_whole: bool,
    /// The error that ended reading early.
    error: Option<io::Error>,
}

impl Begin {
    fn of(reader: &mut dyn Read) -> Self {
        let mut bytes = Vec::new();
        let error = reader.take(BEGIN).read_to_end(&mut bytes).err();
        Self {
            is_whole: error.is_none() && (bytes.len() as u64) < BEGIN,
            bytes,
            error,
        }
    }
}

/// A reader that fails once, if there is an error.
struct Ended(Option<io::Error>);

impl Read for Ended {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// A file that counts how much of it was read.
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

/// Distinguishes damaged bytes from a failing disk: only the operating system's own errors have a number.
pub(super) fn read_fault(name: &str, place: &str, error: &io::Error) -> DatasetError {
    match error.kind() {
        io::ErrorKind::FileTooLarge if error.raw_os_error().is_none() => DatasetError::Malformed {
            name: name.to_owned(),
            place: place.to_owned(),
            problem: format!(
                "the record has more than {} MiB; a quotation mark or a line end may be missing",
                LARGEST_RECORD >> 20
            ),
        },
        _ if error.raw_os_error().is_none() => DatasetError::Malformed {
            name: name.to_owned(),
            place: place.to_owned(),
            problem: format!("the file is damaged or cut off ({error})"),
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
    let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    let unreadable = |error: io::Error| unreadable(name, &error);
    if !is_regular {
        file = spool(&mut file).map_err(unreadable)?;
    }
    let digest = Sha256Digest::of_reader(&mut file).map_err(unreadable)?;
    Ok((file, digest))
}

/// Copies a pipe to an unnamed temporary file, because the data is read more than once.
fn spool(pipe: &mut File) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(pipe, &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
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
