//! Downloads with limits on size and time.

use bytes::{Bytes, BytesMut};

use crate::address::Address;
use crate::bounds::Bounds;
use crate::error::Fault;
use crate::purpose::Purpose;
use crate::{object, web};

/// Receives the bytes of a transfer.
pub trait Sink: Send {
    /// Announces the total number of bytes, if known. Called before the first byte, and again after a restart.
    fn expect(&mut self, total: Option<u64>);

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Fault::Sink`] if the bytes can't be stored; the transfer ends.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Fault>;

    /// Discards all bytes so far, because the source can't resume.
    ///
    /// # Errors
    /// [`Fault::Sink`]; the transfer ends.
    fn restart(&mut self) -> Result<(), Fault>;
}

/// Downloads an address into `sink`.
///
/// # Errors
/// See [`Fault`]. Transient faults have been retried within the bounds.
pub async fn fetch(address: &Address, purpose: Purpose, bounds: &Bounds, sink: &mut dyn Sink) -> Result<(), Fault> {
    let mut transfer = Transfer {
        sink,
        bounds,
        done: 0,
        total: None,
    };
    let fetching = async {
        match address {
            Address::Web(url) => web::fetch(url, purpose, &mut transfer).await,
            Address::Object(address) => object::fetch(address, purpose, &mut transfer).await,
        }
    };
    match tokio::time::timeout(bounds.time, fetching).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Fault::TimedOut {
            seconds: bounds.time.as_secs().max(1),
            fix: bounds.longer,
        }),
    }
}

/// Downloads an address into memory.
///
/// # Errors
/// As [`fetch`].
pub async fn read(address: &Address, purpose: Purpose, bounds: &Bounds) -> Result<Bytes, Fault> {
    let mut memory = Memory(BytesMut::new());
    fetch(address, purpose, bounds, &mut memory).await?;
    Ok(memory.0.freeze())
}

/// A transfer in progress. It counts bytes and enforces the size limit.
pub(crate) struct Transfer<'t> {
    sink: &'t mut dyn Sink,
    pub(crate) bounds: &'t Bounds,
    done: u64,
    total: Option<u64>,
}

impl Transfer<'_> {
    /// Number of bytes received.
    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    pub(crate) fn expect(&mut self, total: Option<u64>) -> Result<(), Fault> {
        self.check(total.unwrap_or(0))?;
        self.total = total;
        self.sink.expect(total);
        Ok(())
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.check(self.done + bytes.len() as u64)?;
        self.sink.push(bytes)?;
        self.done += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn restart(&mut self) -> Result<(), Fault> {
        self.done = 0;
        self.sink.restart()
    }

    /// Whether all expected bytes are received.
    pub(crate) fn is_complete(&self) -> bool {
        self.total.is_none_or(|total| total == self.done)
    }

    /// The fault of a transfer that ended before its last byte.
    pub(crate) fn broke_off(&self, why: &str) -> Fault {
        let problem = match self.total {
            Some(total) => format!("the transfer broke off after {} of {total} bytes: {why}", self.done),
            None => format!("the transfer broke off after {} bytes: {why}", self.done),
        };
        Fault::Unavailable { problem }
    }

    fn check(&self, bytes: u64) -> Result<(), Fault> {
        if bytes <= self.bounds.bytes {
            return Ok(());
        }
        Err(Fault::TooLarge {
            limit: self.bounds.bytes,
            fix: self.bounds.larger,
        })
    }
}

/// Maximum number of bytes of memory to reserve in advance.
const RESERVED: u64 = 256 << 20;

struct Memory(BytesMut);

impl Sink for Memory {
    fn expect(&mut self, total: Option<u64>) {
        // A server may announce any size.
        let more = total.unwrap_or(0).saturating_sub(self.0.len() as u64).min(RESERVED);
        self.0.reserve(usize::try_from(more).unwrap_or(0));
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn restart(&mut self) -> Result<(), Fault> {
        self.0.clear();
        Ok(())
    }
}
