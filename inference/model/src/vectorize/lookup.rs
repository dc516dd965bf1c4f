//! Maps tokens to columns from a vocabulary alone.

use rayon::prelude::*;

use super::buckets::BucketLookup;
use super::characters::each_ngram;
use super::hashing::token_hash;
use super::pairs::{PairTable, pair};
use super::vocabulary::Vocabulary;
use crate::corpus::TokenizedCorpus;
use crate::intern::{NONE, StringTable};
use crate::pipeline::Features;

/// A vocabulary as tables. Each token of a text has a number; n-grams are found from the numbers.
#[derive(Debug, Clone)]
pub(crate) enum TermLookup {
    /// Terms are n-grams. A token's number is its node, or `NONE` if no term contains it.
    Ngrams(NgramLookup),
    /// Terms are buckets ([`Features::hashing_bits`]). A token's number is its hash.
    Buckets(BucketLookup),
}

impl TermLookup {
    pub(crate) fn new(vocabulary: &Vocabulary, features: &Features) -> Self {
        match features.hashing_bits {
            None => Self::Ngrams(NgramLookup::new(vocabulary, features)),
            Some(bits) => Self::Buckets(BucketLookup::new(vocabulary, features, bits)),
        }
    }

    /// The number of a token.
    pub(crate) fn token(&self, token: &str) -> u32 {
        match self {
            Self::Ngrams(lookup) => lookup.token(token),
            Self::Buckets(_) => token_hash(token),
        }
    }

    /// Calls `each` with the column of every word n-gram of a text, the position of its first token and its length.
    /// `tokens` are the numbers of the text's tokens.
    #[inline]
    pub(crate) fn each_word_ngram(&self, tokens: &[u32], each: impl FnMut(u32, usize, usize)) {
        match self {
            Self::Ngrams(lookup) => lookup.each_word_ngram(tokens, each),
            Self::Buckets(lookup) => lookup.each_word_ngram(tokens, each),
        }
    }

    /// The share of a text's tokens that the model does not know. 1 without tokens.
    #[inline]
    pub(crate) fn unknown_word_share(&self, tokens: &[u32]) -> f32 {
        if tokens.is_empty() {
            return 1.0;
        }
        self.unknown_tokens(tokens) as f32 / tokens.len() as f32
    }

    /// [`TermLookup::unknown_word_share`] of the rows `rows` of a corpus.
    pub(crate) fn unknown_word_shares(&self, corpus: &TokenizedCorpus, rows: &[u32]) -> Vec<f32> {
        let numbers: Vec<u32> = corpus.words().tokens().iter().map(|token| self.token(token)).collect();
        rows.par_iter()
            .map_init(Vec::new, |tokens, &row| {
                tokens.clear();
                tokens.extend(corpus.tokens(row as usize).map(|token| numbers[token as usize]));
                self.unknown_word_share(tokens)
            })
            .collect()
    }

    #[inline]
    fn unknown_tokens(&self, tokens: &[u32]) -> usize {
        match self {
            Self::Ngrams(_) => tokens.iter().filter(|&&token| token == NONE).count(),
            Self::Buckets(lookup) => lookup.unknown_tokens(tokens),
        }
    }

    /// Calls `each` with the column of every character n-gram of `part`, and the n-gram.
    #[inline]
    pub(crate) fn each_character_ngram(&self, part: &str, padded: &mut String, each: impl FnMut(u32, &str)) {
        match self {
            Self::Ngrams(lookup) => lookup.each_character_ngram(part, padded, each),
            Self::Buckets(lookup) => lookup.each_character_ngram(part, padded, each),
        }
    }

    /// Whether there are character n-grams.
    pub(crate) fn has_characters(&self) -> bool {
        match self {
            Self::Ngrams(lookup) => lookup.char_ngrams.is_some(),
            Self::Buckets(lookup) => lookup.has_characters(),
        }
    }

    /// The n-grams by their texts. `None` if terms are buckets.
    pub(crate) fn ngrams(&self) -> Option<&NgramLookup> {
        match self {
            Self::Ngrams(lookup) => Some(lookup),
            Self::Buckets(_) => None,
        }
    }
}

