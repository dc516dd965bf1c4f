//! A cache that normalises every distinct word once.

use rustc_hash::FxHashMap;

use super::{RawWord, Scratch, TextPipeline};
use crate::intern::{NONE, StringTable};

/// Distinct words with their parts and tokens, all stored as numbers.
///
/// Words that differ only in ASCII case share an entry. Numbers follow the order in which words are added.
#[derive(Debug, Clone, Default)]
pub struct WordCache {
    surfaces: StringTable,
    parts: StringTable,
    tokens: StringTable,
    /// `(part, token or NONE)` of all surfaces, concatenated.
    entries: Vec<(u32, u32)>,
    /// End of each surface's entries.
    ends: Vec<u32>,
}

/// Words that were normalised apart from the cache that they are added to later.
#[derive(Debug, Default)]
pub(crate) struct NormalizedWords {
    cache: WordCache,
}

impl WordCache {
    /// Number of distinct words.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the tokens of one word of a text, from the cache or through `pipeline`. `word` is a raw word; its case
    /// is ignored.
    pub fn tokens_of(&mut self, pipeline: &TextPipeline, word: &str, scratch: &mut Scratch) -> Vec<&str> {
        let ascii = pipeline.folds_as_ascii(word);
        let folded = if ascii {
            word.to_ascii_lowercase()
        } else {
            word.to_owned()
        };
        let surface = self.insert(pipeline, &folded, ascii, scratch);
        self.entries(surface)
            .iter()
            .filter(|(_, t)| *t != NONE)
            .map(|&(_, t)| self.tokens.get(t))
            .collect()
    }

    /// Returns the number of the surface `key` (see [`key`](key())). Normalises a new surface.
    pub(crate) fn insert(&mut self, pipeline: &TextPipeline, key: &str, ascii: bool, scratch: &mut Scratch) -> u32 {
        let surface = self.surfaces.intern(key);
        if surface as usize == self.ends.len() {
            let Self {
                parts, tokens, entries, ..
            } = self;
            pipeline.parts(key, ascii, scratch, |part| {
                entries.push((
                    parts.intern(part.text),
                    part.token.map_or(NONE, |token| tokens.intern(token)),
                ));
            });
            self.ends.push(self.entries.len() as u32);
        }
        surface
    }

    /// Normalises `keys`, which must be distinct, without touching any shared state.
    pub(crate) fn normalize<'k>(pipeline: &TextPipeline, keys: impl IntoIterator<Item = &'k str>) -> NormalizedWords {
        let mut words = NormalizedWords::default();
        let mut scratch = Scratch::default();
        for key in keys {
            words
                .cache
                .insert(pipeline, key, pipeline.folds_as_ascii(key), &mut scratch);
        }
        words
    }

    /// Adds words that are not in the cache yet, in their order.
    pub(crate) fn extend(&mut self, words: &NormalizedWords) {
        let other = &words.cache;
        let mut parts = FxHashMap::default();
        let mut tokens = FxHashMap::default();
        for (surface, key) in other.surfaces.iter().enumerate() {
            let added = self.surfaces.intern(key);
            debug_assert_eq!(added as usize, self.ends.len());
            for &(part, token) in other.entries(surface as u32) {
                let part = *parts
                    .entry(part)
                    .or_insert_with(|| self.parts.intern(other.parts.get(part)));
                let token = match token {
                    NONE => NONE,
                    token => *tokens
                        .entry(token)
                        .or_insert_with(|| self.tokens.intern(other.tokens.get(token))),
                };
                self.entries.push((part, token));
            }
            self.ends.push(self.entries.len() as u32);
        }
    }

    /// Renumbers tokens into ascending byte order.
    pub(crate) fn sort_tokens(&mut self) {
        let (sorted, renumbered) = self.tokens.sorted();
        self.tokens = sorted;
        for (_, token) in self.entries.iter_mut().filter(|(_, token)| *token != NONE) {
            *token = renumbered[*token as usize];
        }
    }

    /// `(part, token or NONE)` of a surface.
    #[inline]
    pub(crate) fn entries(&self, surface: u32) -> &[(u32, u32)] {
        let surface = surface as usize;
        let start = if surface == 0 { 0 } else { self.ends[surface - 1] };
        &self.entries[start as usize..self.ends[surface] as usize]
    }

    pub(crate) fn surfaces(&self) -> &StringTable {
        &self.surfaces
    }

    pub(crate) fn parts(&self) -> &StringTable {
        &self.parts
    }

    pub(crate) fn tokens(&self) -> &StringTable {
        &self.tokens
    }
}

/// Whether a word has only ASCII letters, digits and apostrophes. The key of such a word is its lower case.
pub(super) fn is_ascii_word(word: &str) -> bool {
    word.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'\'' | b'`'))
}

/// The key of a raw word in `text`. Uses `buffer` if the key differs from the word.
#[inline]
pub(crate) fn key<'b>(text: &'b str, word: &RawWord, buffer: &'b mut String) -> &'b str {
    let surface = &text[word.range.clone()];
    if !word.ascii {
        return surface;
    }
    buffer.clear();
    buffer.push_str(surface);
    buffer.make_ascii_lowercase();
    buffer
}
