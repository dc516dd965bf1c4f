//! Counts buckets while texts are read.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::characters::each_ngram;
use super::counts::TermCounts;
use super::hashing::{bucket, characters_hash, each_bucket, token_hash};
use super::weighting::MAX_COUNT;
use crate::corpus::TokenizedCorpus;
use crate::intern::NONE;
use crate::pipeline::Features;

/// Documents counted together.
const DOCUMENTS_AT_ONCE: usize = 256;

/// How often each bucket occurs in each document. Texts are given in batches and need not be kept, so making
/// [`TermCounts`] this way takes memory that does not grow with the vocabulary.
///
/// ```
/// use complaint_model::vectorize::{HashedCounts, TermCounts, TokenizedCorpus};
/// use complaint_model::{Features, Preprocessing, text::TextPipeline};
///
/// let pipeline = TextPipeline::new(&Preprocessing::default())?;
/// let features = Features { hashing_bits: Some(18), ..Features::default() };
/// let mut counts = HashedCounts::new(&features);
/// for batch in [["late fee", "a copy"], ["late payment fee", "card stolen"]] {
///     counts.add(&TokenizedCorpus::build(&pipeline, &batch));
/// }
/// let counts = counts.finish(&[true, false, true, true]);
/// let fold = counts.fit(&[0, 1], &features);
/// assert_eq!(fold.len(), 2); // the buckets of `fee` and `late`
/// # Ok::<(), complaint_model::pipeline::InvalidSetting>(())
/// ```
#[derive(Debug, Clone)]
pub struct HashedCounts {
    features: Features,
    bits: u8,
    counted: Counted,
}

/// The buckets of some documents, document by document, ascending within each, and how often each occurs there. Buckets
/// of characters are numbered after those of words.
#[derive(Debug, Clone)]
struct Counted {
    buckets: Vec<u32>,
    counts: Vec<u16>,
    /// Where each document begins, and the end of the last.
    offsets: Vec<usize>,
}

impl HashedCounts {
    /// A counter without documents.
    ///
    /// # Panics
    /// If [`Features::hashing_bits`] is not set.
    pub fn new(features: &Features) -> Self {
        let bits = features
            .hashing_bits
            .expect("buckets are counted only with hashing bits");
        Self {
            features: features.clone(),
            bits,
            counted: Counted::default(),
        }
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.counted.offsets.len() - 1
    }

    /// Whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the documents of `corpus` on all threads of the current rayon pool, and appends them to the documents
    /// that were added before.
    pub fn add(&mut self, corpus: &TokenizedCorpus) {
        self.add_some(corpus, |_| true);
    }

    /// Adds the documents of `corpus`. Documents that are not wanted have no terms.
    fn add_some(&mut self, corpus: &TokenizedCorpus, wanted: impl Fn(usize) -> bool + Sync) {
        let hashes = Hashes::of(corpus, &self.features, self.bits);
        let first_characters = 1 << self.bits;
        let documents: Vec<usize> = (0..corpus.len()).collect();
        let counted: Vec<Counted> = documents
            .par_chunks(DOCUMENTS_AT_ONCE)
            .map(|documents| {
                let (mut counted, mut buffers) = (Counted::default(), Buffers::default());
                for &document in documents {
                    if wanted(document) {
                        hashes.words(corpus, document, &mut buffers);
                        counted.push_runs(&mut buffers.found, 0);
                        hashes.characters(corpus, document, &mut buffers.found);
                        counted.push_runs(&mut buffers.found, first_characters);
                    }
                    counted.offsets.push(counted.buckets.len());
                }
                counted
            })
            .collect();
        counted.into_iter().for_each(|counted| self.counted.append(&counted));
    }

    /// Returns the counts of the documents with a true flag in `keep`, renumbered in their order. Drops buckets that
    /// occur in fewer than [`Features::min_document_frequency`] of them.
    ///
    /// # Panics
    /// If `keep` does not have one flag per document.
    pub fn finish(mut self, keep: &[bool]) -> TermCounts {
        assert_eq!(keep.len(), self.len(), "one flag per document");
        let frequency = self.document_frequency(keep);
        let minimum = self.features.min_document_frequency.max(1) as u32;
        let kept: Vec<u32> = (0..frequency.len() as u32)
            .filter(|&bucket| frequency[bucket as usize] >= minimum)
            .collect();
        let mut numbers = frequency;
        numbers.fill(NONE);
        for (term, &bucket) in kept.iter().enumerate() {
            numbers[bucket as usize] = term as u32;
        }
        self.counted.retain(keep, &numbers);
        let Counted {
            buckets,
            counts,
            offsets,
        } = self.counted;
        TermCounts::of_buckets(&self.features, &kept, 1 << self.bits, (offsets, buckets, counts))
    }

