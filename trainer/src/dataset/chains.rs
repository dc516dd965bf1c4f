//! Finds rows by the hash of their text, with twelve bytes per row.

use rustc_hash::FxHashMap;

/// Marks the end of a chain.
const NONE: u32 = u32::MAX;

/// For each hash, the rows that have it, starting with the last.
#[derive(Debug, Default)]
pub(super) struct Chains {
    last: FxHashMap<u64, u32>,
    /// For each row, the previous row with the same hash.
    previous: Vec<u32>,
}

impl Chains {
    /// The rows with this hash.
    pub(super) fn rows(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let mut next = self.last.get(&hash).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let row = (next != NONE).then_some(next)?;
            next = self.previous[row as usize];
            Some(row)
        })
    }

    /// Adds the next row.
    pub(super) fn push(&mut self, hash: u64) {
        let row = self.previous.len() as u32;
        self.previous.push(self.last.insert(hash, row).unwrap_or(NONE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_hash_are_chained() {
        let mut chains = Chains::default();
        for hash in [7, 8, 7, 7] {
            chains.push(hash);
        }
        assert_eq!(chains.rows(7).collect::<Vec<_>>(), [3, 2, 0]);
        assert_eq!(chains.rows(8).collect::<Vec<_>>(), [1]);
        assert_eq!(chains.rows(9).count(), 0);
    }
}
