//! The table of known words for serving: each word costs one look-up.

use crate::artifact::SurfaceForms;
use crate::intern::{NONE, ends, hash_ends};
use crate::text::{RawWord, Scratch, TextPipeline};
use crate::vectorize::TermLookup;
use crate::word_scores::WordScores;

/// The bit in each byte that separates upper from lower case. Setting it folds words of ASCII letters, digits and
/// apostrophes.
const LOWER: u64 = 0x2020_2020_2020_2020;

/// The surface forms of an artifact by hash. A slot holds a form of up to 16 bytes whole, so a look-up touches one
/// place in memory.
#[derive(Debug)]
pub(super) struct WordTable {
    slots: Vec<Slot>,
    /// The tokens of all forms, concatenated, as nodes of the look-up.
    tokens: Vec<u32>,
    /// Columns of the character n-grams of all forms, concatenated.
    columns: Vec<u32>,
    /// Where each form's columns begin, and the end of the last.
    column_offsets: Vec<u32>,
    /// Words with scores of all forms, concatenated.
    scored: Vec<u32>,
    /// Where each form's words with scores begin, and the end of the last.
    scored_offsets: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    first: u64,
    last: u64,
    length: u32,
    /// The form's number. `NONE` means that the slot is free.
    form: u32,
    /// The node of the form's only token, [`Slot::SEVERAL`], or `NONE` for a form without tokens.
    token: u32,
}

impl Slot {
    const SEVERAL: u32 = u32::MAX - 1;
    const FREE: Self = Self {
        first: 0,
        last: 0,
        length: 0,
        form: NONE,
        token: NONE,
    };
}

/// A form found in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownWord {
    pub(super) form: usize,
    token: u32,
}

impl WordTable {
    pub(super) fn new(
        surfaces: &SurfaceForms,
        pipeline: &TextPipeline,
        lookup: &TermLookup,
        word_scores: Option<&WordScores>,
    ) -> Self {
        let size = (surfaces.len() * 2).next_power_of_two().max(2);
        // A model of buckets has no forms.
        let nodes = lookup.ngrams().into_iter().flat_map(|ngrams| {
            let tokens = surfaces.all_tokens().iter();
            tokens.map(|&token| ngrams.node_of_stored(token))
        });
        let tokens = nodes.collect();
        let mut table = Self {
            slots: vec![Slot::FREE; size],
            tokens,
            columns: Vec::new(),
            column_offsets: vec![0],
            scored: Vec::new(),
            scored_offsets: vec![0],
        };
        let (mut scratch, mut padded) = (Scratch::default(), String::new());
        for form in 0..surfaces.len() {
            let text = surfaces.form(form);
            let (first, last) = ends(text.as_bytes());
            let mut slot = hash_ends(first, last, text.len()) as usize & (size - 1);
            while table.slots[slot].form != NONE {
                slot = (slot + 1) & (size - 1);
            }
            let token = match table.tokens[surfaces.token_range(form)] {
                [] => NONE,
                [token] => token,
                _ => Slot::SEVERAL,
            };
            table.slots[slot] = Slot {
                first,
                last,
                length: text.len() as u32,
                form: form as u32,
                token,
            };
            if lookup.has_characters() || word_scores.is_some() {
                pipeline.parts(text, pipeline.folds_as_ascii(text), &mut scratch, |part| {
                    lookup.each_character_ngram(part.text, &mut padded, |column, _| table.columns.push(column));
                    let word = word_scores.and_then(|words| words.find(part.text));
                    table.scored.extend(word);
                });
                table.column_offsets.push(table.columns.len() as u32);
                table.scored_offsets.push(table.scored.len() as u32);
            }
        }
        table
    }

    /// Finds a word of a text.
    #[inline]
    pub(super) fn find(&self, text: &str, word: &RawWord, surfaces: &SurfaceForms) -> Option<KnownWord> {
        let bytes = &text.as_bytes()[word.range.clone()];
        if bytes.len() > 16 {
            return self.find_long(&text[word.range.clone()], word.ascii, surfaces);
        }
        let (mut first, mut last) = ends(bytes);
        if word.ascii {
            (first, last) = fold(first, last, bytes.len());
        }
        let mask = self.slots.len() - 1;
        let mut at = hash_ends(first, last, bytes.len()) as usize & mask;
        loop {
            let slot = &self.slots[at];
            if slot.first == first && slot.last == last && slot.length as usize == bytes.len() && slot.form != NONE {
                return Some(KnownWord {
                    form: slot.form as usize,
                    token: slot.token,
                });
            }
            if slot.form == NONE {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn find_long(&self, word: &str, ascii: bool, surfaces: &SurfaceForms) -> Option<KnownWord> {
        let mut buffer = [0u8; 64];
        // No table holds forms of more than 64 bytes; they are not words.
        let key = buffer.get_mut(..word.len())?;
        key.copy_from_slice(word.as_bytes());
        if ascii {
            key.make_ascii_lowercase();
        }
        let (first, last) = ends(key);
        let mask = self.slots.len() - 1;
        let mut at = hash_ends(first, last, key.len()) as usize & mask;
        loop {
            let slot = &self.slots[at];
            if slot.form == NONE {
                return None;
            }
            if slot.length as usize == key.len() && surfaces.form(slot.form as usize).as_bytes() == &*key {
                return Some(KnownWord {
                    form: slot.form as usize,
                    token: slot.token,
                });
            }
            at = (at + 1) & mask;
        }
    }

    /// Calls `each` with the node of every token of a known word.
    #[inline]
    pub(super) fn each_token(&self, word: KnownWord, surfaces: &SurfaceForms, each: impl FnMut(u32)) {
        match word.token {
            NONE => {}
            Slot::SEVERAL => self.tokens[surfaces.token_range(word.form)]
                .iter()
                .copied()
                .for_each(each),
            token => std::iter::once(token).for_each(each),
        }
    }

    /// Columns of the character n-grams of a known word. Only for a model with character n-grams or word scores.
    #[inline]
    pub(super) fn columns(&self, word: KnownWord) -> &[u32] {
        &self.columns[self.column_offsets[word.form] as usize..self.column_offsets[word.form + 1] as usize]
    }

    /// The words with scores of a known word. Only for a model with character n-grams or word scores.
    #[inline]
    pub(super) fn scored(&self, word: KnownWord) -> &[u32] {
        &self.scored[self.scored_offsets[word.form] as usize..self.scored_offsets[word.form + 1] as usize]
    }
}

/// The [`ends`] of the word in lower case.
#[inline]
fn fold(first: u64, last: u64, length: usize) -> (u64, u64) {
    match length {
        0..=3 => (first | LOWER >> 40, 0),
        4..=8 => (first | LOWER, 0),
        _ => (first | LOWER, last | LOWER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_the_ends_is_folding_the_word() {
        for length in 1..=16 {
            let word: String = "Don'tABCdefGHIjk".chars().take(length).collect();
            let (first, last) = ends(word.as_bytes());
            assert_eq!(
                fold(first, last, length),
                ends(word.to_ascii_lowercase().as_bytes()),
                "{word}"
            );
        }
    }
}
