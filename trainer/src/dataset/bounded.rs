//! A bound on one record, so that a missing quotation mark or line end does not bring a whole file into memory.

use std::cell::Cell;
use std::io::{self, Read};

/// Greatest record, in bytes of the unpacked file.
pub(super) const LARGEST_RECORD: u64 = 64 << 20;

/// Reads on as long as records end.
pub(super) struct Bounded<'r> {
    inner: &'r mut dyn Read,
    /// Bytes since the last record ended.
    since: &'r Cell<u64>,
}

impl<'r> Bounded<'r> {
    /// `since` is set to 0 by whoever sees the end of a record.
    pub(super) fn new(inner: &'r mut dyn Read, since: &'r Cell<u64>) -> Self {
        Self { inner, since }
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > LARGEST_RECORD {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "no end of a record"));
        }
        let read = self.inner.read(buffer)?;
        self.since.set(self.since.get() + read as u64);
        Ok(read)
    }
}
