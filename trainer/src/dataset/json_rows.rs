//! Rows of JSON: one object per line, or one document with an array of objects, such as an Elasticsearch export.
//!
//! A document is never held in memory as a whole: its array is visited element by element.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use complaint_contract::DatasetSettings;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::joined::JoinedLabel;
use super::json_repair::{Repaired, repaired};
use super::{DatasetError, Field, Record, Sink, columns};

/// Reads one object per line. Empty lines are skipped.
pub(super) fn read_lines(
    config: &DatasetSettings,
    name: &str,
    reader: &mut dyn Read,
    sink: &mut Sink<'_>,
) -> Result<(), DatasetError> {
    let mut rows = Rows::new(config, name, sink);
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let mut bytes = Vec::new();
    let mut line = 0_u64;
    loop {
        bytes.clear();
        line += 1;
        let place = format!("line {line}");
        if reader
            .read_until(b'\n', &mut bytes)
            .map_err(|error| super::source::read_fault(name, &place, &error))?
            == 0
        {
            return rows.finish();
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| DatasetError::InvalidEncoding {
            name: name.to_owned(),
            place: format!("row {} (line {line})", rows.number + 1),
        })?;
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let malformed = |problem: String| DatasetError::Malformed {
            name: name.to_owned(),
            place: place.clone(),
            problem,
        };
        let value: Value =
            serde_json::from_slice(&repaired(text.as_bytes())).map_err(|error| malformed(problem(&error)))?;
        if !value.is_object() {
            return Err(malformed(
                "it is not a JSON object; for an array, set dataset.format to Json".into(),
            ));
        }
        rows.push(&value)?;
    }
}

/// Reads an array of objects, or an object with such an array in `hits` or `hits.hits`.
pub(super) fn read_document(
    config: &DatasetSettings,
    name: &str,
    reader: &mut dyn Read,
    sink: &mut Sink<'_>,
) -> Result<(), DatasetError> {
    let mut rows = Rows::new(config, name, sink);
    let mut input = Utf8Guard {
        inner: reader,
        pending: Vec::new(),
        invalid: false,
        failed: None,
        seen_any: false,
    };
    let mut outcome = Ok(());
    let parsed = {
        let json = BufReader::with_capacity(1 << 16, Repaired::new(&mut input));
        let mut deserializer = serde_json::Deserializer::from_reader(json);
        Records {
            rows: &mut rows,
            outcome: &mut outcome,
        }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
    };
    outcome?;
    if let Err(error) = parsed {
        let row = rows.number + 1;
        let place = format!("row {row} (line {}, column {})", error.line(), error.column());
        if input.invalid {
            return Err(DatasetError::InvalidEncoding {
                name: name.to_owned(),
                place: format!("row {row} (line {})", error.line()),
            });
        }
        if let Some(error) = input.failed {
            return Err(super::source::read_fault(name, &place, &error));
        }
        if !input.seen_any {
            return Err(DatasetError::Empty { name: name.to_owned() });
        }
        return Err(DatasetError::Malformed {
            name: name.to_owned(),
            place,
            problem: problem(&error),
        });
    }
    rows.finish()
}

/// The parser's error without the position and without values: an unexpected value in a message may be a complaint.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    match error.classify() {
        serde_json::error::Category::Data if !OWN.contains(&text) => EXPECTED.to_owned(),
        _ => text.to_owned(),
    }
}

/// The expected form of a document.
const EXPECTED: &str = "it is neither an array of objects nor an object whose `hits` or `hits.hits` is one";
const NO_OBJECTS: &str = "the array holds elements that are not objects";
const NO_HITS: &str = "the object has no `hits` with the records. An array of objects is expected; for one object a line, set \
                       dataset.format to JsonLines";
/// Messages of this module, which contain no values.
const OWN: [&str; 2] = [NO_OBJECTS, NO_HITS];

/// Turns JSON values into records. It keeps track of the paths that it has seen, to tell a misspelt path from rows
/// without a value.
struct Rows<'s, 'k> {
    config: &'s DatasetSettings,
    name: &'s str,
    sink: &'s mut Sink<'k>,
    number: u64,
    found: Vec<bool>,
    first_paths: Vec<String>,
    label: JoinedLabel,
}

impl<'s, 'k> Rows<'s, 'k> {
    fn new(config: &'s DatasetSettings, name: &'s str, sink: &'s mut Sink<'k>) -> Self {
        let optional = config.split_field.iter().chain(&config.time_field).count();
        let fields = 1 + config.label_columns().len() + optional + config.filter.len();
        Self {
            config,
            name,
            sink,
            number: 0,
            found: vec![false; fields],
            first_paths: Vec::new(),
            label: JoinedLabel::new(config.has_levels()),
        }
    }

