//! Protobuf bodies of the kinds that kubectl and helm send in protobuf, as their typed clients do.
//!
//! Field numbers are upstream's (`generated.proto`). Other kinds are rejected by name. Responses are always JSON, which
//! the same clients accept.

use base64::Engine;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::json::Decoded;

/// The prefix of every protobuf body.
const MAGIC: &[u8] = b"k8s\0";

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Flag,
    Time,
    MicroTime,
    Json,
    Message(&'static Message),
    TextMap,
    BytesMap,
}

/// A message: field number, name, kind, and whether the field is repeated.
struct Message(&'static [(u64, &'static str, Kind, bool)]);

const fn one(number: u64, name: &'static str, kind: Kind) -> (u64, &'static str, Kind, bool) {
    (number, name, kind, false)
}

const fn many(number: u64, name: &'static str, kind: Kind) -> (u64, &'static str, Kind, bool) {
    (number, name, kind, true)
}

use Kind::{BytesMap, Flag, Json, MicroTime, Number, Text, TextMap, Time};

static OWNER: Message = Message(&[
    one(1, "kind", Text),
    one(3, "name", Text),
    one(4, "uid", Text),
    one(5, "apiVersion", Text),
    one(6, "controller", Flag),
    one(7, "blockOwnerDeletion", Flag),
]);
static MANAGED: Message = Message(&[
    one(1, "manager", Text),
    one(2, "operation", Text),
    one(3, "apiVersion", Text),
    one(4, "time", Time),
    one(6, "fieldsType", Text),
    one(7, "fieldsV1", Json),
    one(8, "subresource", Text),
]);
static META: Message = Message(&[
    one(1, "name", Text),
    one(2, "generateName", Text),
    one(3, "namespace", Text),
    one(5, "uid", Text),
    one(6, "resourceVersion", Text),
    one(7, "generation", Number),
    one(8, "creationTimestamp", Time),
    one(9, "deletionTimestamp", Time),
    one(10, "deletionGracePeriodSeconds", Number),
    one(11, "labels", TextMap),
    one(12, "annotations", TextMap),
    many(13, "ownerReferences", Kind::Message(&OWNER)),
    many(14, "finalizers", Text),
    many(17, "managedFields", Kind::Message(&MANAGED)),
]);
static CONFIG_MAP: Message = Message(&[
    one(1, "metadata", Kind::Message(&META)),
    one(2, "data", TextMap),
    one(3, "binaryData", BytesMap),
    one(4, "immutable", Flag),
]);
static SECRET: Message = Message(&[
    one(1, "metadata", Kind::Message(&META)),
    one(2, "data", BytesMap),
    one(3, "type", Text),
    one(4, "stringData", TextMap),
    one(5, "immutable", Flag),
]);
static NAMESPACE_SPEC: Message = Message(&[many(1, "finalizers", Text)]);
static NAMESPACE: Message = Message(&[
    one(1, "metadata", Kind::Message(&META)),
    one(2, "spec", Kind::Message(&NAMESPACE_SPEC)),
]);
static ACCOUNT: Message = Message(&[
    one(1, "metadata", Kind::Message(&META)),
    one(4, "automountServiceAccountToken", Flag),
]);
static LEASE_SPEC: Message = Message(&[
    one(1, "holderIdentity", Text),
    one(2, "leaseDurationSeconds", Number),
    one(3, "acquireTime", MicroTime),
    one(4, "renewTime", MicroTime),
    one(5, "leaseTransitions", Number),
]);
static LEASE: Message = Message(&[
    one(1, "metadata", Kind::Message(&META)),
    one(2, "spec", Kind::Message(&LEASE_SPEC)),
]);
static RESOURCE_ATTRIBUTES: Message = Message(&[
    one(1, "namespace", Text),
    one(2, "verb", Text),
    one(3, "group", Text),
    one(4, "version", Text),
    one(5, "resource", Text),
    one(6, "subresource", Text),
    one(7, "name", Text),
]);
static PATH_ATTRIBUTES: Message = Message(&[one(1, "path", Text), one(2, "verb", Text)]);
static ACCESS_SPEC: Message = Message(&[
    one(1, "resourceAttributes", Kind::Message(&RESOURCE_ATTRIBUTES)),
    one(2, "nonResourceAttributes", Kind::Message(&PATH_ATTRIBUTES)),
]);
static ACCESS: Message = Message(&[
    one(1, "metadata", Kind::Message(&META)),
    one(2, "spec", Kind::Message(&ACCESS_SPEC)),
]);
static RULES_SPEC: Message = Message(&[one(1, "namespace", Text)]);
static RULES: Message = Message(&[
    one(1, "metadata", Kind::Message(&META)),
    one(2, "spec", Kind::Message(&RULES_SPEC)),
]);
static SELF_REVIEW: Message = Message(&[one(1, "metadata", Kind::Message(&META))]);
static PRECONDITIONS: Message = Message(&[one(1, "uid", Text), one(2, "resourceVersion", Text)]);
static DELETE: Message = Message(&[
    one(1, "gracePeriodSeconds", Number),
    one(2, "preconditions", Kind::Message(&PRECONDITIONS)),
    one(3, "orphanDependents", Flag),
    one(4, "propagationPolicy", Text),
    many(5, "dryRun", Text),
]);
static TYPE_META: Message = Message(&[one(1, "apiVersion", Text), one(2, "kind", Text)]);

