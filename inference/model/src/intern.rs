//! A table that numbers strings. It is append-only. A look-up costs one hash and one comparison.

/// A free slot. In other places, it means "no such id".
pub(crate) const NONE: u32 = u32::MAX;

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xd6e8_feb8_6659_fd93;

#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ K0) * u128::from(b ^ K1);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
fn eight(bytes: &[u8], at: usize) -> u64 {
    let mut chunk = [0; 8];
    chunk.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(chunk)
}

#[inline]
fn four(bytes: &[u8], at: usize) -> u64 {
    let mut chunk = [0; 4];
    chunk.copy_from_slice(&bytes[at..at + 4]);
    u64::from(u32::from_le_bytes(chunk))
}

/// The first and last bytes of a string as two numbers. For up to 16 bytes, they and the length identify the string.
/// For a longer string, the middle is hashed into the second number.
#[inline]
pub(crate) fn ends(bytes: &[u8]) -> (u64, u64) {
    let n = bytes.len();
    match n {
        0 => (0, 0),
        1..=3 => (
            u64::from(bytes[0]) | u64::from(bytes[n / 2]) << 8 | u64::from(bytes[n - 1]) << 16,
            0,
        ),
        4..=8 => (four(bytes, 0) | four(bytes, n - 4) << 32, 0),
        9..=16 => (eight(bytes, 0), eight(bytes, n - 8)),
        _ => {
            let mut middle = eight(bytes, n - 8);
            for chunk in bytes[8..n - 8].chunks_exact(8) {
                middle = mix(middle, eight(chunk, 0));
            }
            // The chunks may leave up to seven bytes before the last eight.
            (eight(bytes, 0), mix(middle, eight(bytes, n - 16)))
        }
    }
}

/// Hash of a string from its [`ends`].
#[inline]
pub(crate) fn hash_ends(a: u64, b: u64, length: usize) -> u64 {
    mix(mix(a, b ^ length as u64), K0)
}

/// Hash of a string; the same on every platform and in every run.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let (a, b) = ends(bytes);
    hash_ends(a, b, bytes.len())
}

/// Hash of a pair of numbers.
#[inline]
pub(crate) fn hash_pair(pair: u64) -> u64 {
    // K1 would cancel out in `mix`.
    mix(pair, K0)
}

/// Distinct strings, numbered from 0 in the order in which they are added.
#[derive(Debug, Clone, Default)]
pub(crate) struct StringTable {
    bytes: String,
    ends: Vec<u32>,
    /// Upper half of the hash, and the id; open addressing, at most half full.
    slots: Vec<(u32, u32)>,
}

impl PartialEq for StringTable {
    fn eq(&self, other: &Self) -> bool {
        // The slots follow from the strings.
        self.bytes == other.bytes && self.ends == other.ends
    }
}

impl StringTable {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.bytes[start as usize..self.ends[id] as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|id| self.get(id))
    }

    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = self.probe(key, hash_bytes(key.as_bytes()));
        let (_, id) = self.slots[slot];
        (id != NONE).then_some(id)
    }

    /// The number of `key`. Adds a new key.
    ///
    /// # Panics
    /// If all strings together take more than 4 GiB.
    pub(crate) fn intern(&mut self, key: &str) -> u32 {
        if (self.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let hash = hash_bytes(key.as_bytes());
        let slot = self.probe(key, hash);
        if self.slots[slot].1 != NONE {
            return self.slots[slot].1;
        }
        let id = self.ends.len() as u32;
        self.bytes.push_str(key);
        let end = u32::try_from(self.bytes.len()).expect("a vocabulary of more than 4 GiB does not fit in 32 bits");
        self.ends.push(end);
        self.slots[slot] = ((hash >> 32) as u32, id);
        id
    }

    /// The slot that holds `key`, or the free slot where it belongs.
    fn probe(&self, key: &str, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let tag = (hash >> 32) as u32;
        let mut slot = hash as usize & mask;
        loop {
            let (found, id) = self.slots[slot];
            if id == NONE || (found == tag && self.get(id) == key) {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(16);
        self.slots = vec![(0, NONE); size];
        for id in 0..self.len() as u32 {
            let hash = hash_bytes(self.get(id).as_bytes());
            let mut slot = hash as usize & (size - 1);
            while self.slots[slot].1 != NONE {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = ((hash >> 32) as u32, id);
        }
    }

    /// The same strings in ascending byte order, and the new number for each old one.
    pub(crate) fn sorted(&self) -> (Self, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| self.get(a).cmp(self.get(b)));
        let mut table = Self::default();
        let mut renumbered = vec![0; order.len()];
        for old in order {
            renumbered[old as usize] = table.intern(self.get(old));
        }
        (table, renumbered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// A hash that puts many keys into few slots makes tables slow but not wrong.
    #[test]
    fn hashes_spread() {
        let spread = |hashes: Vec<u64>| {
            hashes
                .iter()
                .map(|h| h & 0xffff)
                .collect::<std::collections::HashSet<_>>()
                .len()
        };
        let pairs = (0..1u64 << 16).map(|i| hash_pair((i & 0xff) << 32 | i >> 8)).collect();
        let words = (0..1u64 << 16)
            .map(|i| hash_bytes(format!("{i:x}").as_bytes()))
            .collect();
        let long = (0..1u64 << 16)
            .map(|i| hash_bytes(format!("a long common beginning {i:x} and end").as_bytes()))
            .collect();
        // 65,536 balls in as many bins fill 1 - 1/e of the bins, 41,427.
        for hashes in [pairs, words, long] {
            assert!(spread(hashes) > 40_000);
        }
    }

    proptest::proptest! {
        #[test]
        fn behaves_like_a_map(keys in proptest::collection::vec("[ab]{0,40}|[a-z]{0,3}", 0..200)) {
            let mut table = StringTable::default();
            let mut map: HashMap<String, u32> = HashMap::new();
            for key in &keys {
                let next = map.len() as u32;
                let expected = *map.entry(key.clone()).or_insert(next);
                assert_eq!(table.intern(key), expected);
                assert_eq!(table.get(expected), key);
                assert_eq!(table.find(key), Some(expected));
            }
            assert_eq!(table.len(), map.len());
            assert_eq!(table.find("not there"), None);
            let (sorted, renumbered) = table.sorted();
            assert!(sorted.iter().is_sorted());
            for (old, &new) in renumbered.iter().enumerate() {
                assert_eq!(sorted.get(new), table.get(old as u32));
            }
        }

        /// The serving table relies on this: up to 16 bytes it compares no bytes.
        #[test]
        fn ends_tell_short_strings_apart(a in "[ab]{0,16}", b in "[ab]{0,16}") {
            let same = a.len() == b.len() && ends(a.as_bytes()) == ends(b.as_bytes());
            assert_eq!(same, a == b);
        }
    }
}
