//! Downloads land in a temporary file without a name, so that nothing is left behind however the process ends.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use complaint_model::Sha256Digest;

use super::super::DatasetError;

/// Greatest download. Larger sets belong on a volume.
const MAX_DOWNLOAD: u64 = 64 << 30;

/// A download in course.
pub(super) struct Download<'d> {
    name: &'d str,
    file: File,
    done: u64,
    total: Option<u64>,
    on_progress: &'d mut dyn FnMut(u64, Option<u64>),
}

impl<'d> Download<'d> {
    /// Nothing has come yet.
    pub(super) fn new(name: &'d str, on_progress: &'d mut dyn FnMut(u64, Option<u64>)) -> Result<Self, DatasetError> {
        let file =
            tempfile::tempfile().map_err(|error| failed(name, format!("no temporary file can be made: {error}")))?;
        Ok(Self {
            name,
            file,
            done: 0,
            total: None,
            on_progress,
        })
    }

    /// Bytes that are here.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// How many bytes there will be, where that is known.
    pub(super) fn expect(&mut self, total: Option<u64>) -> Result<(), DatasetError> {
        self.total = total;
        self.check(total.unwrap_or(0))
    }

    /// Forgets what is here: the source can't go on where it broke off.
    pub(super) fn restart(&mut self) -> Result<(), DatasetError> {
        self.done = 0;
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(|error| self.unwritable(&error))?;
        Ok(())
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        self.check(self.done + bytes.len() as u64)?;
        self.file.write_all(bytes).map_err(|error| self.unwritable(&error))?;
        self.done += bytes.len() as u64;
        (self.on_progress)(self.done, self.total);
        Ok(())
    }

    /// Whether all expected bytes are here.
    pub(super) fn is_complete(&self) -> bool {
        self.total.is_none_or(|total| total == self.done)
    }

    /// The file and the digest of its bytes.
    pub(super) fn finish(mut self) -> Result<(File, Sha256Digest), DatasetError> {
        if let Some(total) = self.total.filter(|total| *total != self.done) {
            let problem = format!("the transfer ended after {} of {total} bytes", self.done);
            return Err(failed(self.name, problem));
        }
        let digest = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| Sha256Digest::of_reader(&mut self.file))
            .map_err(|error| failed(self.name, error.to_string()))?;
        Ok((self.file, digest))
    }

    fn check(&self, bytes: u64) -> Result<(), DatasetError> {
        if bytes <= MAX_DOWNLOAD {
            return Ok(());
        }
        let problem = format!("it has more than {} GiB; put it on a volume", MAX_DOWNLOAD >> 30);
        Err(failed(self.name, problem))
    }

    fn unwritable(&self, error: &std::io::Error) -> DatasetError {
        failed(self.name, format!("the temporary file can't be written: {error}"))
    }
}

/// A transfer that did not come about.
pub(super) fn failed(name: &str, problem: String) -> DatasetError {
    DatasetError::Download {
        name: name.to_owned(),
        problem,
    }
}
