//! Terms, counted once for all folds.

use rayon::prelude::*;

use super::Vectorizer;
use super::buckets::bucket_name;
use super::characters::each_ngram;
use super::vocabulary::{TermKind, Vocabulary};
use super::weighting::{MAX_COUNT, Weighting};
use super::word_ngrams::WordNgrams;
use crate::corpus::TokenizedCorpus;
use crate::intern::{NONE, StringTable};
use crate::pipeline::Features;
use crate::sparse::CsrMatrix;

/// Documents that are counted together.
const DOCUMENTS_AT_ONCE: usize = 256;
/// Chunks of documents that are counted before their terms are joined: enough for many threads, and few enough that chunks and
/// what is joined are not in memory twice.
const CHUNKS_AT_ONCE: usize = 64;

/// How often each term occurs in each document of a corpus.
///
/// Counting is the expensive part of a vectoriser and is the same for all folds, so it is done once. A fold then learns
/// from its own rows alone which terms to keep, and their idf ([`TermCounts::fit`]): a term that no row of the fold
/// contains has document frequency 0 there and is not kept. A test proves that rows outside a fold change nothing.
///
/// Only terms in at least [`Features::min_document_frequency`] documents of the whole corpus are counted. No term that
/// a fold would keep is lost, because a fold's document frequency is never higher.
#[derive(Debug, Clone)]
pub struct TermCounts {
    features: Features,
    vocabulary: Vocabulary,
    offsets: Vec<usize>,
    terms: Vec<u32>,
    counts: Vec<u16>,
}

/// What a fold learned from its rows of [`TermCounts`]: which terms are columns, and their idf.
#[derive(Debug, Clone)]
pub struct FoldTerms<'c> {
    counts: &'c TermCounts,
    features: Features,
    /// The column of each counted term, or `NONE`.
    columns: Vec<u32>,
    /// The counted term of each column.
    kept: Vec<u32>,
    document_frequency: Vec<u32>,
    idf: Vec<f32>,
    weighting: Weighting,
}

impl TermCounts {
    /// Counts the terms of all documents of `corpus`.
    pub fn build(corpus: &TokenizedCorpus, features: &Features) -> Self {
        let rows: Vec<u32> = (0..corpus.len() as u32).collect();
        Self::build_rows(corpus, &rows, features)
    }

    /// Counts the terms of the documents `rows`. All other documents have no terms.
    pub(super) fn build_rows(corpus: &TokenizedCorpus, rows: &[u32], features: &Features) -> Self {
        if features.hashing_bits.is_some() {
            return Self::build_hashed(corpus, rows, features);
        }
        let minimum = features.min_document_frequency;
        let words = WordNgrams::find(corpus, rows, features.word_ngrams, minimum);
        let characters = features
            .char_ngrams
            .map(|range| CharacterTerms::find(corpus, rows, range, minimum));

        let mut vocabulary = Vocabulary::default();
        for run in &words.runs {
            let tokens = run.iter().take_while(|&&token| token > 0);
            vocabulary.push(TermKind::Words, tokens.map(|&token| corpus.token(token - 1)));
        }
        for term in characters.iter().flat_map(|characters| &characters.kept) {
            vocabulary.push(TermKind::Characters, [term.as_str()]);
        }

        let mut wanted = vec![false; corpus.len()];
        rows.iter().for_each(|&row| wanted[row as usize] = true);
        let first_character = words.runs.len() as u32;
        let mut all = Self {
            features: features.clone(),
            vocabulary,
            offsets: vec![0],
            terms: Vec::new(),
            counts: Vec::new(),
        };
        for (batch, wanted) in wanted.chunks(DOCUMENTS_AT_ONCE * CHUNKS_AT_ONCE).enumerate() {
            let chunks: Vec<Counted> = wanted
                .par_chunks(DOCUMENTS_AT_ONCE)
                .enumerate()
                .map(|(chunk, wanted)| {
                    let mut counted = Counted::default();
                    let first = (batch * CHUNKS_AT_ONCE + chunk) * DOCUMENTS_AT_ONCE;
                    for (row, &wanted) in (first..).zip(wanted) {
                        if wanted {
                            counted.add_words(corpus, row, &words);
                            if let Some(characters) = &characters {
                                counted.add_characters(corpus, row, characters, first_character);
                            }
                        }
                        counted.lengths.push(counted.terms.len());
                    }
                    counted
                })
                .collect();
            for chunk in chunks {
                let start = all.terms.len();
                all.offsets.extend(chunk.lengths.iter().map(|end| start + end));
                all.terms.extend_from_slice(&chunk.terms);
                all.counts.extend_from_slice(&chunk.counts);
            }
        }
        all.terms.shrink_to_fit();
        all.counts.shrink_to_fit();
        all
    }

