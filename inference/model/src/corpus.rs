//! Many texts, tokenised once.

use rustc_hash::FxHashMap;

use crate::text::{Scratch, TextPipeline};

/// Texts after the text pipeline, with every distinct word and token stored once and documents as runs of numbers.
///
/// The trainer builds it once; every fold and trial reads from it. Row numbers are those of the texts it was built from.
#[derive(Debug, Clone, Default)]
pub struct TokenizedCorpus {
    tokens: Vec<String>,
    ids: Vec<u32>,
    offsets: Vec<usize>,
}

impl TokenizedCorpus {
    /// Tokenises `texts` on all threads of the current rayon pool; the result does not depend on their number.
    pub fn build<T: AsRef<str> + Sync>(pipeline: &TextPipeline, texts: &[T]) -> Self {
        let mut corpus = Self {
            offsets: vec![0],
            ..Self::default()
        };
        let mut index = FxHashMap::default();
        let mut scratch = Scratch::default();
        for text in texts {
            pipeline.tokens(text.as_ref(), &mut scratch, |token, _| {
                let id = *index.entry(token.to_owned()).or_insert_with(|| {
                    corpus.tokens.push(token.to_owned());
                    (corpus.tokens.len() - 1) as u32
                });
                corpus.ids.push(id);
            });
            corpus.offsets.push(corpus.ids.len());
        }
        corpus
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The token ids of a document, in text order.
    pub fn tokens(&self, document: usize) -> impl Iterator<Item = u32> + '_ {
        self.ids[self.offsets[document]..self.offsets[document + 1]]
            .iter()
            .copied()
    }

    /// The text of a token id.
    pub fn token(&self, id: u32) -> &str {
        &self.tokens[id as usize]
    }

    /// Number of distinct tokens.
    pub fn distinct_tokens(&self) -> usize {
        self.tokens.len()
    }
}