/// N-grams as tables.
///
/// A word n-gram is found token by token: the n-gram of its first tokens is a node, and a node and a token lead to the
/// next node. A node that is a term has its column as its number, so a walk needs no second table. Nodes that only
/// begin other terms are numbered after the word terms.
#[derive(Debug, Clone)]
pub(crate) struct NgramLookup {
    tokens: StringTable,
    /// The node of each token.
    token_nodes: Vec<u32>,
    nodes: PairTable,
    /// Number of word terms. Nodes below it are columns. It is also the column of the first character n-gram.
    word_terms: u32,
    longest: usize,
    characters: StringTable,
    char_ngrams: Option<[usize; 2]>,
}

impl NgramLookup {
    fn new(vocabulary: &Vocabulary, features: &Features) -> Self {
        let word_terms = vocabulary.word_terms() as u32;
        let mut lookup = Self {
            tokens: StringTable::default(),
            token_nodes: Vec::new(),
            nodes: PairTable::with_capacity(vocabulary.word_terms()),
            word_terms,
            longest: features.word_ngrams[1],
            characters: StringTable::default(),
            char_ngrams: features.char_ngrams,
        };
        let mut ids = Vec::new();
        for term in 0..word_terms {
            for token in vocabulary.term(term).split(' ') {
                let id = lookup.tokens.intern(token);
                lookup.token_nodes.resize(lookup.tokens.len(), NONE);
                ids.push(id);
            }
            if let [token] = ids[..] {
                lookup.token_nodes[token as usize] = term;
            }
            ids.clear();
        }
        lookup.grow_nodes(vocabulary);
        for term in word_terms..vocabulary.len() as u32 {
            lookup.characters.intern(vocabulary.term(term));
        }
        lookup
    }

    /// Adds the nodes of all terms with several tokens. Terms are in ascending order, so a term comes before the terms
    /// that it begins.
    fn grow_nodes(&mut self, vocabulary: &Vocabulary) {
        let mut next = self.word_terms;
        for node in self.token_nodes.iter_mut().filter(|node| **node == NONE) {
            *node = next;
            next += 1;
        }
        let mut tokens = Vec::new();
        for term in 0..self.word_terms {
            tokens.clear();
            tokens.extend(vocabulary.term(term).split(' ').map(|token| self.token(token)));
            let mut node = tokens[0];
            for (place, &token) in tokens.iter().enumerate().skip(1) {
                let new = if place + 1 == tokens.len() { term } else { next };
                node = self.nodes.get_or_insert(pair(node, token), new);
                next += u32::from(node == next);
            }
        }
    }

    /// The node of a token, or `NONE` if no term contains it.
    fn token(&self, token: &str) -> u32 {
        self.tokens.find(token).map_or(NONE, |id| self.token_nodes[id as usize])
    }

    /// The number of a token in the artifact's file: the order in which tokens first occur in the vocabulary.
    pub(crate) fn stored_token(&self, token: &str) -> u32 {
        self.tokens.find(token).unwrap_or(NONE)
    }

    /// The node of a token by its number in the file.
    pub(crate) fn node_of_stored(&self, token: u32) -> u32 {
        self.token_nodes[token as usize]
    }

    /// Number of distinct tokens.
    pub(crate) fn distinct_tokens(&self) -> usize {
        self.tokens.len()
    }

    #[inline]
    fn each_word_ngram(&self, tokens: &[u32], mut each: impl FnMut(u32, usize, usize)) {
        for (start, &token) in tokens.iter().enumerate() {
            if token == NONE {
                continue;
            }
            if token < self.word_terms {
                each(token, start, 1);
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
                if node < self.word_terms {
                    each(node, start, length);
                }
            }
        }
    }

    fn each_character_ngram(&self, part: &str, padded: &mut String, mut each: impl FnMut(u32, &str)) {
        if let Some(range) = self.char_ngrams {
            each_ngram(part, range, padded, |ngram| {
                if let Some(term) = self.characters.find(ngram) {
                    each(self.word_terms + term, ngram);
                }
            });
        }
    }
}
