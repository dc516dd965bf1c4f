//! Finds the words of a raw text.
//!
//! The scan works on raw bytes, because serving looks words up before anything is normalised. A word here is a run of
//! letters with single apostrophes inside. Within ASCII, this is what UAX #29 gives if digits, full stops, colons and
//! underscores separate words. If numbers are kept, a run of up to four ASCII digits is a word too; all other runs of
//! digits separate words. A run with any other character is passed on whole, and [`super::fold`] applies UAX #29 to it
//! after normalisation. Every cut is at an ASCII character that takes part in no canonical composition, or at
//! punctuation without one, so NFC and NFD spellings of a text are cut alike. Only runs longer than [`MAX_WORD`] are
//! also cut elsewhere, so later steps never see a word as long as a whole text.

use std::ops::Range;

use super::is_ascii_word;

/// A word in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawWord {
    /// Its bytes in the text.
    pub(crate) range: Range<usize>,
    /// Whether it has only ASCII letters, digits and apostrophes. Such words fold case by `byte | 0x20`.
    pub(crate) ascii: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Separator,
    Letter,
    /// Part of a word if numbers are kept; otherwise a separator.
    Digit,
    Apostrophe,
    /// First byte of a character outside ASCII.
    High,
    /// `<`, perhaps a tag.
    Less,
    /// `&`, perhaps a character reference.
    Ampersand,
}

type Classes = [Class; 256];

static WITHOUT_NUMBERS: Classes = classes(Class::Separator);
static WITH_NUMBERS: Classes = classes(Class::Digit);

const fn classes(digit: Class) -> Classes {
    let mut classes = [Class::Separator; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => digit,
            b'\'' | b'`' => Class::Apostrophe,
            b'<' => Class::Less,
            b'&' => Class::Ampersand,
            0x80.. => Class::High,
            _ => Class::Separator,
        };
        byte += 1;
    }
    classes
}

/// Spellings of an apostrophe in HTML.
pub(super) const APOSTROPHE_REFERENCES: [&str; 7] =
    ["&#39;", "&#039;", "&#x27;", "&apos;", "&rsquo;", "&lsquo;", "&#8217;"];

/// Characters that people type as apostrophes.
pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{b4}' | '\u{2032}' | '\u{ff07}'
    )
}

/// Common punctuation and spaces outside ASCII. They are never part of a word and have no canonical decomposition or
/// composition.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{a7}' | '\u{ab}' | '\u{b7}' | '\u{bb}' | '\u{2010}'..='\u{2015}' | '\u{201a}' | '\u{201c}'..='\u{201f}'
            | '\u{2020}'..='\u{2023}' | '\u{2026}' | '\u{20ac}' | '\u{a3}'
    ) || is_break(c)
}

/// Punctuation of languages that put no spaces between words, and sentence-ending marks of other languages. They are
/// never part of a word and don't compose with the characters next to them.
fn is_break(c: char) -> bool {
    matches!(
        c,
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{ff01}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0c}' | '\u{ff1b}'
            | '\u{ff1f}' | '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{6d4}' | '\u{964}' | '\u{965}' | '\u{104a}' | '\u{104b}'
    )
}

/// Digits of the longest number that is kept. Years, forms (`1099`) and most amounts are not longer. Longer runs are
/// account and order numbers, which don't belong in a model's vocabulary.
const MAX_DIGITS: usize = 4;

/// Longest word in bytes. A longer run is not a word, but a file in Base64, a key held down, or a text without spaces and
/// punctuation.
pub(super) const MAX_WORD: usize = 1024;

/// Longest tag that is recognised, in bytes. It limits the look-ahead.
const MAX_TAG: usize = 2000;

/// The words of a text, in order. Skips markup (tags, character references), URLs and e-mail addresses.
pub(crate) struct Words<'t> {
    text: &'t str,
    classes: &'static Classes,
    at: usize,
    /// Position of the first `@` at or after `at`.
    next_mail: usize,
}

