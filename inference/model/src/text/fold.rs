//! Gives each word one spelling: compatibility characters, letter case and apostrophes.

use std::borrow::Cow;

use caseless::Caseless;
use complaint_contract::Language;
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};
use unicode_segmentation::UnicodeSegmentation;

use super::scan::{APOSTROPHE_REFERENCES, is_apostrophe};

/// Where a language departs from Unicode's case folding and normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tailoring {
    #[default]
    None,
    /// `I` is the capital of `ı`, and `İ` that of `i`.
    Turkish,
    /// `ș` and `ț` are also typed with a cedilla, which is the spelling that the stemmer knows.
    Romanian,
}

impl Tailoring {
    pub(super) fn of(language: Language) -> Self {
        match language {
            Language::Tr => Self::Turkish,
            Language::Ro => Self::Romanian,
            _ => Self::None,
        }
    }

    /// Whether [`fold_ascii`] would be wrong for a word of ASCII letters.
    #[inline]
    pub(super) fn concerns_ascii(self, word: &str) -> bool {
        self == Self::Turkish && word.contains('I')
    }

    /// Whether a word that is folded otherwise still has to be rewritten.
    fn concerns_folded(self, word: &str) -> bool {
        self == Self::Romanian && word.contains(['\u{219}', '\u{21b}', '\u{326}'])
    }

    /// Rewrites the canonical decomposition of a word.
    fn rewrite(self, decomposed: String) -> String {
        match self {
            Self::None => decomposed,
            Self::Turkish => with_turkish_i(&decomposed),
            Self::Romanian => decomposed.replace('\u{326}', "\u{327}"),
        }
    }
}

/// Replaces `I` by `ı`, and `I` with a dot above by `i`. (The dot belongs to the letter unless another mark is above it already;
/// Unicode 16, section 3.13, `SpecialCasing.txt`.)
fn with_turkish_i(decomposed: &str) -> String {
    let mut rewritten = String::with_capacity(decomposed.len() + 8);
    let mut rest = decomposed;
    while let Some(at) = rest.find('I') {
        rewritten.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let above = rest.find(|c| matches!(canonical_combining_class(c), 0 | 230));
        let (below, marks) = rest.split_at(above.unwrap_or(rest.len()));
        match marks.strip_prefix('\u{307}') {
            Some(after) => {
                rewritten.push('i');
                rewritten.push_str(below);
                rest = after;
            }
            None => rewritten.push('ı'),
        }
    }
    rewritten.push_str(rest);
    rewritten
}

/// Writes `word` in lower case. The word may contain only ASCII letters, digits and apostrophes. A back-tick becomes an
/// apostrophe.
pub(super) fn fold_ascii(word: &str, folded: &mut String) {
    folded.clear();
    folded.extend(
        word.chars()
            .map(|c| if c == '`' { '\'' } else { c.to_ascii_lowercase() }),
    );
}

/// Limits the folded form of a word to twice the length of its canonical decomposition plus this many bytes. One character can become eighteen
/// (U+FDFA): a word of such characters would grow elevenfold, and the work with it. Everything over the limit is cut
/// off.
const MAX_GROWTH: usize = 64;

/// Writes the NFKC and case-folded form of `word`, with one character for all apostrophes.
///
/// Folding can undo normalisation and normalisation can undo folding, so both run twice (Unicode 16, definition D146;
/// the definition begins with NFD, but NFKC works as well, because later steps see compatibility characters decomposed
/// either way).
pub(super) fn fold_unicode(word: &str, tailoring: Tailoring, folded: &mut String) {
    if is_folded(word) && !tailoring.concerns_folded(word) {
        folded.clear();
        folded.push_str(word);
    } else {
        fold_slowly(word, tailoring, folded);
    }
}

/// Whether folding leaves the word unchanged, which the check finds without folding it. This is true for nearly all
/// words of scripts without letter case, and for most words in lower case.
fn is_folded(word: &str) -> bool {
    let stays = |c: char| {
        let mut folded = std::iter::once(c).default_case_fold();
        !(c == '&' || is_ignorable(c) || is_apostrophe(c)) && folded.next() == Some(c) && folded.next().is_none()
    };
    word.chars().all(stays) && is_nfkc_quick(word.chars()) == IsNormalized::Yes
}

fn fold_slowly(word: &str, tailoring: Tailoring, folded: &mut String) {
    let mut plain = Cow::Borrowed(word);
    for reference in APOSTROPHE_REFERENCES {
        if plain.contains(reference) {
            plain = Cow::Owned(plain.replace(reference, "'"));
        }
    }
    // All spellings of a word have one canonical decomposition, and so one limit.
    let decomposed: String = plain.nfd().collect();
    let limit = 2 * decomposed.len() + MAX_GROWTH;
    let decomposed = tailoring.rewrite(decomposed);
    // Replace apostrophes first: some have compatibility decompositions with a space.
    let visible = decomposed
        .chars()
        .filter(|c| !is_ignorable(*c))
        .map(|c| if is_apostrophe(c) { '\'' } else { c });
    let mut once = String::with_capacity(word.len());
    extend_to(&mut once, visible.nfkc().default_case_fold().nfkc(), limit);
    folded.clear();
    let twice = once.chars().default_case_fold().nfkc();
    extend_to(folded, twice.map(|c| if is_apostrophe(c) { '\'' } else { c }), limit);
}

/// Appends characters as long as they take at most `limit` bytes together.
fn extend_to(text: &mut String, characters: impl Iterator<Item = char>, limit: usize) {
    text.extend(characters.scan(0, |length, c| {
        *length += c.len_utf8();
        (*length <= limit).then_some(c)
    }));
}

/// Invisible characters inside words: soft hyphen, joiners, byte-order mark, variation selectors.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}'
    )
}

