//! A map from pairs of numbers to numbers. It maps an n-gram and its next token to the longer n-gram.

use crate::intern::{NONE, hash_pair};

/// A map from a pair of numbers to a number.
#[derive(Debug, Clone, Default)]
pub(crate) struct PairTable {
    /// Open addressing, at most half full; the value `NONE` marks a free slot.
    slots: Vec<(u64, u32)>,
    used: usize,
    /// A bit for each of `8 × slots` hashes, set if a pair has the hash. Most neighbours in a text are not a pair of
    /// the table. The bits show this with a sixteenth of the table's memory, which stays in the processor's cache.
    present: Vec<u64>,
}

/// A pair as one key.
#[inline]
pub(crate) fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

impl PairTable {
    /// A table for `pairs` pairs.
    pub(crate) fn with_capacity(pairs: usize) -> Self {
        let slots = (pairs * 2).next_power_of_two().max(8);
        Self {
            slots: vec![(0, NONE); slots],
            used: 0,
            present: vec![0; slots / 8],
        }
    }

    /// The number of `key`.
    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<u32> {
        if self.used == 0 {
            return None;
        }
        let hash = hash_pair(key);
        let (word, bit) = self.bit(hash);
        if self.present[word] & bit == 0 {
            return None;
        }
        let (_, value) = self.slots[self.slot(key, hash)];
        (value != NONE).then_some(value)
    }

    /// The number of `key`. A key without a number gets `new`.
    pub(crate) fn get_or_insert(&mut self, key: u64, new: u32) -> u32 {
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let hash = hash_pair(key);
        let slot = self.slot(key, hash);
        if self.slots[slot].1 == NONE {
            self.slots[slot] = (key, new);
            self.used += 1;
            let (word, bit) = self.bit(hash);
            self.present[word] |= bit;
        }
        self.slots[slot].1
    }

    #[inline]
    fn bit(&self, hash: u64) -> (usize, u64) {
        let place = (hash >> 32) as usize;
        (place >> 6 & (self.present.len() - 1), 1 << (place & 63))
    }

    #[inline]
    fn slot(&self, key: u64, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let (found, value) = self.slots[slot];
            if value == NONE || found == key {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let old = std::mem::replace(self, Self::with_capacity(self.slots.len()));
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