impl<'t> Words<'t> {
    pub(crate) fn new(text: &'t str, numbers: bool) -> Self {
        Self {
            text,
            classes: if numbers { &WITH_NUMBERS } else { &WITHOUT_NUMBERS },
            at: 0,
            next_mail: find_at(text, 0),
        }
    }

    #[inline]
    fn class(&self, at: usize) -> Class {
        self.text
            .as_bytes()
            .get(at)
            .map_or(Class::Separator, |&b| self.classes[usize::from(b)])
    }

    fn char(&self, at: usize) -> char {
        self.text[at..].chars().next().unwrap_or(' ')
    }

    /// Moves to the first letter or digit of the next word.
    #[inline]
    fn skip_to_word(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match self.classes[usize::from(byte)] {
                Class::Letter | Class::Digit => return true,
                Class::Separator | Class::Apostrophe => self.at += 1,
                Class::Less => self.at = end_of_tag(bytes, self.at),
                Class::Ampersand => self.at = end_of_reference(bytes, self.at),
                Class::High => {
                    let c = self.char(self.at);
                    if !is_separator(c) && !is_apostrophe(c) {
                        return true;
                    }
                    self.at += c.len_utf8();
                }
            }
        }
        false
    }

    /// Returns the end of the word that starts at `start`, or the limit for the longest word. Also returns whether the
    /// word is all ASCII.
    #[inline]
    fn extend(&self, start: usize) -> (usize, bool) {
        let bytes = self.text.as_bytes();
        let mut at = start;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        if at > start {
            return (at, true);
        }
        let longest = bytes.len().min(start + MAX_WORD + 1);
        while at < longest && bytes[at].is_ascii_alphabetic() {
            at += 1;
        }
        let (end, ascii) = match self.class(at) {
            Class::Separator | Class::Digit | Class::Less => (at, true),
            _ => self.extend_slowly(at, start + MAX_WORD),
        };
        if end - start > MAX_WORD {
            return self.cut(start);
        }
        (end, ascii)
    }

    /// The end of a word that is too long: the last character boundary.
    #[cold]
    fn cut(&self, start: usize) -> (usize, bool) {
        let mut end = start + MAX_WORD;
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        (end, is_ascii_word(&self.text[start..end]))
    }

    /// Goes to the end of a word that is not all letters, or past `longest`.
    fn extend_slowly(&self, mut at: usize, longest: usize) -> (usize, bool) {
        let mut ascii = true;
        loop {
            if at > longest {
                return (at, ascii);
            }
            let (step, plain, joins) = match self.class(at) {
                Class::Letter => (1, true, false),
                Class::Apostrophe => (1, true, true),
                Class::Ampersand => match apostrophe_reference(&self.text[at..]) {
                    Some(length) => (length, false, true),
                    None => return (at, ascii),
                },
                Class::High => {
                    let c = self.char(at);
                    if is_separator(c) {
                        return (at, ascii);
                    }
                    (c.len_utf8(), false, is_apostrophe(c))
                }
                Class::Separator | Class::Digit | Class::Less => return (at, ascii),
            };
            // An apostrophe belongs to the word only if a letter follows.
            if joins && !matches!(self.class(at + step), Class::Letter | Class::High) {
                return (at, ascii);
            }
            ascii &= plain;
            at += step;
        }
    }

    /// The end of the e-mail address that has the word at `start` in its local part.
    fn end_of_mail(&self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let domain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-') || *b >= 0x80;
        let named = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80;
        if self.next_mail - start > 64 || !bytes.get(self.next_mail + 1).is_some_and(named) {
            return None;
        }
        let local = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-');
        if !bytes[start..self.next_mail].iter().all(local) {
            return None;
        }
        let rest = &bytes[self.next_mail + 1..];
        Some(self.next_mail + 1 + rest.iter().position(|b| !domain(b)).unwrap_or(rest.len()))
    }

    /// The end of the URL that begins with the word `start..end`.
    fn end_of_url(&self, start: usize, end: usize) -> Option<usize> {
        let rest = &self.text.as_bytes()[end..];
        let is_url = rest.starts_with(b"://")
            || (rest.first() == Some(&b'.') && self.text[start..end].eq_ignore_ascii_case("www"));
        if !is_url {
            return None;
        }
        let stop = |i: usize| {
            rest[i].is_ascii_whitespace() || rest[i] == b'"' || (rest[i] == b'<' && begins_tag(&rest[i + 1..]))
        };
        Some(end + (0..rest.len()).find(|&i| stop(i)).unwrap_or(rest.len()))
    }
}

