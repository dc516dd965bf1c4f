//! Decodes request bodies: YAML, and JSON with its duplicate keys.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::ApiError;

/// A decoded body.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The value; the last of duplicate keys wins.
    pub value: Value,
    /// Paths of duplicate keys, in document order.
    pub duplicates: Vec<String>,
}

/// Decodes JSON.
///
/// # Errors
/// 400 if the text is not JSON.
pub fn from_json(body: &[u8]) -> Result<Decoded, ApiError> {
    let mut duplicates = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Walk {
        path: String::new(),
        duplicates: &mut duplicates,
    }
    .deserialize(&mut deserializer)
    .and_then(|v| deserializer.end().map(|()| v))
    .map_err(|e| ApiError::bad_request(format!("error decoding the body as JSON: {e}")))?;
    Ok(Decoded { value, duplicates })
}

/// Decodes YAML, a superset of JSON.
///
/// # Errors
/// 400 if the text is not YAML.
pub fn from_yaml(body: &[u8]) -> Result<Decoded, ApiError> {
    let text = std::str::from_utf8(body)
        .map_err(|e| ApiError::bad_request(format!("error decoding the body as YAML: {e}")))?;
    if text.trim_start().starts_with('{')
        && let Ok(decoded) = from_json(body)
    {
        return Ok(decoded);
    }
    // The parser rejects duplicate keys.
    let mut duplicates = Vec::new();
    let walk = Walk {
        path: String::new(),
        duplicates: &mut duplicates,
    };
    let value = serde_saphyr::with_deserializer_from_str(text, |deserializer| walk.deserialize(deserializer))
        .map_err(|e| ApiError::bad_request(format!("error decoding YAML: {e}")))?;
    Ok(Decoded { value, duplicates })
}

/// A key of a map. Upstream reads YAML 1.1, in which unquoted `n`, `yes` or `1` are not strings, and converts them to
/// JSON keys.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Key {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bool<E>(self, v: bool) -> Result<String, E> {
        Ok(v.to_string())
    }

    fn visit_i64<E>(self, v: i64) -> Result<String, E> {
        Ok(v.to_string())
    }

    fn visit_u64<E>(self, v: u64) -> Result<String, E> {
        Ok(v.to_string())
    }

    fn visit_f64<E>(self, v: f64) -> Result<String, E> {
        Ok(v.to_string())
    }

    fn visit_str<E>(self, v: &str) -> Result<String, E> {
        Ok(v.to_owned())
    }
}

struct Walk<'a> {
    path: String,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let walk = Walk {
                path: format!("{}[{}]", self.path, list.len()),
                duplicates: &mut *self.duplicates,
            };
            match seq.next_element_seed(walk)? {
                Some(value) => list.push(value),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key_seed(Key)? {
            let path = if self.path.is_empty() {
                key.clone()
            } else {
                format!("{}.{key}", self.path)
            };
            if map.contains_key(&key) {
                self.duplicates.push(path.clone());
            }
            let value = access.next_value_seed(Walk {
                path,
                duplicates: &mut *self.duplicates,
            })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicated_keys_are_named_and_the_last_wins() {
        let decoded = from_json(br#"{"spec":{"a":1,"a":2,"l":[{"x":1,"x":3}]}}"#).unwrap();
        assert_eq!(decoded.duplicates, ["spec.a", "spec.l[0].x"]);
        assert_eq!(decoded.value, serde_json::json!({"spec": {"a": 2, "l": [{"x": 3}]}}));
    }

    #[test]
    fn trailing_text_is_refused() {
        assert_eq!(from_json(b"{} x").unwrap_err().code, 400);
    }

    #[test]
    fn yaml_and_json_read_alike() {
        let yaml = from_yaml(b"a: 1\nb: [x, 'y']\n").unwrap().value;
        assert_eq!(yaml, serde_json::json!({"a": 1, "b": ["x", "y"]}));
        let odd = from_yaml(b"n: 1\n\"y\": 2\nyes: no\n7: x\n").unwrap().value;
        assert_eq!(odd, serde_json::json!({"false": 1, "y": 2, "true": false, "7": "x"}));
        assert_eq!(from_yaml(br#"{"a":"1"}"#).unwrap().value, serde_json::json!({"a": "1"}));
    }
}
