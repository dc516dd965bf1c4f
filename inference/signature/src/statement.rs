//! In-toto statements: what a signature says about which bytes.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::SignatureError;

const KIND: &str = "https://in-toto.io/Statement/v1";
/// The only algorithm of digests that is read and written.
pub(crate) const SHA256: &str = "sha256";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement<P> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: P,
}

/// Bytes that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) digest: BTreeMap<String, String>,
}

impl Subject {
    pub(crate) fn new(name: &str, sha256: impl ToString) -> Self {
        Self {
            name: name.to_owned(),
            digest: BTreeMap::from([(SHA256.to_owned(), sha256.to_string())]),
        }
    }
}

/// The statement's JSON.
pub(crate) fn write<P: Serialize>(predicate_type: &str, subject: Subject, predicate: P) -> Vec<u8> {
    let statement = Statement {
        kind: KIND.to_owned(),
        subject: vec![subject],
        predicate_type: predicate_type.to_owned(),
        predicate,
    };
    serde_json::to_vec(&statement).expect("strings, numbers, lists and maps are JSON")
}

/// Reads a statement of that type about one subject.
pub(crate) fn read<P: DeserializeOwned>(predicate_type: &str, json: &[u8]) -> Result<(Subject, P), SignatureError> {
    let statement: Statement<Value> = serde_json::from_slice(json).map_err(|_| SignatureError::NoStatement)?;
    if statement.kind != KIND {
        return Err(SignatureError::NoStatement);
    }
    if statement.predicate_type != predicate_type {
        return Err(SignatureError::OtherStatement);
    }
    let [subject]: [Subject; 1] = statement.subject.try_into().map_err(|_| SignatureError::NoStatement)?;
    let predicate = serde_json::from_value(statement.predicate).map_err(|_| SignatureError::NoStatement)?;
    Ok((subject, predicate))
}