    /// Makes counts from counted buckets. `kept` are the buckets that became terms; those from `first_characters` on
    /// are character n-grams. The last argument holds offsets, terms and counts.
    pub(super) fn of_buckets(
        features: &Features,
        kept: &[u32],
        first_characters: u32,
        (offsets, terms, counts): (Vec<usize>, Vec<u32>, Vec<u16>),
    ) -> Self {
        let mut vocabulary = Vocabulary::default();
        for &bucket in kept {
            match bucket.checked_sub(first_characters) {
                None => vocabulary.push(TermKind::Words, [bucket_name(bucket).as_str()]),
                Some(bucket) => vocabulary.push(TermKind::Characters, [bucket_name(bucket).as_str()]),
            }
        }
        Self {
            features: features.clone(),
            vocabulary,
            offsets,
            terms,
            counts,
        }
    }

    /// The settings that the terms were counted with.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Number of terms of all documents, each counted once for each document that contains it.
    pub fn entries(&self) -> usize {
        self.terms.len()
    }

    /// Number of documents.
    pub fn documents(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The terms of a document, ascending, as indices into [`TermCounts::vocabulary`].
    ///
    /// # Panics
    /// If `document` is not below [`TermCounts::documents`].
    pub fn document_terms(&self, document: usize) -> &[u32] {
        &self.terms[self.offsets[document]..self.offsets[document + 1]]
    }

    /// The terms that were counted; a fold keeps some of them.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Terms of a document, ascending, and how often each occurs in it.
    fn row(&self, row: u32) -> (&[u32], &[u16]) {
        let range = self.offsets[row as usize]..self.offsets[row as usize + 1];
        (&self.terms[range.clone()], &self.counts[range])
    }

    /// Chooses the columns from the rows `rows` only, and learns their idf.
    ///
    /// `features` may differ from those of [`TermCounts::build`] in everything but the n-gram lengths and the hashing.
    /// A lower minimum document frequency than the one of `build` has no effect.
    ///
    /// # Panics
    /// If the n-gram lengths or the hashing differ, or a row is not in the corpus.
    pub fn fit(&self, rows: &[u32], features: &Features) -> FoldTerms<'_> {
        let counted = |features: &Features| (features.word_ngrams, features.char_ngrams, features.hashing_bits);
        assert_eq!(
            counted(features),
            counted(&self.features),
            "terms of other lengths, or of other buckets, were not counted"
        );
        let mut document_frequency = vec![0u32; self.vocabulary.len()];
        let mut frequency = vec![0u64; self.vocabulary.len()];
        for &row in rows {
            let (terms, counts) = self.row(row);
            for (&term, &count) in terms.iter().zip(counts) {
                document_frequency[term as usize] += 1;
                frequency[term as usize] += u64::from(count);
            }
        }
        let highest = features.max_document_fraction * rows.len() as f64;
        let lowest = features.min_document_frequency.max(1) as u32;
        let in_range = |&term: &u32| {
            let df = document_frequency[term as usize];
            df >= lowest && f64::from(df) <= highest
        };
        let mut kept: Vec<u32> = (0..self.vocabulary.len() as u32).filter(in_range).collect();
        if kept.len() > features.max_features {
            kept.sort_unstable_by_key(|&term| (std::cmp::Reverse(frequency[term as usize]), term));
            kept.truncate(features.max_features);
            kept.sort_unstable();
        }
        self.with_columns(kept, &document_frequency, rows.len(), features)
    }

    fn with_columns(&self, kept: Vec<u32>, frequency: &[u32], rows: usize, features: &Features) -> FoldTerms<'_> {
        let mut columns = vec![NONE; self.vocabulary.len()];
        for (column, &term) in kept.iter().enumerate() {
            columns[term as usize] = column as u32;
        }
        let document_frequency: Vec<u32> = kept.iter().map(|&term| frequency[term as usize]).collect();
        let n = rows as f64;
        let idf = |&df: &u32| (((1.0 + n) / (1.0 + f64::from(df))).ln() + 1.0) as f32;
        let word_terms = kept.partition_point(|&term| (term as usize) < self.vocabulary.word_terms());
        FoldTerms {
            counts: self,
            features: features.clone(),
            columns,
            idf: document_frequency.iter().map(idf).collect(),
            document_frequency,
            kept,
            weighting: Weighting::new(features.sublinear_tf, word_terms),
        }
    }
}

impl FoldTerms<'_> {
    /// Number of columns.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether no term is left.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The rows `rows` of the corpus as weighted sparse rows, in that order. They may differ from the rows of the fit.
    pub fn transform(&self, rows: &[u32]) -> CsrMatrix {
        let is_column = |&&term: &&u32| self.columns[term as usize] != NONE;
        let lengths: Vec<usize> = rows
            .par_iter()
            .map(|&row| self.counts.row(row).0.iter().filter(is_column).count())
            .collect();
        CsrMatrix::filled(self.len(), &lengths, |row, indices, values| {
            self.fill_row(rows[row], indices, values)
        })
    }

    fn fill_row(&self, row: u32, indices: &mut [u32], values: &mut [f32]) {
        let (terms, counts) = self.counts.row(row);
        let columns = terms.iter().map(|&term| self.columns[term as usize]);
        let found = columns.zip(counts).filter(|(column, _)| *column != NONE);
        for ((column, &count), (index, value)) in found.zip(indices.iter_mut().zip(values.iter_mut())) {
            *index = column;
            *value = self.weighting.frequency(usize::from(count)) * self.idf[column as usize];
        }
        self.weighting.normalize(indices, values);
    }

    /// Makes an independent vectoriser with these columns.
    pub fn vectorizer(&self) -> Vectorizer {
        let mut vocabulary = Vocabulary::default();
        for &term in &self.kept {
            vocabulary.push(self.counts.vocabulary.kind(term), [self.counts.vocabulary.term(term)]);
        }
        Vectorizer::from_parts(
            vocabulary,
            self.idf.clone(),
            self.document_frequency.clone(),
            self.features.clone(),
        )
    }

    /// `ln((1 + n) / (1 + df)) + 1` of each column.
    pub fn idf(&self) -> &[f32] {
        &self.idf
    }

    /// The number of fitted rows that contain each column's term.
    pub fn document_frequency(&self) -> &[u32] {
        &self.document_frequency
    }
}