    fn push(&mut self, value: &Value) -> Result<(), DatasetError> {
        self.number += 1;
        if self.number == 1 {
            paths(value, "", &mut self.first_paths);
        }
        let selected = self.selects(value);
        let text = lookup(value, &self.config.text_field);
        self.found[0] |= text.is_some();
        self.label.clear();
        let mut scalars = true;
        for (index, path) in self.config.label_columns().iter().enumerate() {
            let part = lookup(value, path);
            self.found[1 + index] |= part.is_some();
            scalars &= part.is_none_or(|part| scalar(part).is_some());
            let part = part.and_then(scalar);
            let pushed = self.label.push(part.as_deref().unwrap_or_default());
            if selected && pushed.is_err() {
                return Err(DatasetError::separator(self.name, self.number, path));
            }
        }
        let mut place = 1 + self.config.label_columns().len();
        let mut optional = |path: &Option<String>| {
            let path = path.as_ref()?;
            let field = lookup(value, path);
            self.found[place] |= field.is_some();
            place += 1;
            field
        };
        let (split, time) = (optional(&self.config.split_field), optional(&self.config.time_field));
        if !selected {
            return (self.sink)(Record::left_out(self.number));
        }
        let (split, time) = (split.and_then(scalar), time.and_then(scalar));
        (self.sink)(Record {
            number: self.number,
            text: match text {
                None => Field::Missing,
                Some(Value::String(text)) => Field::Text(text),
                Some(_) => Field::OtherType,
            },
            label: match (self.label.text(), scalars) {
                (Some(label), _) => Field::Text(label),
                (None, true) => Field::Missing,
                (None, false) => Field::OtherType,
            },
            split: split.as_deref(),
            time: time.as_deref(),
            selected: true,
        })
    }

    fn selects(&mut self, value: &Value) -> bool {
        let mut selected = true;
        let first = self.found.len() - self.config.filter.len();
        for (found, (path, values)) in self.found[first..].iter_mut().zip(&self.config.filter) {
            let field = lookup(value, path);
            *found |= field.is_some();
            let field = field.and_then(scalar);
            selected &= field.is_some_and(|field| values.iter().any(|value| value == field.trim()));
        }
        selected
    }

    /// Fails for a path that no record has, because this is a mistake in the configuration and not a gap in the data.
    fn finish(self) -> Result<(), DatasetError> {
        if self.number == 0 {
            return Err(DatasetError::Empty {
                name: self.name.to_owned(),
            });
        }
        let text = std::iter::once((&self.config.text_field, "dataset.textField"));
        let labels = self
            .config
            .label_columns()
            .iter()
            .map(|path| (path, self.config.label_setting()));
        let split = self.config.split_field.iter().map(|path| (path, "dataset.splitField"));
        let time = self.config.time_field.iter().map(|path| (path, "dataset.timeField"));
        let filter = self.config.filter.keys().map(|path| (path, "dataset.filter"));
        match text
            .chain(labels)
            .chain(split)
            .chain(time)
            .chain(filter)
            .zip(&self.found)
            .find(|(_, found)| !**found)
        {
            Some(((path, setting), _)) => Err(columns::path_not_found(self.name, path, setting, &self.first_paths)),
            None => Ok(()),
        }
    }
}

/// Follows a dotted path. A key may itself contain dots: the longest key that fits is tried first.
fn lookup<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    if let Some(found) = object.get(path) {
        return (!found.is_null()).then_some(found);
    }
    path.rmatch_indices('.').find_map(|(dot, _)| {
        object
            .get(&path[..dot])
            .and_then(|inner| lookup(inner, &path[dot + 1..]))
    })
}

/// A label's text. Numbers and booleans are valid labels.
fn scalar(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(flag) => Some(if *flag { "true" } else { "false" }.into()),
        _ => None,
    }
}

/// Collects all dotted paths that lead to a value.
fn paths(value: &Value, prefix: &str, into: &mut Vec<String>) {
    for (key, inner) in value.as_object().into_iter().flatten() {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        if inner.is_object() {
            paths(inner, &path, into)
        } else {
            into.push(path)
        }
    }
}

/// Visits `[…]`, `{"hits": […]}` and `{"hits": {"hits": […]}}`.
struct Records<'r, 's, 'k> {
    rows: &'r mut Rows<'s, 'k>,
    /// A record's own error, which serde's error type can't carry.
    outcome: &'r mut Result<(), DatasetError>,
}

impl<'de> DeserializeSeed<'de> for Records<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records, or an object whose `hits.hits` is one")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(value) = sequence.next_element::<Value>()? {
            if !value.is_object() {
                return Err(serde::de::Error::custom(NO_OBJECTS));
            }
            if let Err(error) = self.rows.push(&value) {
                *self.outcome = Err(error);
                return Err(serde::de::Error::custom("a record was refused"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "hits" && !found {
                map.next_value_seed(Records {
                    rows: &mut *self.rows,
                    outcome: &mut *self.outcome,
                })?;
                found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found {
            Ok(())
        } else {
            Err(serde::de::Error::custom(NO_HITS))
        }
    }
}

/// Passes bytes through as long as they are UTF-8, so that a wrong encoding is not reported as wrong JSON.
struct Utf8Guard<'r> {
    inner: &'r mut dyn Read,
    /// The first bytes of a character whose remaining bytes have not been read yet.
    pending: Vec<u8>,
    invalid: bool,
    failed: Option<std::io::Error>,
    seen_any: bool,
}

impl Read for Utf8Guard<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Ok(read) => read,
            Err(error) => {
                let copy = std::io::Error::new(error.kind(), error.to_string());
                self.failed = Some(error);
                return Err(copy);
            }
        };
        self.seen_any |= buffer[..read].iter().any(|byte| !byte.is_ascii_whitespace());
        self.pending.extend_from_slice(&buffer[..read]);
        match std::str::from_utf8(&self.pending) {
            Ok(_) => self.pending.clear(),
            Err(error) if error.error_len().is_none() && read > 0 => {
                self.pending.drain(..error.valid_up_to());
            }
            Err(_) => {
                self.invalid = true;
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "not UTF-8"));
            }
        }
        Ok(read)
    }
}
