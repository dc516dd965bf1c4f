//! Removes redactions: the text that the publisher of the data has blanked out, such as the CFPB's `XXXX`.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

/// Size limit of a compiled pattern in bytes. Patterns come from users and from model files.
const MAX_COMPILED: usize = 1 << 20;

/// A compiled redaction pattern.
///
/// A pattern that matches only letters (`x{2,}`) can't reach beyond a word, so it is applied once to each distinct
/// word. Any other pattern (`\[redacted\]`, `<PERSON>`) is searched in the whole raw text before words are cut.
#[derive(Debug, Clone)]
pub(super) enum Redaction {
    Nothing,
    InWords(Regex),
    InText(Regex),
}

impl Redaction {
    /// Compiles `pattern`, ignoring case.
    ///
    /// # Errors
    /// What is wrong with the pattern, in one line.
    pub(super) fn compile(pattern: &str) -> Result<Self, String> {
        if pattern.is_empty() {
            return Ok(Self::Nothing);
        }
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(true)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .nest_limit(50)
            .build()
            .map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())?;
        if regex.is_match("") {
            return Err("it matches the empty string, and so every position of every text".to_owned());
        }
        Ok(if matches_letters_only(pattern) {
            Self::InWords(regex)
        } else {
            Self::InText(regex)
        })
    }

    /// Calls `each` with the parts of `text` between whole-text matches.
    pub(super) fn each_gap(&self, text: &str, mut each: impl FnMut(Range<usize>)) {
        let mut from = 0;
        if let Self::InText(regex) = self {
            for found in regex.find_iter(text) {
                each(from..found.start());
                from = found.end();
            }
        }
        each(from..text.len());
    }

    /// Calls `each` with the parts of a folded word between matches.
    pub(super) fn each_rest(&self, word: &str, mut each: impl FnMut(&str)) {
        let Self::InWords(regex) = self else { return each(word) };
        let mut from = 0;
        for found in regex.find_iter(word) {
            if found.start() > from {
                each(&word[from..found.start()]);
            }
            from = found.end();
        }
        if from < word.len() {
            each(&word[from..]);
        }
    }

    /// Whether the pattern is searched in whole texts.
    pub(super) fn is_in_text(&self) -> bool {
        matches!(self, Self::InText(_))
    }
}

/// Whether the pattern has only plain letters, repetitions, alternatives and groups. The answer "no" is always safe.
fn matches_letters_only(pattern: &str) -> bool {
    let mut in_count = false;
    pattern.chars().all(|c| match c {
        '{' => !std::mem::replace(&mut in_count, true),
        '}' => std::mem::replace(&mut in_count, false),
        '0'..='9' | ',' => in_count,
        'a'..='z' | 'A'..='Z' => !in_count,
        '+' | '*' | '?' | '|' | '(' | ')' => !in_count,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_only() {
        for (pattern, expected) in [
            ("x{2,}", true),
            ("(xx+|redacted)", true),
            ("xx/xx", false),
            (r"\[redacted\]", false),
            ("x.x", false),
            ("[a-z]+", false),
            ("x1", false),
        ] {
            assert_eq!(matches_letters_only(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn refused_patterns_say_why() {
        for (pattern, reason) in [
            ("(", "unclosed group"),
            ("x*", "empty string"),
            (r"\w{500}{500}", "size limit"),
        ] {
            let error = Redaction::compile(pattern).unwrap_err();
            assert!(error.contains(reason), "{pattern}: {error}");
            assert!(!error.contains('\n'));
        }
    }
}
