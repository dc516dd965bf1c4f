//! A store on a volume.
//!
//! Every file is written under a temporary name, flushed to the disk and renamed; `modelversion.yaml` comes last. So a
//! reader never meets half a file, and a directory without its last file is known to be incomplete and written again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use complaint_model::Sha256Digest;

use super::{Files, MODEL, RECORD, REPORT, REPORT_PAGE, StoreError};

/// Whether a version is there with its last file.
pub fn is_complete(directory: &Path) -> bool {
    directory.join(RECORD).is_file()
}

/// Writes a version unless it is there already. The digest of the report that stands in the directory afterwards is
/// returned: an equal model from an earlier run keeps its report.
///
/// # Errors
/// [`StoreError`].
pub fn write(directory: &Path, files: &Files) -> Result<Sha256Digest, StoreError> {
    if is_complete(directory) {
        let path = directory.join(REPORT);
        let report = fs::read(&path).map_err(|source| StoreError::File {
            action: "reading",
            path,
            source,
        })?;
        return Ok(Sha256Digest::of_bytes(&report));
    }
    replace(directory, files)?;
    Ok(Sha256Digest::of_bytes(&files.report))
}

/// Writes a version over whatever is there.
///
/// # Errors
/// [`StoreError`].
pub fn replace(directory: &Path, files: &Files) -> Result<(), StoreError> {
    fs::create_dir_all(directory).map_err(|source| StoreError::File {
        action: "making the directory",
        path: directory.to_owned(),
        source,
    })?;
    let record = directory.join(RECORD);
    match fs::remove_file(&record) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(StoreError::File {
                action: "replacing",
                path: record,
                source,
            });
        }
        _ => {}
    }
    write_file(directory, MODEL, &files.model)?;
    write_file(directory, REPORT, &files.report)?;
    write_file(directory, REPORT_PAGE, &files.page)?;
    sync_directory(directory)?;
    write_file(directory, RECORD, files.record.as_bytes())?;
    sync_directory(directory)
}

fn write_file(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let path = directory.join(name);
    let failed = |action| {
        let path = path.clone();
        move |source| StoreError::File { action, path, source }
    };
    let mut file = tempfile::Builder::new()
        .prefix(".partial-")
        .tempfile_in(directory)
        .map_err(failed("creating"))?;
    file.write_all(bytes).map_err(failed("writing"))?;
    set_readable(file.as_file()).map_err(failed("setting the mode of"))?;
    file.as_file().sync_all().map_err(failed("flushing"))?;
    file.persist(&path)
        .map_err(|error| failed("renaming to")(error.error))?;
    Ok(())
}

/// Temporary files are private; the server may run as another user.
#[cfg(unix)]
fn set_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// Makes renames last; a file system that can't flush a directory has nothing to lose there.
fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    let file = File::open(directory).map_err(|source| StoreError::File {
        action: "opening",
        path: directory.to_owned(),
        source,
    })?;
    match file.sync_all() {
        Err(source) if source.kind() == io::ErrorKind::StorageFull => Err(StoreError::File {
            action: "flushing",
            path: directory.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
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
        let directory = root.path().join("default/cards/abc");
        write(&directory, &files("first")).unwrap();
        let kept = write(&directory, &files("second")).unwrap();
        assert_eq!(kept, Sha256Digest::of_bytes(b"first"));
        fs::remove_file(directory.join(RECORD)).unwrap();
        let written = write(&directory, &files("second")).unwrap();
        assert_eq!(written, Sha256Digest::of_bytes(b"second"));
        let mut names: Vec<String> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [MODEL, RECORD, REPORT_PAGE, REPORT]);
    }

    #[test]
    fn a_store_that_is_a_file_is_named() {
        let root = tempfile::NamedTempFile::new().unwrap();
        let error = write(&root.path().join("default"), &files("x"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(root.path().to_str().unwrap()) && error.contains("volume"),
            "{error}"
        );
    }
}
