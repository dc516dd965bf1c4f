//! Tokens → n-grams → sublinear TF-IDF rows.

use crate::pipeline::Features;
use crate::sparse::CsrMatrix;

pub use crate::corpus::TokenizedCorpus;

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TermKind {
    /// A run of tokens, joined with single spaces.
    Words,
    /// A run of characters within a word that is padded with one space on either side.
    Characters,
}

/// The terms of a model in column order: word n-grams first, then character n-grams, each in ascending byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vocabulary {
    bytes: String,
    offsets: Vec<u32>,
    word_terms: usize,
}

impl Vocabulary {
    /// Number of terms.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is no term.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a term.
    ///
    /// # Panics
    /// If `term` is not below [`Vocabulary::len`].
    pub fn term(&self, term: u32) -> &str {
        let term = term as usize;
        &self.bytes[self.offsets[term] as usize..self.offsets[term + 1] as usize]
    }

    /// What the column counts.
    pub fn kind(&self, term: u32) -> TermKind {
        if (term as usize) < self.word_terms {
            TermKind::Words
        } else {
            TermKind::Characters
        }
    }
}

/// A vocabulary with its inverse document frequencies, learned from some rows of a corpus.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectorizer {
    vocabulary: Vocabulary,
    idf: Vec<f32>,
    document_frequency: Vec<u32>,
    features: Features,
}

impl Vectorizer {
    /// Learns vocabulary and document frequencies from the rows `rows` of `corpus`; no other row has any influence.
    pub fn fit(corpus: &TokenizedCorpus, rows: &[u32], features: &Features) -> Self {
        let _ = (corpus, rows);
        Self {
            vocabulary: Vocabulary::default(),
            idf: Vec::new(),
            document_frequency: Vec::new(),
            features: features.clone(),
        }
    }

    /// The rows `rows` of `corpus` as weighted sparse rows, in that order.
    pub fn transform(&self, corpus: &TokenizedCorpus, rows: &[u32]) -> CsrMatrix {
        let _ = corpus;
        let mut matrix = CsrMatrix::with_cols(self.vocabulary.len());
        rows.iter().for_each(|_| matrix.finish_row());
        matrix
    }

    /// [`Vectorizer::fit`] and [`Vectorizer::transform`] of the same rows, sharing the work.
    pub fn fit_transform(corpus: &TokenizedCorpus, rows: &[u32], features: &Features) -> (Self, CsrMatrix) {
        let vectorizer = Self::fit(corpus, rows, features);
        let matrix = vectorizer.transform(corpus, rows);
        (vectorizer, matrix)
    }

    /// The terms.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// `ln((1 + n) / (1 + df)) + 1` of each term.
    pub fn idf(&self) -> &[f32] {
        &self.idf
    }

    /// In how many of the fitted rows each term stands.
    pub fn document_frequency(&self) -> &[u32] {
        &self.document_frequency
    }

    /// The settings.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The same vectoriser with only the terms for which `keep` holds, in the same order; columns are renumbered.
    pub fn retain(&self, keep: impl Fn(u32) -> bool) -> Self {
        let _ = keep;
        self.clone()
    }
}
