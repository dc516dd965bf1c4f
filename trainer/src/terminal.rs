//! Escapes text, so that a terminal shows it and does not interpret it.
//!
//! Labels and column names come from files. A control character in one could move the cursor, colour the following text
//! or set the window's title; a mark for the writing direction could change the order of the shown text.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal may interpret a character instead of showing it.
fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with such characters escaped, as `\u{1b}`. Line ends are kept.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let is_escaped = |letter: char| is_obeyed(letter) && letter != '\n';
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_escaped(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Escapes such characters that JSON itself does not escape, as `\u009b`. The JSON value does not change.
pub(crate) fn visible_json(json: String) -> String {
    if !json.contains(is_obeyed) {
        return json;
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if is_obeyed(letter) {
            let _ = write!(shown, "\\u{:04x}", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(visible("Card\u{1b}[2J\u{7}"), "Card\\u{1b}[2J\\u{7}");
        assert_eq!(visible("a\u{9b}31m\u{202e}b\nc"), "a\\u{9b}31m\\u{202e}b\nc");
        assert_eq!(visible("Crédit 💳"), "Crédit 💳");
        let json = visible_json(serde_json::json!("a\u{9b}\u{1b}").to_string());
        assert_eq!(json, r#""a\u009b\u001b""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "a\u{9b}\u{1b}");
    }
}
