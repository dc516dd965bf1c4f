//! Limits how many bytes of requests and responses the server holds at once.
//!
//! Small requests always pass: the first [`FREE`] bytes of each body and response don't count, because the limit on
//! connections bounds their number. All further bytes come from one budget. A request that would exceed the budget is
//! refused at once. This bounds the memory even if many clients send large bodies slowly or read large responses
//! slowly.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::core::refusal::Refusal;

/// Bytes of a body or a response that don't count.
pub const FREE: usize = 16 << 10;
/// The budget's unit in bytes. The semaphore's permits are counted in 32 bits, so the unit is larger than one byte.
const UNIT: usize = 1 << 10;

/// The memory budget.
#[derive(Debug)]
pub struct Memory {
    units: Arc<Semaphore>,
    total: usize,
}

/// A part of the budget. Dropping it returns it.
#[derive(Debug, Default)]
pub struct Held(Option<OwnedSemaphorePermit>);

impl Memory {
    /// A budget of `bytes` bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let total = bytes
            .div_ceil(UNIT)
            .clamp(1, (u32::MAX as usize).min(Semaphore::MAX_PERMITS));
        Self {
            units: Arc::new(Semaphore::new(total)),
            total,
        }
    }

    /// Extends `held` to cover `bytes`. A request for more than the whole budget gets the whole budget.
    ///
    /// # Errors
    /// [`Refusal::MemoryTaken`] when too much of the budget is in use.
    pub fn grow(&self, held: &mut Held, bytes: usize) -> Result<(), Refusal> {
        let wanted = bytes.saturating_sub(FREE).div_ceil(UNIT).min(self.total);
        let more = wanted.saturating_sub(held.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let part = Arc::clone(&self.units)
            .try_acquire_many_owned(more)
            .map_err(|_| self.refusal())?;
        match &mut held.0 {
            Some(held) => held.merge(part),
            None => held.0 = Some(part),
        }
        Ok(())
    }

    /// The refusal for an exhausted budget.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::MemoryTaken {
            limit: self.total * UNIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_parts_are_free_and_large_ones_share_the_budget() {
        let memory = Memory::new(100 * UNIT);
        let (mut first, mut second, mut small) = (Held::default(), Held::default(), Held::default());
        memory.grow(&mut first, FREE + 10 * UNIT).unwrap();
        memory.grow(&mut first, FREE + 60 * UNIT).unwrap();
        memory.grow(&mut first, 1).unwrap();
        assert!(memory.grow(&mut second, FREE + 41 * UNIT).is_err());
        memory.grow(&mut small, FREE).unwrap();
        drop(first);
        memory.grow(&mut second, FREE + 41 * UNIT).unwrap();
    }

    #[test]
    fn one_part_may_have_all() {
        let memory = Memory::new(10 * UNIT);
        let mut all = Held::default();
        memory.grow(&mut all, 1 << 40).unwrap();
        assert!(memory.grow(&mut Held::default(), FREE + 1).is_err());
    }
}
