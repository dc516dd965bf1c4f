//! A store on a volume.
//!
//! Every file is written under a temporary name, flushed to disk and renamed, in order. So a reader never sees a
//! partial file, and a folder without its last file is known to be incomplete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use object_store::path::Path as StorePath;

use crate::error::{Fault, StoreError};
use crate::layout::RECORD;
use crate::store::Entry;

/// Prefix of the names of partial files, which an interrupted program leaves behind.
const PARTIAL: &str = ".partial-";

/// The path of a file of the store on the volume.
pub(crate) fn file(root: &Path, path: &StorePath) -> PathBuf {
    path.parts()
        .fold(root.to_owned(), |file, part| file.join(part.as_ref()))
}

pub(crate) fn read(root: &Path, path: &StorePath) -> Result<Option<Bytes>, StoreError> {
    let file = file(root, path);
    match fs::read(&file) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(failed("reading", &file, error)),
    }
}

pub(crate) fn open(root: &Path, path: &StorePath) -> Result<Option<File>, StoreError> {
    let file = file(root, path);
    match File::open(&file) {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(failed("opening", &file, error)),
    }
}

pub(crate) fn write(root: &Path, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
    let file = file(root, path);
    let directory = file.parent().unwrap_or(root);
    make(directory)?;
    write_file(directory, &file, bytes)?;
    sync(directory)
}

/// Waits until no other program changes a file of the same folder, if the file system supports locks. The lock ends
/// when the returned file is closed or the program ends.
pub(crate) fn lock(root: &Path, path: &StorePath) -> Result<File, StoreError> {
    let file = file(root, path);
    let directory = file.parent().unwrap_or(root);
    make(directory)?;
    let opened = File::open(directory).map_err(|error| failed("opening", directory, error))?;
    if let Err(error) = opened.lock() {
        tracing::info!(%error, folder = %directory.display(), "this file system has no locks");
    }
    Ok(opened)
}

pub(crate) fn replace(root: &Path, folder: &StorePath, files: &[(String, Bytes)]) -> Result<(), StoreError> {
    let directory = file(root, folder);
    make(&directory)?;
    let Some(((last, last_bytes), others)) = files.split_last() else {
        return Ok(());
    };
    remove(&directory.join(last), "replacing")?;
    for (name, bytes) in others {
        write_file(&directory, &directory.join(name), bytes)?;
    }
    sync(&directory)?;
    write_file(&directory, &directory.join(last), last_bytes)?;
    sync(&directory)
}

pub(crate) fn list(root: &Path, folder: &StorePath) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    let mut folders = vec![file(root, folder)];
    while let Some(folder) = folders.pop() {
        let listed = match fs::read_dir(&folder) {
            Ok(listed) => listed,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(failed("listing", &folder, error)),
        };
        for entry in listed {
            let entry = entry.map_err(|error| failed("listing", &folder, error))?;
            // Don't follow symbolic links: they may lead out of the store.
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(failed("listing", &entry.path(), error)),
            };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() && !entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                entries.push(Entry {
                    path: name(root, &entry.path()),
                    size: metadata.len(),
                });
            }
        }
    }
    Ok(entries)
}

pub(crate) fn delete(root: &Path, path: &StorePath) -> Result<(), StoreError> {
    let place = file(root, path);
    // Delete a symbolic link itself, but not its target, which may be outside the store.
    if !fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_dir()) {
        return remove(&place, "deleting");
    }
    remove(&place.join(RECORD), "deleting")?;
    sync(&place)?;
    match fs::remove_dir_all(&place) {
        Err(error) if !is_absent(&error) => Err(failed("deleting", &place, error)),
        _ => Ok(()),
    }
}

/// Makes a file to append to, and its directories. Only the owner and the group may read it.
pub(crate) fn create(path: &Path) -> Result<File, StoreError> {
    let directory = path.parent().unwrap_or(path);
    make(directory)?;
    let mut options = File::options();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path).map_err(|error| failed("creating", path, error))
}

/// Appends to a file and flushes it to disk. Bytes of a file that somebody has deleted are lost, which is an error.
pub(crate) fn append(file: &mut File, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    file.write_all(bytes).map_err(|error| failed("writing", path, error))?;
    file.sync_data().map_err(|error| failed("flushing", path, error))?;
    if is_deleted(file) {
        let error = io::Error::new(io::ErrorKind::NotFound, "the file was deleted meanwhile");
        return Err(failed("writing", path, error));
    }
    Ok(())
}

/// Whether an open file has no name any more.
#[cfg(unix)]
fn is_deleted(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

#[cfg(not(unix))]
fn is_deleted(_: &File) -> bool {
    false
}

/// Makes a file's name durable, and those of its directories below the root.
pub(crate) fn sync_parents(root: &Path, path: &Path) -> Result<(), StoreError> {
    let directories = path.ancestors().skip(1);
    directories
        .take_while(|directory| directory.starts_with(root))
        .try_for_each(sync)
}

/// A file's path from the root, with `/` between its parts.
fn name(root: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(root).unwrap_or(file);
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn failed(action: &'static str, path: &Path, error: io::Error) -> StoreError {
    Fault::File(error).when(action, path.display().to_string())
}

fn make(directory: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(directory).map_err(|error| failed("making the directory", directory, error))
}

fn remove(file: &Path, action: &'static str) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(error) if !is_absent(&error) => Err(failed(action, file, error)),
        _ => Ok(()),
    }
}

fn write_file(directory: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let failed = |action| move |error| failed(action, path, error);
    let mut file = tempfile::Builder::new()
        .prefix(PARTIAL)
        .tempfile_in(directory)
        .map_err(failed("creating"))?;
    file.write_all(bytes).map_err(failed("writing"))?;
    set_readable(file.as_file()).map_err(failed("setting the mode of"))?;
    file.as_file().sync_all().map_err(failed("flushing"))?;
    file.persist(path).map_err(|error| failed("renaming to")(error.error))?;
    Ok(())
}

/// Makes a file readable for all: temporary files are private, but the server may run as another user.
#[cfg(unix)]
fn set_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// Makes renames durable. File systems that can't flush a directory don't need it.
fn sync(directory: &Path) -> Result<(), StoreError> {
    let file = File::open(directory).map_err(|error| failed("opening", directory, error))?;
    match file.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(failed("flushing", directory, error)),
        _ => Ok(()),
    }
}
