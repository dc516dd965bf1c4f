//! Weights in memory.

use std::ops::{Deref, DerefMut};

/// Bytes in a cache line.
const LINE: usize = 64;
/// Numbers in a cache line.
const NUMBERS: usize = LINE / size_of::<f32>();

/// Numbers that begin where a cache line begins. A vector that crosses two lines takes twice the time: with eight weights per
/// term and half of them across lines, the support vector machine took a quarter more.
#[derive(Debug)]
pub(super) struct Aligned {
    numbers: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// So many zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let numbers = vec![0.0_f32; len + NUMBERS - 1];
        // The standard library does not promise an offset. Without one, everything works, but more slowly.
        let start = numbers.as_ptr().align_offset(LINE);
        Self {
            start: if start < NUMBERS { start } else { 0 },
            numbers,
            len,
        }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    #[inline(always)]
    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_with_a_cache_line() {
        for len in [0, 1, 15, 16, 100_000] {
            let mut numbers = Aligned::zeros(len);
            assert_eq!(*numbers, vec![0.0; len]);
            assert_eq!(numbers.as_ptr() as usize % LINE, 0);
            numbers.fill(2.0);
            assert_eq!(*numbers, vec![2.0; len]);
        }
    }
}