fn message_of(kind: &str) -> Option<&'static Message> {
    Some(match kind {
        "ConfigMap" => &CONFIG_MAP,
        "Secret" => &SECRET,
        "Namespace" => &NAMESPACE,
        "ServiceAccount" => &ACCOUNT,
        "Lease" => &LEASE,
        "SelfSubjectAccessReview" => &ACCESS,
        "SelfSubjectRulesReview" => &RULES,
        "SelfSubjectReview" => &SELF_REVIEW,
        "DeleteOptions" => &DELETE,
        _ => return None,
    })
}

/// Decodes a body.
///
/// # Errors
/// 400 if it is malformed, 501 for a kind that is supported in JSON only.
pub(crate) fn decode(body: &[u8]) -> Result<Decoded, ApiError> {
    let malformed = || ApiError::bad_request("error decoding the body as protobuf");
    let envelope = body.strip_prefix(MAGIC).ok_or_else(malformed)?;
    let (mut identity, mut raw) = (Value::Null, &[][..]);
    for (number, wire) in fields(envelope).ok_or_else(malformed)? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => identity = read(bytes, &TYPE_META).ok_or_else(malformed)?,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let kind = identity["kind"].as_str().unwrap_or_default();
    let message = message_of(kind)
        .ok_or_else(|| ApiError::not_implemented(format!("protobuf bodies of kind {kind}; send JSON")))?;
    let mut value = read(raw, message).ok_or_else(malformed)?;
    value["kind"] = identity["kind"].clone();
    value["apiVersion"] = identity["apiVersion"].clone();
    Ok(Decoded {
        value,
        duplicates: Vec::new(),
    })
}

enum Wire<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Skipped,
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(head)
}

fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Varint(varint(&mut bytes)?),
            1 => take(&mut bytes, 8).map(|_| Wire::Skipped)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                Wire::Bytes(take(&mut bytes, length)?)
            }
            5 => take(&mut bytes, 4).map(|_| Wire::Skipped)?,
            _ => return None,
        };
        found.push((tag >> 3, wire));
    }
    Some(found)
}