impl Iterator for Words<'_> {
    type Item = RawWord;

    #[inline]
    fn next(&mut self) -> Option<RawWord> {
        while self.skip_to_word() {
            let start = self.at;
            if self.next_mail != usize::MAX {
                if self.next_mail < start {
                    self.next_mail = find_at(self.text, start);
                }
                if let Some(end) = self.end_of_mail(start) {
                    self.at = end;
                    continue;
                }
            }
            let (end, ascii) = self.extend(start);
            self.at = end;
            if end - start > MAX_DIGITS && self.class(start) == Class::Digit {
                continue;
            }
            if let Some(b':' | b'.') = self.text.as_bytes().get(end)
                && let Some(end) = self.end_of_url(start, end)
            {
                self.at = end;
                continue;
            }
            return Some(RawWord {
                range: start..end,
                ascii,
            });
        }
        None
    }
}

fn find_at(text: &str, from: usize) -> usize {
    text.as_bytes()[from..]
        .iter()
        .position(|&b| b == b'@')
        .map_or(usize::MAX, |i| from + i)
}

/// Length of the apostrophe reference that `text` begins with.
fn apostrophe_reference(text: &str) -> Option<usize> {
    APOSTROPHE_REFERENCES
        .iter()
        .find(|reference| text.starts_with(**reference))
        .map(|reference| reference.len())
}

/// Whether the `<` before `inside` begins a tag or comment. A tag's name is ASCII and must end before an ASCII
/// character; otherwise its last letter may be half of a composed character.
fn begins_tag(inside: &[u8]) -> bool {
    let name = match inside.first() {
        Some(b'!') => return true,
        Some(b'/') => &inside[1..],
        _ => inside,
    };
    let length = name
        .iter()
        .position(|b| !b.is_ascii_alphanumeric())
        .unwrap_or(name.len());
    name.first().is_some_and(u8::is_ascii_alphabetic) && name.get(length).is_none_or(u8::is_ascii)
}

/// The position after the tag, comment or lone `<` at `at`.
fn end_of_tag(bytes: &[u8], at: usize) -> usize {
    let inside = &bytes[at + 1..bytes.len().min(at + MAX_TAG)];
    if !begins_tag(inside) {
        return at + 1;
    }
    match inside.iter().position(|b| matches!(b, b'<' | b'>')) {
        // U+0338 composes with `>`: the NFC spelling has no tag here.
        Some(end) if inside[end] == b'>' && !bytes[at + end + 2..].starts_with("\u{338}".as_bytes()) => at + end + 2,
        _ => at + 1,
    }
}

/// The position after the character reference or lone `&` at `at`.
fn end_of_reference(bytes: &[u8], at: usize) -> usize {
    let inside = &bytes[at + 1..bytes.len().min(at + 12)];
    let digits = usize::from(inside.first() == Some(&b'#'));
    match inside.iter().skip(digits).position(|b| !b.is_ascii_alphanumeric()) {
        Some(length) if length > 0 && inside[digits + length] == b';' => at + 1 + digits + length + 1,
        _ => at + 1,
    }
}

#[cfg(test)]
mod tests;
