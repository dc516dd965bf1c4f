//! From tokens to columns, by way of a vocabulary alone.

use super::characters::each_ngram;
use super::pairs::{PairTable, pair};
use super::vocabulary::Vocabulary;
use crate::intern::{NONE, StringTable};
use crate::pipeline::Features;

/// A vocabulary turned into tables.
///
/// A word n-gram is found by growing: the n-gram of its first tokens is a node, and a node and a token lead to the next.
/// Every token is a node of the same number; further nodes follow.
#[derive(Debug, Clone)]
pub(crate) struct TermLookup {
    tokens: StringTable,
    nodes: PairTable,
    /// The column of each node; `NONE` for one that is only the beginning of others.
    columns: Vec<u32>,
    longest: usize,
    characters: StringTable,
    /// Column of the first character n-gram.
    first_character: u32,
    char_ngrams: Option<[usize; 2]>,
}

impl TermLookup {
    pub(crate) fn new(vocabulary: &Vocabulary, features: &Features) -> Self {
        let mut tokens = StringTable::default();
        let word_terms = vocabulary.word_terms() as u32;
        let mut ids = Vec::new();
        for term in 0..word_terms {
            ids.extend(vocabulary.term(term).split(' ').map(|token| tokens.intern(token)));
            ids.push(NONE);
        }
        let mut columns = vec![NONE; tokens.len()];
        let mut nodes = PairTable::with_capacity(vocabulary.word_terms().saturating_sub(tokens.len() / 2));
        for (column, ids) in ids.split(|&id| id == NONE).take(word_terms as usize).enumerate() {
            let mut node = ids[0];
            for &token in &ids[1..] {
                let new = columns.len() as u32;
                node = nodes.get_or_insert(pair(node, token), new);
                if node == new {
                    columns.push(NONE);
                }
            }
            columns[node as usize] = column as u32;
        }
        let mut characters = StringTable::default();
        for term in word_terms..vocabulary.len() as u32 {
            characters.intern(vocabulary.term(term));
        }
        Self {
            tokens,
            nodes,
            columns,
            longest: features.word_ngrams[1],
            characters,
            first_character: word_terms,
            char_ngrams: features.char_ngrams,
        }
    }

    /// The number of a token; `NONE` when no term has it.
    pub(crate) fn token(&self, token: &str) -> u32 {
        self.tokens.find(token).unwrap_or(NONE)
    }

    /// Number of distinct tokens.
    pub(crate) fn distinct_tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Calls `each` with the column of every word n-gram of a text, whose tokens (`NONE`: unknown) are `tokens`, and the
    /// place of its first token and its length.
    #[inline]
    pub(crate) fn each_word_ngram(&self, tokens: &[u32], mut each: impl FnMut(u32, usize, usize)) {
        for (start, &token) in tokens.iter().enumerate() {
            if token == NONE {
                continue;
            }
            let column = self.columns[token as usize];
            if column != NONE {
                each(column, start, 1);
            }
            let mut node = token;
            for (length, &next) in (2..=self.longest).zip(&tokens[start + 1..]) {
                if next == NONE {
                    break;
                }
                let Some(found) = self.nodes.get(pair(node, next)) else {
                    break;
                };
                node = found;
                let column = self.columns[node as usize];
                if column != NONE {
                    each(column, start, length);
                }
            }
        }
    }

    /// Calls `each` with the column of every character n-gram of `part`.
    pub(crate) fn each_character_ngram(&self, part: &str, padded: &mut String, mut each: impl FnMut(u32)) {
        if let Some(range) = self.char_ngrams {
            each_ngram(part, range, padded, |ngram| {
                if let Some(term) = self.characters.find(ngram) {
                    each(self.first_character + term);
                }
            });
        }
    }

    /// Whether there are character n-grams.
    pub(crate) fn has_characters(&self) -> bool {
        self.char_ngrams.is_some()
    }
}
