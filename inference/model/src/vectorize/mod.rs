//! Tokens → n-grams → sublinear TF-IDF rows.
//!
//! A term that occurs `tf` times in a text and in `df` of `n` training texts has the weight `(1 + ln tf) · (ln((1 + n)
//! / (1 + df)) + 1)`. Each row is then scaled to Euclidean length 1 (scikit-learn's
//! `TfidfVectorizer(sublinear_tf=True)`). Character n-grams, if there are any, form a second block with its own length
//! 1.
//!
//! Columns have a fixed order: word n-grams, then character n-grams, each in ascending byte order. If more than
//! [`Features::max_features`] terms remain, those with the most occurrences are kept; if some are equal, those that
//! come first in column order.
//!
//! With [`Features::hashing_bits`] a term is not an n-gram but a bucket of n-grams, chosen by a hash. Its name in the
//! vocabulary is like `#0012ab`. Reading texts then needs no vocabulary in memory ([`HashedCounts`]).
//!
//! ```
//! use complaint_model::vectorize::{TermCounts, TokenizedCorpus};
//! use complaint_model::{Features, Preprocessing, text::TextPipeline};
//!
//! let pipeline = TextPipeline::new(&Preprocessing::default())?;
//! let texts = ["late fee", "late payment fee", "card stolen", "stolen card, late fee"];
//! let corpus = TokenizedCorpus::build(&pipeline, &texts);
//!
//! let features = Features::default();
//! let counts = TermCounts::build(&corpus, &features); // once
//! let fold = counts.fit(&[0, 1, 3], &features);       // per fold, from its own rows
//! let (train, test) = (fold.transform(&[0, 1, 3]), fold.transform(&[2]));
//!
//! let terms: Vec<String> = fold.vectorizer().vocabulary().iter().map(String::from).collect();
//! assert_eq!(terms, ["fee", "late", "late fee"]);
//! assert_eq!((train.rows, test.entries()), (3, 0));
//! # Ok::<(), complaint_model::pipeline::InvalidSetting>(())
//! ```

mod buckets;
mod characters;
mod counts;
mod hashed_counts;
mod hashing;
mod lookup;
mod pairs;
mod vocabulary;
mod weighting;
mod word_ngrams;

use rayon::prelude::*;

pub use crate::corpus::TokenizedCorpus;
pub(crate) use buckets::first_other_than_bucket;
pub use counts::{FoldTerms, TermCounts};
pub use hashed_counts::HashedCounts;
pub(crate) use lookup::{NgramLookup, TermLookup};
pub use vocabulary::{TermKind, Vocabulary};
pub(crate) use weighting::Weighting;

use crate::intern::NONE;
use crate::pipeline::Features;
use crate::sparse::CsrMatrix;

/// A vocabulary with its inverse document frequencies, learned from some rows of a corpus.
///
/// For several folds over one corpus, [`TermCounts`] does the same work once.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectorizer {
    vocabulary: Vocabulary,
    idf: Vec<f32>,
    document_frequency: Vec<u32>,
    features: Features,
}

impl Vectorizer {
    /// Learns vocabulary and document frequencies from the rows `rows` of `corpus`. No other row has any influence.
    pub fn fit(corpus: &TokenizedCorpus, rows: &[u32], features: &Features) -> Self {
        TermCounts::build_rows(corpus, rows, features)
            .fit(rows, features)
            .vectorizer()
    }

    /// [`Vectorizer::fit`] and [`Vectorizer::transform`] of the same rows, with shared work.
    pub fn fit_transform(corpus: &TokenizedCorpus, rows: &[u32], features: &Features) -> (Self, CsrMatrix) {
        let counts = TermCounts::build_rows(corpus, rows, features);
        let fold = counts.fit(rows, features);
        (fold.vectorizer(), fold.transform(rows))
    }

