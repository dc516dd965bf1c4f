//! WordNet lemmas of nouns.
//!
//! The rule is that of NLTK's `WordNetLemmatizer` with its default part of speech. The candidates are the word itself
//! and its detachments (Miller et al., `morphy(7WN)`); for a word in the exception list, they are the word and its
//! exceptions. The lemma is the shortest candidate that is a noun lemma; if several are equally short, the first. A
//! word without such a candidate does not change.
//!
//! The crate `wordnet-morphy` was measured against NLTK and differs: it drops a doubled letter after a detached `s`
//! (`fees` → `fe`), has no rule for `ves`, and reads its exceptions only from a directory. A test compares the two.

use std::io::Read;
use std::sync::OnceLock;

use crate::intern::StringTable;

/// Noun lemmas, an empty line, then exceptions with their lemma. Made by `examples/build_lexicon.rs`.
const COMPRESSED: &[u8] = include_bytes!("../../data/wordnet-3.0-nouns.txt.deflate");

/// Upper bound of the lexicon's size, so that unpacking it needs one allocation.
const SIZE: usize = 600_000;

/// Endings of nouns and their replacements in the lemma.
const DETACHMENTS: [(&str, &str); 9] = [
    ("s", ""),
    ("ses", "s"),
    ("ves", "f"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
];

/// Lemmas and irregular forms of WordNet 3.0's nouns that are one word.
#[derive(Debug)]
pub(super) struct Lexicon {
    lemmas: StringTable,
    irregular: StringTable,
    /// The lemma of each irregular form, as NLTK chooses it.
    irregular_lemmas: Vec<Box<str>>,
}

/// The lexicon, unpacked on first use (a few milliseconds, 2 MB).
pub(super) fn lexicon() -> &'static Lexicon {
    static LEXICON: OnceLock<Lexicon> = OnceLock::new();
    LEXICON.get_or_init(Lexicon::unpack)
}

impl Lexicon {
    fn unpack() -> Self {
        let mut text = String::with_capacity(SIZE);
        flate2::read::DeflateDecoder::new(COMPRESSED)
            .read_to_string(&mut text)
            .expect("the lexicon is part of the program and a test reads it");
        let (lemma_lines, irregular_lines) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut lexicon = Self {
            lemmas: StringTable::default(),
            irregular: StringTable::default(),
            irregular_lemmas: Vec::new(),
        };
        for lemma in lemma_lines.lines() {
            lexicon.lemmas.intern(lemma);
        }
        for (form, lemma) in irregular_lines.lines().filter_map(|line| line.split_once(' ')) {
            lexicon.irregular.intern(form);
            lexicon.irregular_lemmas.push(lemma.into());
        }
        lexicon
    }

    /// Writes the lemma of `word` (lower case) into `lemma`.
    pub(super) fn lemmatize(&self, word: &str, lemma: &mut String) {
        lemma.clear();
        if let Some(id) = self.irregular.find(word) {
            lemma.push_str(&self.irregular_lemmas[id as usize]);
            return;
        }
        let mut shortest: Option<(&str, &str)> = self.lemmas.find(word).map(|_| (word, ""));
        for (ending, replacement) in DETACHMENTS {
            let Some(stem) = word.strip_suffix(ending) else {
                continue;
            };
            let length = stem.len() + replacement.len();
            if shortest.is_some_and(|(stem, replacement)| stem.len() + replacement.len() <= length) {
                continue;
            }
            lemma.clear();
            lemma.push_str(stem);
            lemma.push_str(replacement);
            if self.lemmas.find(lemma).is_some() {
                shortest = Some((stem, replacement));
            }
        }
        let (stem, replacement) = shortest.unwrap_or((word, ""));
        lemma.clear();
        lemma.push_str(stem);
        lemma.push_str(replacement);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lemma(word: &str) -> String {
        let mut lemma = String::new();
        lexicon().lemmatize(word, &mut lemma);
        lemma
    }

    #[test]
    fn lexicon_fits_its_allocation() {
        let mut text = String::new();
        flate2::read::DeflateDecoder::new(COMPRESSED)
            .read_to_string(&mut text)
            .unwrap();
        assert!(text.len() <= SIZE, "{}", text.len());
        assert!(lexicon().lemmas.len() > 50_000 && lexicon().irregular.len() > 1_500);
    }

    #[test]
    fn regular_irregular_and_unknown() {
        let cases = [
            ("accounts", "account"),
            ("fees", "fee"),
            ("wolves", "wolf"),
            ("children", "child"),
            ("boxes", "box"),
            ("us", "u"),
            ("glass", "glass"),
            ("equifax", "equifax"),
            ("", ""),
            ("s", "s"),
        ];
        for (word, expected) in cases {
            assert_eq!(lemma(word), expected, "{word}");
        }
    }

    /// Compares two implementations of the same rules, apart from the known differences of the other one.
    #[test]
    fn agrees_with_wordnet_morphy_where_that_agrees_with_nltk() {
        let nowhere = std::path::Path::new("no directory: the rules alone");
        let morphy = wordnet_morphy::Morphy::load(nowhere).unwrap();
        let exists = |_, lemma: &str| lexicon().lemmas.find(lemma).is_some();
        let mut compared = 0;
        for noun in lexicon().lemmas.iter() {
            let plural = format!("{noun}s");
            let doubled = noun.as_bytes().windows(2).last().is_some_and(|w| w[0] == w[1]);
            let own = lexicon().irregular.find(&plural).is_some() || plural.ends_with("ves");
            if doubled || own || noun.is_empty() {
                continue;
            }
            let candidates = morphy.lemmas_for(wordnet_types::Pos::Noun, &plural, exists);
            let shortest = candidates.iter().map(|c| c.lemma.as_ref()).min_by_key(|l| l.len());
            assert_eq!(lemma(&plural), shortest.unwrap_or(&plural));
            compared += 1;
        }
        assert!(compared > 50_000);
        let fees = morphy.lemmas_for(wordnet_types::Pos::Noun, "fees", |_, lemma| {
            matches!(lemma, "fee" | "fe")
        });
        assert_eq!(fees[0].lemma, "fe", "wordnet-morphy has changed: reconsider using it");
    }
}
