//! Words that are too common in a language to tell classes apart.
//!
//! A list is compared with words after folding, so it is folded too. People leave out accents (`nao` for `não`), and
//! capitals often lack them, so each word of a list other than English is also listed without them.

use std::borrow::Cow;
use std::sync::OnceLock;

use complaint_contract::Language;
use unicode_normalization::UnicodeNormalization;

use super::fold::{Tailoring, fold_unicode};

/// The words of a language as they are spelled. English: scikit-learn's `ENGLISH_STOP_WORDS` (a list of the Glasgow Information
/// Retrieval Group), so that results can be compared. Others: articles, pronouns, prepositions, conjunctions, auxiliaries
/// and a few adverbs, with elided forms (`l`, `dell`), because words are cut at apostrophes.
const fn list(language: Language) -> &'static str {
    match language {
        Language::Ar => include_str!("../../data/stop_words/ar.txt"),
        Language::Da => include_str!("../../data/stop_words/da.txt"),
        Language::De => include_str!("../../data/stop_words/de.txt"),
        Language::El => include_str!("../../data/stop_words/el.txt"),
        Language::En => include_str!("../../data/stop_words/en.txt"),
        Language::Es => include_str!("../../data/stop_words/es.txt"),
        Language::Fi => include_str!("../../data/stop_words/fi.txt"),
        Language::Fr => include_str!("../../data/stop_words/fr.txt"),
        Language::Hu => include_str!("../../data/stop_words/hu.txt"),
        Language::It => include_str!("../../data/stop_words/it.txt"),
        Language::Nb => include_str!("../../data/stop_words/nb.txt"),
        Language::Nl => include_str!("../../data/stop_words/nl.txt"),
        Language::Pt => include_str!("../../data/stop_words/pt.txt"),
        Language::Ro => include_str!("../../data/stop_words/ro.txt"),
        Language::Ru => include_str!("../../data/stop_words/ru.txt"),
        Language::Sv => include_str!("../../data/stop_words/sv.txt"),
        Language::Ta => include_str!("../../data/stop_words/ta.txt"),
        Language::Tr => include_str!("../../data/stop_words/tr.txt"),
    }
}

/// The stop words of a language in the form in which tokens are compared with them: folded, ascending.
pub fn stop_words(language: Language) -> &'static [Cow<'static, str>] {
    static LISTS: [OnceLock<Vec<Cow<'static, str>>>; Language::ALL.len()] =
        [const { OnceLock::new() }; Language::ALL.len()];
    LISTS[language as usize].get_or_init(|| {
        let words = list(language).split_ascii_whitespace();
        let mut words: Vec<Cow<'static, str>> = match language {
            Language::En => words.map(Cow::Borrowed).collect(),
            other => words.flat_map(|word| spellings(word, other)).collect(),
        };
        words.sort_unstable();
        words.dedup();
        words
    })
}

/// The folded word, with and without its accents.
fn spellings(word: &str, language: Language) -> [Cow<'static, str>; 2] {
    let mut folded = String::new();
    fold_unicode(word, Tailoring::of(language), &mut folded);
    let is_accent = |c: &char| matches!(c, '\u{300}'..='\u{36f}' | '\u{653}'..='\u{655}');
    // In Turkish, letters without their marks are other words (`şu`, `su`).
    let plain: String = match language {
        Language::Tr => folded.clone(),
        _ => folded.nfd().filter(|c| !is_accent(c)).nfc().collect(),
    };
    [folded.into(), plain.into()]
}

/// Whether a folded word is among `words`, which are those of a language.
pub(super) fn is_among(words: &[Cow<'static, str>], word: &str) -> bool {
    words.binary_search_by(|other| other.as_ref().cmp(word)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_stop_word(language: Language, word: &str) -> bool {
        is_among(stop_words(language), word)
    }

    #[test]
    fn the_english_list_is_whole_and_as_written() {
        let words = stop_words(Language::En);
        assert_eq!(words.len(), 318);
        assert!(words.iter().eq(list(Language::En).lines()), "the file is sorted");
        assert!(is_stop_word(Language::En, "the") && !is_stop_word(Language::En, "account"));
    }

    #[test]
    fn words_are_listed_once_and_in_their_folded_form() {
        for language in Language::ALL {
            let mut written: Vec<&str> = list(language).split_ascii_whitespace().collect();
            let count = written.len();
            written.sort_unstable();
            written.dedup();
            assert_eq!(written.len(), count, "{language} has a word twice");
            assert!(count >= 100, "{language}: {count}");
            for word in stop_words(language) {
                let mut folded = String::new();
                fold_unicode(word, Tailoring::of(language), &mut folded);
                assert_eq!(folded, *word, "{language}");
            }
        }
    }

    #[test]
    fn other_spellings_are_found_too() {
        let cases = [
            (Language::Pt, "não", "conta"),
            (Language::Pt, "nao", "cartao"),
            (Language::De, "dass", "karte"),
            (Language::De, "fur", "konto"),
            (Language::Fr, "l", "carte"),
            (Language::It, "dell", "conto"),
            (Language::El, "τισ", "καρτα"),
            (Language::El, "ειναι", "τραπεζα"),
            (Language::Ro, "şi", "banca"),
            (Language::Ro, "si", "card"),
            (Language::Ar, "الى", "بطاقة"),
            (Language::Ru, "еще", "карта"),
            (Language::Tr, "için", "su"),
        ];
        for (language, stop_word, other) in cases {
            assert!(is_stop_word(language, stop_word), "{language}: {stop_word}");
            assert!(!is_stop_word(language, other), "{language}: {other}");
        }
    }
}
