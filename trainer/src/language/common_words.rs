//! How much of a text is made of a language's common words.

use std::sync::OnceLock;

use caseless::default_case_fold_str;
use complaint_contract::Language;
use complaint_model::text::stop_words;
use rustc_hash::FxHashSet;

use crate::split::fnv;

/// The common words of a language: its stop words, by hash. The profile looks at every row of a training, so words are
/// compared without normalising them.
#[derive(Debug, Clone, Copy)]
pub struct CommonWords {
    language: Language,
    hashes: &'static FxHashSet<u64>,
}

impl CommonWords {
    /// Those of a language.
    pub fn of(language: Language) -> Self {
        static HASHES: [OnceLock<FxHashSet<u64>>; Language::ALL.len()] =
            [const { OnceLock::new() }; Language::ALL.len()];
        let hashes = HASHES[language as usize].get_or_init(|| {
            let words = stop_words(language).iter();
            words.map(|word| word_hash(word)).collect()
        });
        Self { language, hashes }
    }

    /// Whether the word with this hash is common.
    pub fn contains(self, hash: u64) -> bool {
        self.hashes.contains(&hash)
    }

    /// The share of common words that nearly all longer texts of the language have. About two in five English words are
    /// stop words; languages that express much by endings and prefixes have fewer.
    pub fn least_share(self) -> f64 {
        match self.language {
            Language::Ar | Language::Fi | Language::Hu | Language::Ta | Language::Tr => 0.03,
            _ => 0.1,
        }
    }

    /// The share of common words among the words with these hashes.
    pub fn share(self, words: &[u64]) -> f64 {
        let common = words.iter().filter(|&&hash| self.contains(hash)).count();
        common as f64 / words.len().max(1) as f64
    }
}

/// The hash of a case-folded word, without the punctuation around it.
pub fn word_hash(word: &str) -> u64 {
    let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    if word.is_ascii() {
        fnv(word.bytes().map(|byte| byte.to_ascii_lowercase()))
    } else {
        // As the lists are folded.
        fnv(default_case_fold_str(word).bytes())
    }
}

/// The hashes of a text's words: apostrophes separate words too, as they do in languages other than English.
pub(super) fn hashes(text: &str) -> Vec<u64> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '\u{2019}'))
        .filter(|word| word.chars().any(char::is_alphabetic))
        .map(word_hash)
        .collect()
}
