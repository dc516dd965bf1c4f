//! Words as they occur in texts, and their tokens.

use super::check::Terms;
use crate::corpus::TokenizedCorpus;
use crate::intern::NONE;
use crate::pipeline::Features;
use crate::vectorize::{NgramLookup, TermLookup, Vectorizer, Vocabulary};

/// Surface forms in ascending byte order, each with the numbers of its tokens. A stop word has no tokens.
///
/// A form with a token that is in no term is left out: normalising it again costs little, and the file does not reveal
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SurfaceForms {
    pub(super) bytes: String,
    /// Where each form begins, and the end of the last.
    pub(super) offsets: Vec<u32>,
    pub(super) tokens: Vec<u32>,
    /// Where each form's tokens begin, and the end of the last.
    pub(super) token_offsets: Vec<u32>,
}

/// The surface forms of a vocabulary's words, for [`ArtifactBuilder::surface_table`](super::ArtifactBuilder::surface_table).
#[derive(Debug, Clone)]
pub struct SurfaceTable {
    pub(super) forms: SurfaceForms,
    pub(super) terms: Terms,
}

impl SurfaceTable {
    /// Collects the forms that occur in at least `min_documents` of the rows `rows` and have all their tokens in the
    /// vocabulary. A hashed vocabulary gets no form, because the table would reveal the words that the buckets hide.
    pub fn collect(vectorizer: &Vectorizer, corpus: &TokenizedCorpus, rows: &[u32], min_documents: usize) -> Self {
        Self::of(
            (vectorizer.vocabulary(), vectorizer.features()),
            corpus,
            rows,
            min_documents,
        )
    }

    pub(super) fn of(
        (vocabulary, features): (&Vocabulary, &Features),
        corpus: &TokenizedCorpus,
        rows: &[u32],
        min_documents: usize,
    ) -> Self {
        let lookup = TermLookup::new(vocabulary, features);
        Self {
            terms: Terms::Counted(lookup.ngrams().map_or(0, NgramLookup::distinct_tokens)),
            forms: lookup.ngrams().map_or_else(SurfaceForms::default, |ngrams| {
                SurfaceForms::collect(corpus, rows, min_documents, ngrams)
            }),
        }
    }
}

impl Default for SurfaceForms {
    fn default() -> Self {
        Self {
            bytes: String::new(),
            offsets: vec![0],
            tokens: Vec::new(),
            token_offsets: vec![0],
        }
    }
}

impl SurfaceForms {
    /// Collects the forms that occur in at least `min_documents` of the documents `rows`.
    pub(super) fn collect(corpus: &TokenizedCorpus, rows: &[u32], min_documents: usize, lookup: &NgramLookup) -> Self {
        let words = corpus.words();
        let mut frequency = vec![0usize; words.len()];
        let mut last_row = vec![NONE; words.len()];
        for &row in rows {
            for &word in corpus.document_words(row as usize) {
                if last_row[word as usize] != row {
                    last_row[word as usize] = row;
                    frequency[word as usize] += 1;
                }
            }
        }
        let mut kept: Vec<u32> = (0..words.len() as u32)
            .filter(|&word| frequency[word as usize] >= min_documents.max(1))
            .collect();
        kept.sort_unstable_by_key(|&word| words.surfaces().get(word));

        let numbers: Vec<u32> = words.tokens().iter().map(|token| lookup.stored_token(token)).collect();
        let mut forms = Self::default();
        for word in kept {
            let tokens = words.entries(word).iter().filter(|(_, token)| *token != NONE);
            let tokens: Vec<u32> = tokens.map(|&(_, token)| numbers[token as usize]).collect();
            if !tokens.contains(&NONE) {
                forms.push(words.surfaces().get(word), &tokens);
            }
        }
        forms
    }

    fn push(&mut self, form: &str, tokens: &[u32]) {
        self.bytes.push_str(form);
        self.offsets.push(self.bytes.len() as u32);
        self.tokens.extend_from_slice(tokens);
        self.token_offsets.push(self.tokens.len() as u32);
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn form(&self, form: usize) -> &str {
        &self.bytes[self.offsets[form] as usize..self.offsets[form + 1] as usize]
    }

    /// The tokens of all forms, concatenated.
    pub(crate) fn all_tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The range of a form's tokens in [`SurfaceForms::all_tokens`].
    #[inline]
    pub(crate) fn token_range(&self, form: usize) -> std::ops::Range<usize> {
        self.token_offsets[form] as usize..self.token_offsets[form + 1] as usize
    }

    /// Checks stored parts: the tokens must be below `tokens`.
    ///
    /// # Errors
    /// The first problem.
    pub(super) fn check(&self, tokens: usize) -> Result<(), &'static str> {
        let runs = |offsets: &[u32], end: usize| {
            offsets.first() == Some(&0)
                && offsets.last().is_some_and(|&last| last as usize == end)
                && offsets.is_sorted()
        };
        if !runs(&self.offsets, self.bytes.len()) || !runs(&self.token_offsets, self.tokens.len()) {
            return Err("the offsets of its surface forms don't ascend to the end");
        }
        if self.offsets.len() != self.token_offsets.len() {
            return Err("its surface forms and their tokens differ in number");
        }
        if !self
            .offsets
            .iter()
            .all(|&offset| self.bytes.is_char_boundary(offset as usize))
        {
            return Err("a surface form's offset is inside a character");
        }
        if (1..self.len()).any(|form| self.form(form - 1) >= self.form(form)) {
            return Err("its surface forms are out of order");
        }
        if self.tokens.iter().any(|&token| token as usize >= tokens) {
            return Err("a surface form names a token that is in no term");
        }
        Ok(())
    }
}