    fn document_frequency(&self, keep: &[bool]) -> Vec<u32> {
        let kinds = if self.features.char_ngrams.is_some() { 2 } else { 1 };
        let frequency: Vec<AtomicU32> = (0..kinds << self.bits).map(|_| AtomicU32::new(0)).collect();
        let Counted { buckets, offsets, .. } = &self.counted;
        keep.par_iter()
            .enumerate()
            .filter(|(_, keep)| **keep)
            .for_each(|(document, _)| {
                for &bucket in &buckets[offsets[document]..offsets[document + 1]] {
                    // Sums don't depend on the order.
                    frequency[bucket as usize].fetch_add(1, Ordering::Relaxed);
                }
            });
        frequency.into_iter().map(AtomicU32::into_inner).collect()
    }
}

impl TermCounts {
    /// Counts the documents `rows` of a corpus. All other documents have no terms.
    pub(super) fn build_hashed(corpus: &TokenizedCorpus, rows: &[u32], features: &Features) -> Self {
        let mut wanted = vec![false; corpus.len()];
        rows.iter().for_each(|&row| wanted[row as usize] = true);
        let mut counts = HashedCounts::new(features);
        counts.add_some(corpus, |document| wanted[document]);
        counts.finish(&vec![true; corpus.len()])
    }
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            counts: Vec::new(),
            offsets: vec![0],
        }
    }
}

impl Counted {
    /// Appends the distinct buckets of `found`, with bucket numbers starting at `first`, and how often each occurs.
    fn push_runs(&mut self, found: &mut [u32], first: u32) {
        found.sort_unstable();
        for same in found.chunk_by(|a, b| a == b) {
            self.buckets.push(first + same[0]);
            self.counts.push(same.len().min(MAX_COUNT) as u16);
        }
    }

    fn append(&mut self, more: &Self) {
        let start = self.buckets.len();
        self.buckets.extend_from_slice(&more.buckets);
        self.counts.extend_from_slice(&more.counts);
        self.offsets.extend(more.offsets[1..].iter().map(|end| start + end));
    }

    /// Keeps the documents with a true flag in `keep`, and renumbers their buckets. Buckets without a number are
    /// dropped. It works in place, because a second copy would double the memory of a training.
    fn retain(&mut self, keep: &[bool], numbers: &[u32]) {
        let (mut left, mut documents, mut start) = (0, 0, 0);
        for (document, &keep) in keep.iter().enumerate() {
            let end = self.offsets[document + 1];
            if keep {
                for at in start..end {
                    let number = numbers[self.buckets[at] as usize];
                    if number != NONE {
                        self.buckets[left] = number;
                        self.counts[left] = self.counts[at];
                        left += 1;
                    }
                }
                documents += 1;
                self.offsets[documents] = left;
            }
            start = end;
        }
        self.offsets.truncate(documents + 1);
        self.buckets.truncate(left);
        self.counts.truncate(left);
        self.buckets.shrink_to_fit();
        self.counts.shrink_to_fit();
    }
}

#[derive(Default)]
struct Buffers {
    tokens: Vec<u32>,
    found: Vec<u32>,
}

/// The hashes of a corpus's tokens and parts, each computed once.
struct Hashes {
    bits: u8,
    word_ngrams: [usize; 2],
    tokens: Vec<u32>,
    /// The character n-grams' buckets of all parts, concatenated.
    characters: Vec<u32>,
    /// End of each part's buckets. Empty without character n-grams.
    ends: Vec<usize>,
}

impl Hashes {
    fn of(corpus: &TokenizedCorpus, features: &Features, bits: u8) -> Self {
        let mut hashes = Self {
            bits,
            word_ngrams: features.word_ngrams,
            tokens: corpus.words().tokens().iter().map(token_hash).collect(),
            characters: Vec::new(),
            ends: Vec::new(),
        };
        if let Some(range) = features.char_ngrams {
            let mut padded = String::new();
            for part in corpus.words().parts().iter() {
                each_ngram(part, range, &mut padded, |ngram| {
                    hashes.characters.push(bucket(characters_hash(ngram), bits));
                });
                hashes.ends.push(hashes.characters.len());
            }
        }
        hashes
    }

    /// Puts the word n-grams of a document into `found`.
    fn words(&self, corpus: &TokenizedCorpus, document: usize, buffers: &mut Buffers) {
        let Buffers { tokens, found } = buffers;
        tokens.clear();
        tokens.extend(corpus.tokens(document).map(|token| self.tokens[token as usize]));
        found.clear();
        each_bucket(tokens, self.word_ngrams, self.bits, |bucket, _, _| found.push(bucket));
    }

    /// Puts the character n-grams of a document into `found`.
    fn characters(&self, corpus: &TokenizedCorpus, document: usize, found: &mut Vec<u32>) {
        found.clear();
        if self.ends.is_empty() {
            return;
        }
        for &word in corpus.document_words(document) {
            for &(part, _) in corpus.words().entries(word) {
                let part = part as usize;
                let start = if part == 0 { 0 } else { self.ends[part - 1] };
                found.extend_from_slice(&self.characters[start..self.ends[part]]);
            }
        }
    }
}