/// Character n-grams that occur in enough documents.
struct CharacterTerms {
    kept: Vec<String>,
    /// Each part's terms, concatenated, repeats included.
    terms: Vec<u32>,
    ends: Vec<usize>,
}

impl CharacterTerms {
    fn find(corpus: &TokenizedCorpus, rows: &[u32], range: [usize; 2], minimum: usize) -> Self {
        let mut table = StringTable::default();
        let (mut terms, mut ends, mut padded) = (Vec::new(), Vec::new(), String::new());
        for part in corpus.words().parts().iter() {
            each_ngram(part, range, &mut padded, |ngram| terms.push(table.intern(ngram)));
            ends.push(terms.len());
        }
        let mut all = Self {
            kept: Vec::new(),
            terms,
            ends,
        };
        let frequency = all.document_frequency(corpus, rows, table.len());
        let (sorted, renumbered) = table.sorted();
        let mut wanted = vec![false; sorted.len()];
        for (old, &new) in renumbered.iter().enumerate() {
            wanted[new as usize] = frequency[old] as usize >= minimum;
        }
        let mut column = vec![NONE; sorted.len()];
        for (term, text) in sorted.iter().enumerate().filter(|(term, _)| wanted[*term]) {
            column[term] = all.kept.len() as u32;
            all.kept.push(text.to_owned());
        }
        all.terms
            .iter_mut()
            .for_each(|term| *term = column[renumbered[*term as usize] as usize]);
        all
    }

    fn document_frequency(&self, corpus: &TokenizedCorpus, rows: &[u32], terms: usize) -> Vec<u32> {
        let chunk = rows.len().div_ceil(8).max(1);
        let chunks: Vec<Vec<u32>> = rows
            .par_chunks(chunk)
            .map(|rows| {
                let mut frequency = vec![0; terms];
                let mut seen = vec![NONE; terms];
                for &row in rows {
                    for term in self.of_document(corpus, row as usize) {
                        if seen[term as usize] != row {
                            seen[term as usize] = row;
                            frequency[term as usize] += 1;
                        }
                    }
                }
                frequency
            })
            .collect();
        let mut sum = vec![0; terms];
        for chunk in chunks {
            sum.iter_mut().zip(chunk).for_each(|(sum, count)| *sum += count);
        }
        sum
    }

    fn of_document<'a>(&'a self, corpus: &'a TokenizedCorpus, row: usize) -> impl Iterator<Item = u32> + 'a {
        let entries = corpus
            .document_words(row)
            .iter()
            .flat_map(|&word| corpus.words().entries(word));
        entries.flat_map(|&(part, _)| {
            let part = part as usize;
            let start = if part == 0 { 0 } else { self.ends[part - 1] };
            self.terms[start..self.ends[part]].iter().copied()
        })
    }
}

/// The counts of a chunk of documents, with the buffers to make them.
#[derive(Default)]
struct Counted {
    terms: Vec<u32>,
    counts: Vec<u16>,
    /// Where each document ends.
    lengths: Vec<usize>,
    tokens: Vec<u32>,
    found: Vec<u32>,
    /// How often each character n-gram occurs in the current document.
    tally: Vec<u32>,
}

impl Counted {
    fn add_words(&mut self, corpus: &TokenizedCorpus, row: usize, words: &WordNgrams) {
        self.tokens.clear();
        self.tokens.extend(corpus.tokens(row));
        self.found.clear();
        words.terms_of(&self.tokens, &mut self.found);
        self.found.sort_unstable();
        for same in self.found.chunk_by(|a, b| a == b) {
            self.terms.push(same[0]);
            self.counts.push(same.len().min(MAX_COUNT) as u16);
        }
    }

    fn add_characters(&mut self, corpus: &TokenizedCorpus, row: usize, characters: &CharacterTerms, first: u32) {
        self.tally.resize(characters.kept.len(), 0);
        self.found.clear();
        for term in characters.of_document(corpus, row).filter(|&term| term != NONE) {
            if self.tally[term as usize] == 0 {
                self.found.push(term);
            }
            self.tally[term as usize] += 1;
        }
        self.found.sort_unstable();
        for &term in &self.found {
            let count = std::mem::take(&mut self.tally[term as usize]);
            self.terms.push(first + term);
            self.counts.push((count as usize).min(MAX_COUNT) as u16);
        }
    }
}