    /// The rows `rows` of `corpus` as weighted sparse rows in that order. The corpus may differ from the one of the
    /// fit.
    pub fn transform(&self, corpus: &TokenizedCorpus, rows: &[u32]) -> CsrMatrix {
        let lookup = TermLookup::new(&self.vocabulary, &self.features);
        let weighting = Weighting::new(self.features.sublinear_tf, self.vocabulary.word_terms());
        let tokens: Vec<u32> = corpus
            .words()
            .tokens()
            .iter()
            .map(|token| lookup.token(token))
            .collect();
        let chunks: Vec<CsrMatrix> = rows
            .par_chunks(1024)
            .map(|rows| {
                let mut row = RowBuilder::default();
                let mut matrix = CsrMatrix::with_cols(self.vocabulary.len());
                for &document in rows {
                    row.collect(corpus, document as usize, &lookup, &tokens);
                    row.push(&self.idf, &weighting, &mut matrix);
                }
                matrix
            })
            .collect();
        CsrMatrix::concat(self.vocabulary.len(), &chunks)
    }

    pub(crate) fn from_parts(
        vocabulary: Vocabulary,
        idf: Vec<f32>,
        document_frequency: Vec<u32>,
        features: Features,
    ) -> Self {
        Self {
            vocabulary,
            idf,
            document_frequency,
            features,
        }
    }

    /// The terms.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// `ln((1 + n) / (1 + df)) + 1` of each term.
    pub fn idf(&self) -> &[f32] {
        &self.idf
    }

    /// The number of fitted rows that contain each term.
    pub fn document_frequency(&self) -> &[u32] {
        &self.document_frequency
    }

    /// The settings.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The same vectoriser with only the terms for which `keep` returns true, in the same order. Columns are
    /// renumbered.
    pub fn retain(&self, keep: impl Fn(u32) -> bool) -> Self {
        let mut kept = Self::from_parts(Vocabulary::default(), Vec::new(), Vec::new(), self.features.clone());
        for term in (0..self.vocabulary.len() as u32).filter(|&term| keep(term)) {
            kept.vocabulary
                .push(self.vocabulary.kind(term), [self.vocabulary.term(term)]);
            kept.idf.push(self.idf[term as usize]);
            kept.document_frequency.push(self.document_frequency[term as usize]);
        }
        kept
    }
}

/// Buffers for building one row by look-up.
#[derive(Default)]
struct RowBuilder {
    tokens: Vec<u32>,
    columns: Vec<u32>,
    padded: String,
}

impl RowBuilder {
    fn collect(&mut self, corpus: &TokenizedCorpus, document: usize, lookup: &TermLookup, tokens: &[u32]) {
        self.columns.clear();
        self.tokens.clear();
        self.tokens
            .extend(corpus.tokens(document).map(|token| tokens[token as usize]));
        lookup.each_word_ngram(&self.tokens, |column, _, _| self.columns.push(column));
        if lookup.has_characters() {
            for &word in corpus.document_words(document) {
                for &(part, _) in corpus.words().entries(word) {
                    let part = corpus.words().parts().get(part);
                    lookup.each_character_ngram(part, &mut self.padded, |column, _| self.columns.push(column));
                }
            }
        }
        debug_assert!(!self.columns.contains(&NONE));
    }

    fn push(&mut self, idf: &[f32], weighting: &Weighting, matrix: &mut CsrMatrix) {
        let start = matrix.indices.len();
        weigh(
            &mut self.columns,
            idf,
            weighting,
            &mut matrix.indices,
            &mut matrix.values,
        );
        weighting.normalize(&matrix.indices[start..], &mut matrix.values[start..]);
        matrix.finish_row();
    }
}

/// Appends the distinct columns of a text, ascending, and their weights before normalisation.
#[inline]
pub(crate) fn weigh(
    columns: &mut [u32],
    idf: &[f32],
    weighting: &Weighting,
    indices: &mut Vec<u32>,
    values: &mut Vec<f32>,
) {
    columns.sort_unstable();
    for same in columns.chunk_by(|a, b| a == b) {
        indices.push(same[0]);
        values.push(weighting.frequency(same.len()) * idf[same[0] as usize]);
    }
}

#[cfg(test)]
mod tests;
