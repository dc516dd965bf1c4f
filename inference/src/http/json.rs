//! Parses JSON bodies with fewer surprises than serde's defaults.
//!
//! * An object must be an object. By default serde also reads a struct from an array by position, so `["a text"]` would
//!   be a valid request.
//! * An error in a list item gives the item's index.
//! * A leading byte order mark is skipped, and half of a surrogate pair becomes U+FFFD, as in other JSON parsers.
//! * Error messages never quote the client's text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::error::ApiError;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The body without a byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// Whether a body looks like a JSON object.
pub(super) fn begins_object(bytes: &[u8]) -> bool {
    without_mark(bytes).trim_ascii_start().starts_with(b"{")
}

/// Whether a body looks like a JSON list.
pub(super) fn begins_list(bytes: &[u8]) -> bool {
    without_mark(bytes).trim_ascii_start().starts_with(b"[")
}

/// Parses a JSON object. `expected` tells the client what the route accepts.
///
/// # Errors
/// [`ApiError::InvalidBody`] with the parser's message, line and column.
pub(super) fn parse_json<T: DeserializeOwned>(bytes: &[u8], expected: &'static str) -> Result<T, ApiError> {
    let text = without_mark(bytes);
    let detail = match parse::<Object<T>>(text) {
        Ok(Object(value)) => return Ok(value),
        Err(error) if error.is_data() && !begins_object(text) && !is_utf_16(text) => "an object is expected".into(),
        Err(error) => detail(text, &error),
    };
    Err(ApiError::InvalidBody { detail, expected })
}

/// Parses a JSON list of objects. Messages call them `name`.
///
/// # Errors
/// As [`parse_json`].
pub(super) fn parse_list<T: DeserializeOwned>(
    name: &'static str,
    bytes: &[u8],
    expected: &'static str,
) -> Result<Vec<T>, ApiError> {
    let text = without_mark(bytes);
    let parsed = parse_with(text, |text| {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let items = list::<Object<T>, _>(name, &mut reader)?;
        reader.end().map(|()| items)
    });
    let items = parsed.map_err(|error| ApiError::InvalidBody {
        detail: detail(text, &error),
        expected,
    })?;
    Ok(items.into_iter().map(|Object(item)| item).collect())
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    parse_with(text, |text| serde_json::from_slice(text))
}

/// Parses the text, and once more without half surrogates after an error: nearly no text has one.
fn parse_with<T>(text: &[u8], parse: impl Fn(&[u8]) -> serde_json::Result<T>) -> serde_json::Result<T> {
    let error = match parse(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    without_half_surrogates(text).map_or(Err(error), |text| parse(&text))
}

fn is_utf_16(text: &[u8]) -> bool {
    text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")
}

fn detail(text: &[u8], error: &serde_json::Error) -> String {
    if is_utf_16(text) {
        return "it is UTF-16, and UTF-8 is expected".into();
    }
    shorten_message(error)
}

/// The parser's message without the client's own text, which serde quotes when it expects another type.
fn shorten_message(error: &serde_json::Error) -> String {
    const LIMIT: usize = 200;
    const QUOTE: &str = ": string \"";
    let mut text = error.to_string();
    if let Some(start) = text.find(QUOTE)
        && let Some(end) = text.rfind("\", expected ")
        && start + QUOTE.len() <= end
    {
        text.replace_range(start..=end, ": a string");
    }
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}… at line {} column {}", &text[..end], error.line(), error.column()),
        None => text,
    }
}

/// The text with U+FFFD for each escaped half of a surrogate pair. `None` if there is none. Columns don't change.
fn without_half_surrogates(text: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut repaired: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|&byte| byte == b'\\') {
        at += next;
        match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                let repaired = repaired.get_or_insert_with(|| text.to_vec());
                repaired[at..at + 6].copy_from_slice(b"\\ufffd");
                at += 6;
            }
            // The character after a backslash does not begin another escape.
            _ => at = text.len().min(at + 2),
        }
    }
    repaired
}

/// A struct that is only read from an object.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(AsMap(deserializer)).map(Self)
    }
}

/// Reads structs as maps.
struct AsMap<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AsMap<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Reads a list. Messages call its items `name`.
///
/// # Errors
/// If it is not a list, or an item can't be read. The message gives the item's index.
pub(super) fn list<'de, T, D>(name: &'static str, deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(Items(name, PhantomData))
}

/// As [`list`], with `None` for `null`.
pub(super) fn optional_list<'de, T, D>(name: &'static str, deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_option(Optional(Items(name, PhantomData)))
}

struct Items<T>(&'static str, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        loop {
            match items.next_element() {
                Ok(Some(item)) => list.push(item),
                Ok(None) => return Ok(list),
                // `custom` parses the position in the text from the end of the message, where serde_json puts it.
                Err(error) => return Err(A::Error::custom(format_args!("{} {}: {error}", self.0, list.len()))),
            }
        }
    }
}

struct Optional<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Optional<V> {
    type Value = Option<V::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self.0).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn repaired(text: &str) -> Option<String> {
        without_half_surrogates(text.as_bytes()).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn halves_of_surrogate_pairs_are_replaced_and_whole_pairs_stay() {
        for (text, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\udfff a""#, Some(r#""\ufffd a""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\uD83D\n""#, Some(r#""\ufffd\n""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\u00e9 \" \\""#, None),
            (r#""\ud8"#, None),
            ("\\", None),
        ] {
            assert_eq!(repaired(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn messages_repeat_no_text_of_the_client() {
        #[derive(Debug, Deserialize)]
        #[serde(expecting = "an object")]
        struct Body {
            #[serde(deserialize_with = "numbers")]
            _numbers: Vec<usize>,
        }
        fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
            list("number", deserializer)
        }
        for (body, expected) in [
            (
                r#"{"_numbers": [1, "my secret \", expected nothing"]}"#,
                "number 1: invalid type: a string, expected usize at line 1 column",
            ),
            (
                r#"{"_numbers": "my secret"}"#,
                "invalid type: a string, expected a list",
            ),
            (r#""my secret""#, "an object is expected"),
            (r#"["my secret"]"#, "an object is expected"),
            ("\u{feff}[[1]]", "an object is expected"),
            (r#"{"_numbers": null}"#, "invalid type: null, expected a list"),
        ] {
            let error = parse_json::<Body>(body.as_bytes(), "Send it").unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{body}: {error}");
        }
        let error = parse_json::<Value>(b"\xff\xfe{\0", "Send it").unwrap_err().to_string();
        assert!(error.contains("UTF-16"), "{error}");
        let of_list = |body: &str| parse_list::<Body>("row", body.as_bytes(), "Send it").map(|rows| rows.len());
        assert_eq!(of_list("\u{feff} [{\"_numbers\": []}]"), Ok(1));
        for (body, expected) in [
            (
                r#"[{"_numbers": []}, {"_numbers": "my secret"}]"#,
                "row 1: invalid type: a string",
            ),
            (
                r#"[["my secret"]]"#,
                "row 0: invalid type: sequence, expected an object",
            ),
            (r#"[{"_numbers": []}] my secret"#, "trailing characters"),
            ("[", "EOF while parsing a list"),
        ] {
            let error = of_list(body).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{body}: {error}");
        }
    }
}
