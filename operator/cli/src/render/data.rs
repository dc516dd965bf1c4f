//! JSON and YAML.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::words::{is_obeyed, visible};

/// What a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For programs and manifests.
    Yaml,
}

/// The value as JSON or YAML, with a line feed at its end. JSON escapes what a terminal would obey; YAML has no escape outside
/// quotation marks, so the characters are replaced there.
///
/// # Errors
/// When the value can't be written, which its type prevents.
pub(crate) fn data(value: &impl Serialize, yaml: bool) -> Result<String, String> {
    if yaml {
        let mut text = serde_saphyr::to_string(value).map_err(|error| error.to_string())?;
        let mut value = serde_json::to_value(value).map_err(|error| error.to_string())?;
        if replace(&mut value) {
            text = serde_saphyr::to_string(&value).map_err(|error| error.to_string())?;
        }
        return Ok(format!("{}\n", text.trim_end()));
    }
    let text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
    Ok(format!("{}\n", escaped(&text)))
}

/// JSON in which nothing outside ASCII's line feed is a control or a mark.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_obeyed(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Replaces what a terminal would obey; returns whether there was any.
fn replace(value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            // Lines stay, because YAML writes them as lines.
            let lines: Vec<String> = text.split('\n').map(visible).collect();
            let safe = lines.join("\n");
            let changed = safe != *text;
            *text = safe;
            changed
        }
        Value::Array(items) => {
            let mut changed = false;
            for item in items {
                changed |= replace(item);
            }
            changed
        }
        Value::Object(fields) => {
            let mut changed = false;
            for (name, mut value) in std::mem::take(fields) {
                let safe = visible(&name);
                changed |= safe != name;
                changed |= replace(&mut value);
                fields.insert(safe, value);
            }
            changed
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn machines_get_every_character_and_terminals_none_that_they_obey() {
        let value = json!({ "message": "a\u{1b}[2J\u{9b}b\u{202e}\u{e0041}", "lines": "one\ntwo" });
        let text = data(&value, false).unwrap();
        assert!(!text.chars().any(|c| c != '\n' && is_obeyed(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        let text = data(&value, true).unwrap();
        assert!(!text.chars().any(|c| c != '\n' && is_obeyed(c)), "{text:?}");
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read["message"], "a\u{fffd}[2J\u{fffd}b\u{fffd}\u{fffd}");
        assert_eq!(read["lines"], "one\ntwo");
    }
}
