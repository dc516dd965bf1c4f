//! Pairs of numbers by number: how an n-gram grows from the one before it.

use crate::intern::{NONE, hash_pair};

/// A map from a pair of numbers to a number.
#[derive(Debug, Clone, Default)]
pub(crate) struct PairTable {
    /// Open addressing, at most half full; the value `NONE` marks a free slot.
    slots: Vec<(u64, u32)>,
    used: usize,
}

/// A pair as one key.
#[inline]
pub(crate) fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

impl PairTable {
    /// A table for `pairs` pairs.
    pub(crate) fn with_capacity(pairs: usize) -> Self {
        Self {
            slots: vec![(0, NONE); (pairs * 2).next_power_of_two().max(2)],
            used: 0,
        }
    }

    /// The number of `key`.
    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<u32> {
        if self.used == 0 {
            return None;
        }
        let (_, value) = self.slots[self.slot(key)];
        (value != NONE).then_some(value)
    }

    /// The number of `key`, which becomes `new` when it has none.
    pub(crate) fn get_or_insert(&mut self, key: u64, new: u32) -> u32 {
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let slot = self.slot(key);
        if self.slots[slot].1 == NONE {
            self.slots[slot] = (key, new);
            self.used += 1;
        }
        self.slots[slot].1
    }

    #[inline]
    fn slot(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash_pair(key) as usize & mask;
        loop {
            let (found, value) = self.slots[slot];
            if value == NONE || found == key {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let old = std::mem::replace(self, Self::with_capacity(self.slots.len().max(8)));
        for (key, value) in old.slots.into_iter().filter(|(_, value)| *value != NONE) {
            self.get_or_insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    proptest::proptest! {
        #[test]
        fn behaves_like_a_map(keys in proptest::collection::vec((0u32..20, 0u32..20), 0..300)) {
            let mut table = PairTable::default();
            let mut map = HashMap::new();
            for (a, b) in keys {
                let new = map.len() as u32;
                let expected = *map.entry((a, b)).or_insert(new);
                assert_eq!(table.get_or_insert(pair(a, b), new), expected);
            }
            for a in 0..20 {
                for b in 0..20 {
                    assert_eq!(table.get(pair(a, b)), map.get(&(a, b)).copied());
                }
            }
        }
    }
}
