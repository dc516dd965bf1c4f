//! Guesses the format from the beginning of a file, so that a wrong format gives an error instead of wrong rows.

use complaint_contract::DatasetFormat;
use serde::de::IgnoredAny;

use super::source::Unpacked;
use super::{DatasetError, json_repair};

/// The apparent format of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// `[{…`
    Array,
    /// One object per line.
    Lines,
    /// One object over several lines, or one with `hits`.
    Document,
    /// Text that does not begin like JSON.
    Text,
}

/// The format in which to read a source: the configured one, or, if that is the default CSV, the format of the
/// archive's member.
pub(super) fn format(configured: DatasetFormat, member: Option<DatasetFormat>) -> DatasetFormat {
    match (configured, member) {
        (DatasetFormat::Csv, Some(member)) => member,
        (configured, _) => configured,
    }
}

/// Checks that the bytes look like the format.
///
/// # Errors
/// [`DatasetError::WrongFormat`].
pub(super) fn check(format: DatasetFormat, name: &str, unpacked: &Unpacked<'_>) -> Result<(), DatasetError> {
    use DatasetFormat::{Csv, Json, JsonLines};
    let wrong = |looks, format| {
        Err(DatasetError::WrongFormat {
            name: name.to_owned(),
            looks,
            format,
        })
    };
    match (format, looks(unpacked.begin, unpacked.is_whole)) {
        (Csv | JsonLines, Some(Looks::Array)) => wrong("a JSON array", "Json"),
        (Csv | JsonLines, Some(Looks::Document)) => wrong("one JSON document", "Json"),
        (Csv | Json, Some(Looks::Lines)) => wrong("JSON with one object a line", "JsonLines"),
        (Json | JsonLines, Some(Looks::Text)) => wrong("CSV or another text, not JSON", "Csv"),
        _ => Ok(()),
    }
}

/// The apparent format. `None` if the beginning is not enough to decide.
fn looks(begin: &[u8], is_whole: bool) -> Option<Looks> {
    let text = begin.trim_ascii_start();
    let (first, rest) = text.split_first()?;
    let next = rest.trim_ascii_start().first();
    match (first, next) {
        (b'[', Some(b'{' | b'[' | b'"' | b']')) => Some(Looks::Array),
        (b'[', Some(b'0'..=b'9' | b'-' | b't' | b'f' | b'n')) => None,
        (b'{', Some(b'"' | b'}') | None) => of_object(text, is_whole),
        _ => Some(Looks::Text),
    }
}

/// The apparent format of text that begins with an object.
fn of_object(text: &[u8], is_whole: bool) -> Option<Looks> {
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else {
        return match is_whole && is_json(text) {
            true if has_hits(text) => Some(Looks::Document),
            true => Some(Looks::Lines),
            false => None,
        };
    };
    let (line, rest) = text.split_at(end);
    if !is_json(line) {
        return Some(Looks::Document);
    }
    match rest.trim_ascii_start().first() {
        Some(_) => Some(Looks::Lines),
        None if has_hits(line) => Some(Looks::Document),
        None => Some(Looks::Lines),
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(&json_repair::repaired(text)).is_ok()
}

fn has_hits(text: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Answer {
        #[serde(rename = "hits")]
        _hits: IgnoredAny,
    }
    serde_json::from_slice::<Answer>(&json_repair::repaired(text)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings() {
        let cases = [
            ("id,text,label\n1,a,b", Some(Looks::Text)),
            ("[id],[text]\n", Some(Looks::Text)),
            ("  [\n {\"a\": 1}", Some(Looks::Array)),
            ("[]", Some(Looks::Array)),
            ("{\"a\": 1}\n{\"a\": 2}\n", Some(Looks::Lines)),
            ("{\"a\": NaN}\n{\"a\": 2}\n", Some(Looks::Lines)),
            ("{\"a\": 1}", Some(Looks::Lines)),
            ("{\"hits\": {\"hits\": []}}\n", Some(Looks::Document)),
            ("{\n  \"hits\": []\n}", Some(Looks::Document)),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(looks(text.as_bytes(), true), expected, "{text}");
        }
        assert_eq!(looks(b"{\"a\": \"the line goes on", false), None);
    }
}
