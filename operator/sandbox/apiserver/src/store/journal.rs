//! The file of the store: a log of writes that is replayed at the start.
//!
//! A record is its length, a CRC-32 and JSON: an object that was written, or the key of one that was removed. A write is
//! in the file (in the system's cache) before it is answered, so it survives the end of the process; it is flushed to
//! the disk a moment later (see [`Journal::sync_handle`]). A last record that a crash truncated is dropped; a damaged
//! earlier record is an error. The log is compacted when most of it is obsolete.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Item, key};
use crate::meta::Meta;

/// The first bytes of the file: its type and format version.
const MAGIC: &[u8] = b"sandbox objects 1\n";
/// A shorter log is not compacted.
const SMALL: u64 = 16 * 1024 * 1024;
/// Size of a record's header: length and checksum.
const HEAD: usize = 8;

/// Why the objects could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is another file, or of another release.
    #[error("{} does not hold objects of this release; move it away to start without objects", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A record in the middle is damaged.
    #[error(
        "{} is damaged at byte {offset}, before records that are not; restore it from a copy, or cut it there to lose all \
         that follows",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged record begins.
        offset: u64,
    },
}

/// One write. In a compacted log, a record without object and key holds the newest revision.
#[derive(Serialize, Deserialize)]
struct Record<'a, O> {
    /// Where the object is stored.
    #[serde(rename = "in", borrow, default)]
    storage: Cow<'a, str>,
    /// An object that was written; it carries its revision.
    #[serde(skip_serializing_if = "Option::is_none", default = "Option::default")]
    put: Option<O>,
    /// The key of an object that was removed.
    #[serde(skip_serializing_if = "Option::is_none", borrow, default)]
    remove: Option<Cow<'a, str>>,
    /// The revision of a removal.
    #[serde(skip_serializing_if = "is_zero", default)]
    at: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> Record<'a, &'a Value> {
    fn put(storage: &'a str, object: &'a Value) -> Self {
        Self {
            storage: storage.into(),
            put: Some(object),
            remove: None,
            at: 0,
        }
    }

    fn remove(storage: &'a str, key: Option<&'a str>, at: u64) -> Self {
        Self {
            storage: storage.into(),
            put: None,
            remove: key.map(Cow::from),
            at,
        }
    }
}

/// The state at the end of a log.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Objects by storage and key.
    pub(super) objects: HashMap<Arc<str>, BTreeMap<String, Arc<Item>>>,
    /// The newest resourceVersion.
    pub(super) revision: u64,
}

/// A log that is open for writing.
pub(crate) struct Journal {
    path: PathBuf,
    file: Arc<File>,
    length: u64,
    /// Its length after the last compaction.
    compact: u64,
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEAD + body.len());
    record.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend(crc32fast::hash(body).to_le_bytes());
    record.extend(body);
    record
}

/// The body of the record at the start of `bytes`, if it is complete and its checksum matches.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| {
        bytes
            .get(at..at + 4)
            .and_then(|b| b.try_into().ok())
            .map(u32::from_le_bytes)
    };
    let (length, sum) = (number(0)?, number(4)?);
    let body = bytes.get(HEAD..HEAD + usize::try_from(length).ok()?)?;
    // An empty record is invalid: a crash may leave zeros.
    (!body.is_empty() && crc32fast::hash(body) == sum).then_some(body)
}

/// The end of the record at the start of `bytes` by its length.
fn claimed_end(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    usize::try_from(length).ok().map(|length| HEAD + length)
}

impl Contents {
    /// Applies a record; false if this release does not understand it.
    fn take(&mut self, body: &[u8], interned: &mut HashMap<String, Arc<str>>) -> bool {
        let Ok(record) = serde_json::from_slice::<Record<'_, Value>>(body) else {
            return false;
        };
        self.revision = self.revision.max(record.at);
        if let Some(object) = record.put {
            let Ok(revision) = object.resource_version().parse() else {
                return false;
            };
            self.revision = self.revision.max(revision);
            let storage = &*record.storage;
            let storage = interned
                .entry(storage.to_owned())
                .or_insert_with(|| storage.into())
                .clone();
            let place = key(object.namespace(), object.name());
            self.objects
                .entry(storage)
                .or_default()
                .insert(place, Arc::new(Item { revision, object }));
        }
        if let Some(place) = record.remove
            && let Some(collection) = self.objects.get_mut(&*record.storage)
        {
            collection.remove(&*place);
        }
        true
    }

    /// Replays records; returns the number of valid bytes.
    fn read(&mut self, bytes: &[u8], path: &Path) -> Result<usize, JournalError> {
        let (mut at, mut interned) = (0, HashMap::new());
        while at < bytes.len() {
            let rest = &bytes[at..];
            let good = body(rest).filter(|body| self.take(body, &mut interned));
            match good {
                Some(body) => at += HEAD + body.len(),
                None => {
                    let after = claimed_end(rest).and_then(|end| rest.get(end..));
                    if after.is_some_and(|after| body(after).is_some()) {
                        let offset = (MAGIC.len() + at) as u64;
                        return Err(JournalError::Damaged {
                            path: path.into(),
                            offset,
                        });
                    }
                    break;
                }
            }
        }
        Ok(at)
    }
}