/// Calls `each` with the UAX #29 words of a folded word, apostrophes included. Everything except letters and marks
/// separates words, including digits and full stops.
pub(super) fn each_word(folded: &str, mut each: impl FnMut(&str)) {
    folded.unicode_words().for_each(|word| each_letter_run(word, &mut each));
}

/// Calls `each` with the runs of letters and marks of one UAX #29 word, apostrophes included.
pub(super) fn each_letter_run(word: &str, mut each: impl FnMut(&str)) {
    for part in word.split(|c: char| !(c == '\'' || is_word_char(c))) {
        let part = part.trim_matches('\'');
        if !part.is_empty() {
            each(part);
        }
    }
}

/// Removes leading marks that have no base character. Returns `None` if no letter and no digit is left.
pub(super) fn without_stray_marks(part: &str) -> Option<&str> {
    let part = part.trim_start_matches(unicode_normalization::char::is_combining_mark);
    part.chars()
        .any(|c| c.is_alphabetic() || c.is_ascii_digit())
        .then_some(part)
}

fn is_word_char(c: char) -> bool {
    c.is_alphabetic() || unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(word: &str) -> String {
        let mut out = String::new();
        fold_unicode(word, Tailoring::None, &mut out);
        out
    }

    #[test]
    fn spellings_meet() {
        let cases = [
            ("CAF\u{c9}", "caf\u{e9}"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("\u{ff21}\u{ff22}\u{ff23}", "abc"),
            ("\u{fb01}ne", "fine"),
            ("Stra\u{df}e", "strasse"),
            ("don\u{2019}t", "don't"),
            ("don\u{b4}t", "don't"),
            ("don&#39;t", "don't"),
            ("ac\u{ad}count", "account"),
        ];
        for (word, expected) in cases {
            assert_eq!(folded(word), expected, "{word}");
        }
    }

    #[test]
    fn tailored_spellings_meet() {
        let cases = [
            (Tailoring::Turkish, "KARTIM", "kartım"),
            (Tailoring::Turkish, "İADE", "iade"),
            (Tailoring::Turkish, "I\u{307}ade", "iade"),
            (Tailoring::Turkish, "I\u{323}\u{307}", "ị"),
            (Tailoring::Turkish, "I\u{301}\u{307}", "\u{131}\u{301}\u{307}"),
            (Tailoring::Turkish, "ŞİKAYET", "şikayet"),
            (Tailoring::None, "KARTIM", "kartim"),
            (Tailoring::Romanian, "INFORMAȚII", "informaţii"),
            (Tailoring::Romanian, "plată și informații", "plată şi informaţii"),
            (Tailoring::None, "informații", "informații"),
        ];
        for (tailoring, word, expected) in cases {
            for spelling in [word.nfc().collect::<String>(), word.nfd().collect()] {
                let mut out = String::new();
                fold_unicode(&spelling, tailoring, &mut out);
                assert_eq!(out, expected, "{word}");
            }
        }
    }

    #[test]
    fn what_is_told_to_be_folded_is_left_as_it_is_by_folding_too() {
        let mut slow = String::new();
        let mut told = 0;
        for c in ('\0'..='\u{1ffff}').chain('\u{e0000}'..='\u{e0fff}') {
            for word in [
                c.to_string(),
                format!("\u{643}{c}\u{628}"),
                format!("e\u{301}{c}"),
                format!("{c}\u{302}\u{11a8}"),
            ] {
                fold_slowly(&word, Tailoring::None, &mut slow);
                assert_eq!(folded(&word), slow, "{word:?}");
                told += usize::from(is_folded(&word));
            }
        }
        assert!(told > 100_000, "{told}");
        for word in [
            "\u{627}\u{644}\u{628}\u{637}\u{627}\u{642}\u{629}",
            "\u{5361}\u{8d39}",
            "caf\u{e9}",
        ] {
            assert!(is_folded(word), "{word}");
        }
        for word in ["\u{fdfa}", "Caf\u{e9}", "cafe\u{301}", "don&#39;t", "don\u{2019}t"] {
            assert!(!is_folded(word), "{word}");
        }
    }

    #[test]
    fn a_word_does_not_grow_without_limit() {
        let one = folded("\u{fdfa}");
        assert_eq!(one.chars().count(), 18, "one such character is whole");
        let many = "\u{fdfa}".repeat(300);
        assert!(folded(&many).len() <= 2 * many.len() + MAX_GROWTH);
        assert!(folded(&many).starts_with(&one));
        // Nothing that people write grows this much.
        for word in ["\u{fb03}", "\u{390}", "\u{df}", "\u{33a1}", "\u{958}", "\u{e33}"] {
            let long = word.repeat(300);
            assert_eq!(folded(&long), folded(word).repeat(300), "{word}");
        }
    }

    #[test]
    fn a_word_is_cut_at_the_same_place_in_all_its_spellings() {
        for word in [
            "\u{fdfa}\u{fdfa}\u{130}\u{fdfa}\u{301}",
            "\u{e9}\u{fdfa}\u{fdfa}\u{fdfa}\u{fdfa}\u{1ec7}\u{fdfa}",
        ] {
            let (composed, decomposed): (String, String) = (word.nfc().collect(), word.nfd().collect());
            assert_ne!(composed, decomposed);
            assert_eq!(folded(&composed), folded(&decomposed), "{word:?}");
        }
    }

    #[test]
    fn words_after_folding() {
        let mut words = Vec::new();
        each_word(&folded("don\u{2019}t\u{3000}\u{bd}na\u{ef}ve\u{1f600}\u{301}x"), |w| {
            words.push(w.to_owned())
        });
        assert_eq!(words, ["don't", "na\u{ef}ve", "x"]);
    }
}
