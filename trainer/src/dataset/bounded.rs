//! Limits the size of one record, so that a missing quotation mark or line end does not load a whole file into memory.

use std::cell::Cell;
use std::io::{self, Read};

/// Size of the largest record, in bytes of the unpacked file.
pub(super) const LARGEST_RECORD: u64 = 64 << 20;

/// A reader that fails if a record is too large.
pub(super) struct Bounded<'r> {
    inner: &'r mut dyn Read,
    /// Bytes since the last record ended.
    since: &'r Cell<u64>,
}

impl<'r> Bounded<'r> {
    /// The caller sets `since` to 0 at the end of each record.
    pub(super) fn new(inner: &'r mut dyn Read, since: &'r Cell<u64>) -> Self {
        Self { inner, since }
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > LARGEST_RECORD {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a record does not end"));
        }
        let read = self.inner.read(buffer)?;
        self.since.set(self.since.get() + read as u64);
        Ok(read)
    }
}