impl Journal {
    /// Opens or creates a log; a truncated last record is dropped.
    ///
    /// # Errors
    /// [`JournalError`] if the file cannot be used, or is damaged before its end.
    pub(crate) fn open(path: &Path) -> Result<(Self, Contents), JournalError> {
        let failed = |source| JournalError::File {
            path: path.into(),
            source,
        };
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(mut file) => drop(file.read_to_end(&mut bytes).map_err(failed)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let mut contents = Contents::default();
        let foreign = !bytes.is_empty() && !bytes.starts_with(MAGIC) && !MAGIC.starts_with(&bytes);
        if foreign {
            return Err(JournalError::Foreign { path: path.into() });
        }
        if let Some(records) = bytes.strip_prefix(MAGIC) {
            let good = contents.read(records, path)?;
            if good < records.len() {
                tracing::warn!(path = %path.display(), bytes = records.len() - good, "dropped a truncated write");
            }
        }
        // The new log is compact and complete.
        let objects = contents
            .objects
            .iter()
            .flat_map(|(storage, all)| all.values().map(move |item| (storage, item)));
        let journal = Self::rewritten(path, contents.revision, objects).map_err(failed)?;
        Ok((journal, contents))
    }

    /// Replaces the log by one with these objects only.
    fn rewritten<'a>(
        path: &Path,
        revision: u64,
        objects: impl Iterator<Item = (&'a Arc<str>, &'a Arc<Item>)>,
    ) -> io::Result<Self> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(frame(&encode(&Record::remove("", None, revision))?));
        for (storage, item) in objects {
            bytes.extend(frame(&encode(&Record::put(storage, &item.object))?));
        }
        let new = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        if let Some(directory) = path.parent() {
            // Flush the directory to persist the name.
            File::open(directory)?.sync_all()?;
        }
        let length = bytes.len() as u64;
        Ok(Self {
            path: path.into(),
            file: Arc::new(file),
            length,
            compact: length,
        })
    }

    fn append(&mut self, record: &Record<'_, &Value>) -> io::Result<()> {
        let bytes = frame(&encode(record)?);
        match (&*self.file).write_all(&bytes) {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // A partial record would hide the following ones.
                self.file.set_len(self.length)?;
                io::Seek::seek(&mut &*self.file, io::SeekFrom::Start(self.length))?;
                Err(error)
            }
        }
    }

    /// Appends the write of an object.
    ///
    /// # Errors
    /// If the file cannot be written, for example because the disk is full.
    pub(super) fn put(&mut self, storage: &str, object: &Value) -> io::Result<()> {
        self.append(&Record::put(storage, object))
    }

    /// Appends a removal.
    ///
    /// # Errors
    /// See [`Journal::put`].
    pub(super) fn remove(&mut self, storage: &str, key: &str, revision: u64) -> io::Result<()> {
        self.append(&Record::remove(storage, Some(key), revision))
    }

    /// Whether most of the log is obsolete.
    pub(super) fn is_long(&self) -> bool {
        self.length > SMALL && self.length / 4 > self.compact
    }

    /// Compacts the log.
    ///
    /// # Errors
    /// See [`Journal::put`]; the old log is kept.
    pub(super) fn rewrite<'a>(
        &mut self,
        revision: u64,
        objects: impl Iterator<Item = (&'a Arc<str>, &'a Arc<Item>)>,
    ) -> io::Result<()> {
        *self = Self::rewritten(&self.path, revision, objects)?;
        Ok(())
    }

    /// The file and its length, to flush it to the disk (`File::sync_data`).
    pub(super) fn sync_handle(&self) -> (Arc<File>, u64) {
        (self.file.clone(), self.length)
    }
}

fn encode(record: &Record<'_, &Value>) -> io::Result<Vec<u8>> {
    serde_json::to_vec(record).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, revision: u64) -> Value {
        json!({ "metadata": { "name": name, "namespace": "n", "resourceVersion": revision.to_string() } })
    }

    fn names(contents: &Contents) -> Vec<String> {
        contents.objects.values().flat_map(BTreeMap::keys).cloned().collect()
    }

    fn written(path: &Path) {
        let (mut journal, _) = Journal::open(path).unwrap();
        journal.put("/configmaps", &object("a", 1)).unwrap();
        journal.put("/configmaps", &object("b", 2)).unwrap();
        journal.put("/configmaps", &object("b", 3)).unwrap();
        journal.remove("/configmaps", "n/a", 4).unwrap();
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects.log");
        written(&path);
        for _ in 0..2 {
            let (_, contents) = Journal::open(&path).unwrap();
            assert_eq!(names(&contents), ["n/b"]);
            assert_eq!(contents.revision, 4);
            assert_eq!(contents.objects["/configmaps"]["n/b"].revision, 3);
        }
    }

    #[test]
    fn a_torn_end_is_cut_wherever_it_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects.log");
        written(&path);
        let whole = fs::read(&path).unwrap();
        let mut last = 0;
        for length in (0..whole.len()).step_by(7) {
            fs::write(&path, &whole[..length]).unwrap();
            let (_, contents) = Journal::open(&path).unwrap();
            assert!(contents.revision >= last, "{length}");
            last = contents.revision;
        }
        assert_eq!(last, 3);
        // A crash may also leave zeros, or a record with a wrong checksum.
        let mut zeros = whole.clone();
        zeros.extend([0; 100]);
        let mut wrong = whole.clone();
        *wrong.last_mut().unwrap() ^= 1;
        for (bytes, revision) in [(zeros, 4), (wrong, 3)] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(Journal::open(&path).unwrap().1.revision, revision);
        }
    }

    #[test]
    fn damage_before_sound_records_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects.log");
        written(&path);
        let mut bytes = fs::read(&path).unwrap();
        let at = MAGIC.len() + HEAD + 3;
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { .. })));
        fs::write(&path, b"something else entirely").unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Foreign { .. })));
    }
}