fn read(bytes: &[u8], message: &Message) -> Option<Value> {
    let mut map = Map::new();
    for (number, wire) in fields(bytes)? {
        let Some((_, name, kind, repeated)) = message.0.iter().find(|f| f.0 == number) else {
            continue;
        };
        if matches!(kind, TextMap | BytesMap) {
            let Wire::Bytes(entry) = wire else { return None };
            let (key, value) = map_entry(entry, matches!(kind, BytesMap))?;
            let slot = map.entry(*name).or_insert_with(|| Value::Object(Map::new()));
            slot.as_object_mut()?.insert(key, value);
            continue;
        }
        let value = single(&wire, *kind)?;
        // Go encodes empty strings and messages, which JSON leaves out.
        let empty = value == "" || value.is_null();
        if *repeated {
            let slot = map.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
            slot.as_array_mut()?.push(value);
        } else if !empty {
            map.insert((*name).to_owned(), value);
        }
    }
    Some(Value::Object(map))
}

fn encoded(bytes: &[u8]) -> Value {
    base64::engine::general_purpose::STANDARD.encode(bytes).into()
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(Value::from)
}

fn map_entry(bytes: &[u8], binary: bool) -> Option<(String, Value)> {
    let (mut key, mut value) = (String::new(), Value::from(""));
    for (number, wire) in fields(bytes)? {
        let Wire::Bytes(bytes) = wire else { return None };
        match number {
            1 => key = std::str::from_utf8(bytes).ok()?.to_owned(),
            2 => value = if binary { encoded(bytes) } else { text(bytes)? },
            _ => {}
        }
    }
    Some((key, value))
}

fn single(wire: &Wire<'_>, kind: Kind) -> Option<Value> {
    match (kind, wire) {
        (Text, Wire::Bytes(bytes)) => text(bytes),
        (Number, Wire::Varint(n)) => Some(n.cast_signed().into()),
        (Flag, Wire::Varint(n)) => Some((*n != 0).into()),
        (Time, Wire::Bytes(bytes)) => timestamp(bytes, "%Y-%m-%dT%H:%M:%SZ"),
        (MicroTime, Wire::Bytes(bytes)) => timestamp(bytes, "%Y-%m-%dT%H:%M:%S.%6fZ"),
        (Kind::Message(message), Wire::Bytes(bytes)) => read(bytes, message),
        (Json, Wire::Bytes(bytes)) => {
            let raw = fields(bytes)?.into_iter().find_map(|(number, wire)| match wire {
                Wire::Bytes(raw) if number == 1 => Some(raw),
                _ => None,
            })?;
            serde_json::from_slice(raw).ok()
        }
        _ => None,
    }
}

/// Seconds and nanoseconds; no time if both are absent.
fn timestamp(bytes: &[u8], format: &str) -> Option<Value> {
    let (mut seconds, mut nanos) = (0_i64, 0_i32);
    for (number, wire) in fields(bytes)? {
        let Wire::Varint(n) = wire else { continue };
        match number {
            1 => seconds = n.cast_signed(),
            2 => nanos = i32::try_from(n).ok()?,
            _ => {}
        }
    }
    // Go's zero time is before the epoch.
    if bytes.is_empty() || seconds < 0 {
        return Some(Value::Null);
    }
    jiff::Timestamp::new(seconds, nanos)
        .ok()
        .map(|t| t.strftime(format).to_string().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn a_secret_is_read() {
        let meta = [field(1, b"s"), field(11, &[field(1, b"k"), field(2, b"v")].concat())].concat();
        let data = [field(1, b"key"), field(2, b"hi")].concat();
        let secret = [field(1, &meta), field(2, &data), field(3, b"Opaque")].concat();
        let identity = [field(1, b"v1"), field(2, b"Secret")].concat();
        let body = [MAGIC, &field(1, &identity), &field(2, &secret)].concat();
        assert_eq!(
            decode(&body).unwrap().value,
            json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": {"name": "s", "labels": {"k": "v"}}, "data": {"key": "aGk="},
            })
        );
    }

    #[test]
    fn other_kinds_are_refused_by_name() {
        let identity = [field(1, b"v1"), field(2, b"Pod")].concat();
        let error = decode(&[MAGIC, &field(1, &identity)].concat()).unwrap_err();
        assert_eq!(error.code, 501);
        assert!(error.message.contains("Pod"));
        assert_eq!(decode(b"k8").unwrap_err().code, 400);
    }
}
