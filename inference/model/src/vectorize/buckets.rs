//! Buckets as terms: their names, and the map from an n-gram's bucket to its column.

use super::characters::each_ngram;
use super::hashing::{bucket, characters_hash, each_bucket};
use super::vocabulary::{TermKind, Vocabulary};
use crate::pipeline::Features;

/// First character of a bucket's name. Tokens are letters and digits, so none begins with it.
const PREFIX: char = '#';
/// Hexadecimal digits of a bucket's name. Six digits hold 24 bits. The number is fixed, so names sort as buckets do.
const DIGITS: usize = 6;

/// The name of a bucket in a vocabulary, such as `#0012ab`.
pub(super) fn bucket_name(bucket: u32) -> String {
    format!("{PREFIX}{bucket:0DIGITS$x}")
}

/// Parses a name into a bucket below `2^bits`.
fn parse_bucket(name: &str, bits: u8) -> Option<u32> {
    let digits = name.strip_prefix(PREFIX).filter(|digits| digits.len() == DIGITS)?;
    if !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u32::from_str_radix(digits, 16)
        .ok()
        .filter(|bucket| bucket >> bits == 0)
}

/// The first term of `vocabulary` that is not a bucket below `2^bits`.
pub(crate) fn first_other_than_bucket(vocabulary: &Vocabulary, bits: u8) -> Option<u32> {
    (0..vocabulary.len() as u32).find(|&term| parse_bucket(vocabulary.term(term), bits).is_none())
}

/// A model's buckets as tables. A token's number is its hash.
#[derive(Debug, Clone)]
pub(crate) struct BucketLookup {
    bits: u8,
    word_ngrams: [usize; 2],
    char_ngrams: Option<[usize; 2]>,
    words: BucketColumns,
    characters: BucketColumns,
}

impl BucketLookup {
    pub(super) fn new(vocabulary: &Vocabulary, features: &Features, bits: u8) -> Self {
        Self {
            bits,
            word_ngrams: features.word_ngrams,
            char_ngrams: features.char_ngrams,
            words: BucketColumns::new(vocabulary, TermKind::Words, bits),
            characters: BucketColumns::new(vocabulary, TermKind::Characters, bits),
        }
    }

    #[inline]
    pub(super) fn each_word_ngram(&self, tokens: &[u32], mut each: impl FnMut(u32, usize, usize)) {
        each_bucket(tokens, self.word_ngrams, self.bits, |bucket, start, length| {
            if let Some(column) = self.words.column(bucket) {
                each(column, start, length);
            }
        });
    }

    /// Counts the tokens that are in no known n-gram of the shortest length. With single words, these are the tokens
    /// with a bucket that the model does not use.
    pub(super) fn unknown_tokens(&self, tokens: &[u32]) -> usize {
        let shortest = self.word_ngrams[0];
        let (mut unknown, mut covered) = (tokens.len(), 0);
        each_bucket(tokens, [shortest; 2], self.bits, |bucket, start, length| {
            if self.words.column(bucket).is_some() {
                unknown -= start + length - covered.max(start);
                covered = start + length;
            }
        });
        unknown
    }

    #[inline]
    pub(super) fn each_character_ngram(&self, part: &str, padded: &mut String, mut each: impl FnMut(u32, &str)) {
        let Some(range) = self.char_ngrams else { return };
        each_ngram(part, range, padded, |ngram| {
            if let Some(column) = self.characters.column(bucket(characters_hash(ngram), self.bits)) {
                each(column, ngram);
            }
        });
    }

    pub(super) fn has_characters(&self) -> bool {
        self.char_ngrams.is_some()
    }
}

/// Maps buckets to columns: one bit per bucket, and one column per block of 64 buckets. (Columns ascend with buckets,
/// so a column is a count of bits.) It takes at most an eighth of the memory of a table of columns, so it stays in the
/// processor's cache, and a small file can't ask for much memory.
#[derive(Debug, Clone)]
pub(super) struct BucketColumns {
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Block {
    used: u64,
    /// The column of the block's first used bucket.
    first: u32,
}

impl BucketColumns {
    /// Makes the map for the terms of one kind. A term that is not a bucket has no column.
    pub(super) fn new(vocabulary: &Vocabulary, kind: TermKind, bits: u8) -> Self {
        let mut blocks = vec![Block::default(); (1 << bits) / 64];
        let terms = match kind {
            TermKind::Words => 0..vocabulary.word_terms() as u32,
            TermKind::Characters => vocabulary.word_terms() as u32..vocabulary.len() as u32,
        };
        let mut column = terms.start;
        for bucket in terms.filter_map(|term| parse_bucket(vocabulary.term(term), bits)) {
            blocks[bucket as usize >> 6].used |= 1 << (bucket & 63);
        }
        for block in &mut blocks {
            block.first = column;
            column += block.used.count_ones();
        }
        Self { blocks }
    }

    #[inline]
    pub(super) fn column(&self, bucket: u32) -> Option<u32> {
        let block = self.blocks[bucket as usize >> 6];
        let bit = 1_u64 << (bucket & 63);
        (block.used & bit != 0).then(|| block.first + (block.used & (bit - 1)).count_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(bucket_name(0x12ab), "#0012ab");
        assert_eq!(parse_bucket("#0012ab", 13), Some(0x12ab));
        for other in [
            "#0012ab",
            "0012ab",
            "#12ab",
            "#0012AB",
            "#+012ab",
            "#00012ab",
            "",
            "#",
            "#\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(parse_bucket(other, 12), None, "{other}");
        }
        assert!(bucket_name(0xff) < bucket_name(0x100) && bucket_name((1 << 24) - 1).len() == 7);
    }

    #[test]
    fn columns_are_the_vocabularys() {
        let mut vocabulary = Vocabulary::default();
        let (words, characters) = ([0_u32, 5, 63, 64, 1023], [1_u32, 64, 700]);
        for (kind, buckets) in [(TermKind::Words, &words[..]), (TermKind::Characters, &characters[..])] {
            for &bucket in buckets {
                vocabulary.push(kind, [bucket_name(bucket).as_str()]);
            }
        }
        let of_words = BucketColumns::new(&vocabulary, TermKind::Words, 10);
        let of_characters = BucketColumns::new(&vocabulary, TermKind::Characters, 10);
        for bucket in 0..1024 {
            let place = |buckets: &[u32]| buckets.iter().position(|&b| b == bucket).map(|place| place as u32);
            assert_eq!(of_words.column(bucket), place(&words));
            assert_eq!(of_characters.column(bucket), place(&characters).map(|place| place + 5));
        }
        assert_eq!(first_other_than_bucket(&vocabulary, 10), None);
        assert_eq!(first_other_than_bucket(&vocabulary, 9), Some(4));
    }
}
