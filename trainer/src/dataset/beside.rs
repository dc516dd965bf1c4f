//! What the rows of a data set are compared with while they are read.

use complaint_model::Sha256Digest;
use rustc_hash::{FxHashMap, FxHashSet};

/// Split keys of rows that another source holds out.
#[derive(Debug)]
pub struct HeldOutKeys {
    /// The keys.
    pub keys: FxHashSet<u64>,
    /// Their seed.
    pub seed: u64,
}

/// Texts that were corrected: the number of the correction by half of the text's digest.
#[derive(Debug, Default)]
pub struct CorrectedTexts(FxHashMap<u128, u32>);

impl CorrectedTexts {
    /// The texts with these digests, numbered in their order.
    pub fn of(digests: &[Sha256Digest]) -> Self {
        Self(digests.iter().map(half).zip(0..).collect())
    }

    /// The number of the text with this [`text_digest`].
    pub(super) fn number(&self, digest: u128) -> Option<u32> {
        self.0.get(&digest).copied()
    }
}

/// What the rows of a source are compared with while they are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'c> {
    /// Rows with one of these keys are left out.
    pub held_out: Option<&'c HeldOutKeys>,
    /// Rows with one of these texts are noted.
    pub corrected: Option<&'c CorrectedTexts>,
}

/// Half of a text's SHA-256. It is long enough that no two texts have the same digest, even if somebody tries to
/// construct them.
pub(super) fn text_digest(text: &str) -> u128 {
    half(&Sha256Digest::of_bytes(text.as_bytes()))
}

fn half(digest: &Sha256Digest) -> u128 {
    let (half, _) = digest.as_bytes().split_at(16);
    half.iter().fold(0, |number, &byte| number << 8 | u128::from(byte))
}
