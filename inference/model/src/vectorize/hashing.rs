//! The hash that puts n-grams into buckets.
//!
//! The hash is part of the meaning of a model's `features.hashingBits`: a model counts buckets and never knows their
//! n-grams, so another hash would make all of its weights meaningless. A test checks recorded values. A new hash needs
//! a new [`PIPELINE_VERSION`](crate::text::PIPELINE_VERSION).
//!
//! Strings are hashed with 64-bit FNV-1a and finished with MurmurHash3's mixer. FNV-1a alone leaves the high bits,
//! which choose the bucket, nearly alike for short strings. Counts are added up without signs (Weinberger et al. 2009
//! draw a sign for each n-gram), because inverse document frequency and unit length need counts above 0.

/// Combines the hash of an n-gram with its next token. Odd, from the digits of the golden ratio.
const COMBINE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of a token.
pub(crate) fn token_hash(token: &str) -> u32 {
    (string_hash(token) >> 32) as u32
}

/// The hash of the n-gram of one token.
#[inline]
pub(super) fn one_token(token: u32) -> u64 {
    u64::from(token) << 32
}

/// The hash of the n-gram `ngram` extended by `token`.
#[inline]
pub(super) fn longer(ngram: u64, token: u32) -> u64 {
    mix((ngram ^ u64::from(token)).wrapping_mul(COMBINE))
}

/// The hash of a character n-gram.
pub(super) fn characters_hash(ngram: &str) -> u64 {
    string_hash(ngram)
}

/// The bucket of an n-gram, below `2^bits`.
#[inline]
pub(super) fn bucket(ngram: u64, bits: u8) -> u32 {
    (ngram >> (64 - u32::from(bits))) as u32
}

/// Calls `each` with the bucket of every n-gram of `low..=high` tokens, the position of its first token and its length.
#[inline]
pub(super) fn each_bucket(tokens: &[u32], [low, high]: [usize; 2], bits: u8, mut each: impl FnMut(u32, usize, usize)) {
    for start in 0..tokens.len() {
        let mut ngram = one_token(tokens[start]);
        for (length, place) in (1..=high).zip(start..tokens.len()) {
            if length > 1 {
                ngram = longer(ngram, tokens[place]);
            }
            if length >= low {
                each(bucket(ngram, bits), start, length);
            }
        }
    }
}

fn string_hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

#[inline]
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values were recorded when the hash was chosen. A change here makes every hashed model unusable.
    #[test]
    fn hashes_are_frozen() {
        assert_eq!(["", "fee", "late", "na\u{ef}ve"].map(token_hash), TOKENS);
        let characters = [" fe", "fee ", "\u{e9}"].map(|ngram| bucket(characters_hash(ngram), 24));
        assert_eq!(characters, CHARACTERS);
        let tokens = ["late", "fee", "late"].map(token_hash);
        let mut buckets = Vec::new();
        each_bucket(&tokens, [1, 3], 24, |bucket, start, length| {
            buckets.push((start, length, bucket))
        });
        assert_eq!(buckets, NGRAMS);
    }

    const TOKENS: [u32; 4] = [4_023_394_144, 3_486_744_994, 858_709_962, 455_190_424];
    const CHARACTERS: [u32; 3] = [3_493_858, 9_631_481, 10_311_116];
    const NGRAMS: [(usize, usize, u32); 6] = [
        (0, 1, 3_354_335),
        (0, 2, 11_150_437),
        (0, 3, 6_833_266),
        (1, 1, 13_620_097),
        (1, 2, 7_976_587),
        (2, 1, 3_354_335),
    ];

    #[test]
    fn fewer_bits_are_the_first_of_more() {
        let hash = longer(one_token(token_hash("late")), token_hash("fee"));
        assert_eq!(bucket(hash, 10), bucket(hash, 24) >> 14);
    }

    #[test]
    fn lengths_and_places() {
        let all = |tokens: &[u32], range| {
            let mut found = Vec::new();
            each_bucket(tokens, range, 20, |_, start, length| found.push((start, length)));
            found
        };
        assert_eq!(all(&[1, 2, 3], [2, 3]), [(0, 2), (0, 3), (1, 2)]);
        assert_eq!(all(&[1], [1, 2]), [(0, 1)]);
        assert_eq!(all(&[1, 2], [3, 3]), []);
        assert_eq!(all(&[], [1, 2]), []);
    }

    /// Balls into bins: a hash that prefers some buckets would lose n-grams to collisions.
    #[test]
    fn buckets_are_even() {
        let tokens: Vec<u32> = (0..1u32 << 14).map(|i| token_hash(&format!("w{i:x}"))).collect();
        let distinct = |ngrams: &mut dyn Iterator<Item = u64>| {
            ngrams
                .map(|ngram| bucket(ngram, 14))
                .collect::<std::collections::HashSet<_>>()
                .len()
        };
        let single = distinct(&mut tokens.iter().map(|&token| one_token(token)));
        let pairs = distinct(&mut tokens.windows(2).map(|pair| longer(one_token(pair[0]), pair[1])));
        let characters = distinct(&mut (0..1u32 << 14).map(|i| characters_hash(&format!("{i:03x}"))));
        // As many balls as bins fill 1 - 1/e of the bins, 10,357. The standard deviation is about 50.
        for filled in [single, pairs, characters] {
            assert!((10_100..10_600).contains(&filled), "{filled}");
        }
    }
}
