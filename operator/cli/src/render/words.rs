//! Words that are safe for a terminal.
//!
//! Messages, names of categories and log lines come from objects that others write. A terminal obeys some characters in them (escape
//! sequences, overwriting, text direction), so text reaches a page only as [`Words`], which replace such characters.

use std::fmt::Write as _;

/// What stands for a character that a terminal would obey.
const REPLACED: char = '\u{fffd}';

/// Whether a terminal would obey the character, or a reader could not see it: controls, and marks for direction and format.
/// Joiners stay, because scripts need them.
pub(crate) fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line, safe for a terminal.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_obeyed(c) => REPLACED,
            c => c,
        })
        .collect()
}

/// A colour with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Needs somebody.
    Bad,
    /// Worth a look.
    Notice,
    /// Less important.
    Dim,
    /// A heading.
    Strong,
}

/// The tones, each with a character that takes no room in a table and that no safe text contains, and its escape sequence.
const TONES: [(Tone, char, &str); 5] = [
    (Tone::Good, '\u{2061}', "\u{1b}[32m"),
    (Tone::Bad, '\u{2062}', "\u{1b}[31m"),
    (Tone::Notice, '\u{2063}', "\u{1b}[33m"),
    (Tone::Dim, '\u{2064}', "\u{1b}[2m"),
    (Tone::Strong, '\u{206a}', "\u{1b}[1m"),
];
/// The end of a tone.
const END: (char, &str) = ('\u{206b}', "\u{1b}[0m");

/// One line of safe text, in which parts have tones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(String);

impl Words {
    /// The text in a tone.
    pub(crate) fn toned(tone: Tone, text: impl AsRef<str>) -> Self {
        let text = visible(text.as_ref());
        let mark = TONES.iter().find(|(of, ..)| *of == tone).map(|(_, mark, _)| *mark);
        match mark {
            Some(mark) if !text.is_empty() => Self(format!("{mark}{text}{}", END.0)),
            _ => Self(text),
        }
    }

    /// What stands for nothing.
    pub(crate) fn none() -> Self {
        Self::from("-")
    }

    /// The text, or what stands for nothing.
    pub(crate) fn or_none(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::none, |text| Self::from(text.as_ref()))
    }

    /// These words and more, without a space between.
    pub(crate) fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.push_str(&more.into().0);
        self
    }

    /// With marks for tones, for [`finish`].
    pub(super) fn marked(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self(visible(text))
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Words {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

/// Marked text with colours, or without.
pub(super) fn finish(marked: &str, colours: bool) -> String {
    let mut out = String::with_capacity(marked.len());
    for c in marked.chars() {
        let sequence = match TONES.iter().find(|(_, mark, _)| *mark == c) {
            Some((.., sequence)) => Some(*sequence),
            None if c == END.0 => Some(END.1),
            None => None,
        };
        match sequence {
            Some(sequence) if colours => out.push_str(sequence),
            Some(_) => {}
            None => {
                // Writing to a string does not fail.
                let _ = out.write_char(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_replaced() {
        for (text, expected) in [
            ("plain – naïve ✔", "plain – naïve ✔"),
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
            ("a\u{1b}]0;title\u{7}b", "a\u{fffd}]0;title\u{fffd}b"),
            ("a\u{9b}31mb", "a\u{fffd}31mb"),
            ("one\r\ntwo\tthree", "one  two three"),
            ("back\u{8}\u{8}", "back\u{fffd}\u{fffd}"),
            ("abc\u{202e}gpj", "abc\u{fffd}gpj"),
            ("\u{2061}green\u{206b}", "\u{fffd}green\u{fffd}"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ] {
            assert_eq!(visible(text), expected, "{text:?}");
            assert_eq!(finish(Words::from(text).marked(), true), expected, "{text:?}");
        }
    }

    #[test]
    fn tones_are_colours_only_where_asked_for() {
        let words = Words::from("is ").and(Words::toned(Tone::Bad, "b\u{1b}[0mad"));
        assert_eq!(finish(words.marked(), true), "is \u{1b}[31mb\u{fffd}[0mad\u{1b}[0m");
        assert_eq!(finish(words.marked(), false), "is b\u{fffd}[0mad");
    }
}
