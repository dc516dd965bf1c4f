//! The managers of an object (`metadata.managedFields`).

use serde_json::{Map, Value};

use super::set::FieldSet;
use crate::context::Context;
use crate::resource::Resource;

/// The operation of a manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// Server-side apply.
    Apply,
    /// All other writes.
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// The identity of a manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(super) manager: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    pub(super) subresource: String,
}

impl Identity {
    /// A manager that updates.
    pub(super) fn update(resource: &Resource, context: &Context, subresource: &str) -> Self {
        Self::new(Operation::Update, resource, context, subresource)
    }

    /// A manager that applies.
    pub(super) fn apply(resource: &Resource, context: &Context, subresource: &str) -> Self {
        Self::new(Operation::Apply, resource, context, subresource)
    }

    fn new(operation: Operation, resource: &Resource, context: &Context, subresource: &str) -> Self {
        Self {
            manager: context.manager.clone(),
            operation,
            api_version: resource.api_version(),
            subresource: subresource.to_owned(),
        }
    }

    /// The manager's name in conflicts.
    pub(super) fn shown(&self) -> String {
        let mut text = Value::from(self.manager.as_str()).to_string();
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource \"{}\"", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) identity: Identity,
    pub(super) fields: FieldSet,
    pub(super) time: Option<String>,
}

/// The managers of an object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Managers(pub(super) Vec<Entry>);

impl Managers {
    /// Reads `managedFields` without invalid entries.
    pub(crate) fn read(value: &Value) -> Self {
        let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self(
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|entry| {
                    let operation = match entry["operation"].as_str()? {
                        "Apply" => Operation::Apply,
                        "Update" => Operation::Update,
                        _ => return None,
                    };
                    Some(Entry {
                        identity: Identity {
                            manager: text(entry, "manager"),
                            operation,
                            api_version: text(entry, "apiVersion"),
                            subresource: text(entry, "subresource"),
                        },
                        fields: FieldSet::read(&entry["fieldsV1"]),
                        time: entry["time"].as_str().map(str::to_owned),
                    })
                })
                .collect(),
        )
    }

    /// Writes `managedFields`: applies first, then by time and name.
    pub(crate) fn write(&self) -> Vec<Value> {
        let mut entries: Vec<&Entry> = self.0.iter().filter(|e| !e.fields.is_empty()).collect();
        entries.sort_by(|a, b| {
            let key = |e: &Entry| {
                (
                    e.identity.operation,
                    e.time.clone(),
                    e.identity.manager.clone(),
                    e.identity.subresource.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        entries.into_iter().map(write_entry).collect()
    }

    pub(super) fn get(&self, identity: &Identity) -> Option<&Entry> {
        self.0.iter().find(|e| &e.identity == identity)
    }

    /// Sets a manager's fields.
    pub(super) fn add(&mut self, identity: Identity, fields: FieldSet, time: Option<String>) {
        self.0.retain(|e| e.identity != identity);
        if !fields.is_empty() {
            self.0.push(Entry { identity, fields, time });
        }
    }

    /// Adds to a manager's fields.
    pub(super) fn extend(&mut self, identity: Identity, fields: FieldSet, time: String) {
        let all = match self.get(&identity) {
            Some(entry) => entry.fields.union(&fields),
            None => fields,
        };
        self.add(identity, all, Some(time));
    }

    /// Removes fields from all managers but one.
    pub(super) fn take(&mut self, fields: &FieldSet, except: Option<&Identity>) {
        for entry in &mut self.0 {
            if Some(&entry.identity) != except {
                entry.fields = entry.fields.difference(fields);
            }
        }
        self.0.retain(|e| !e.fields.is_empty());
    }
}

fn write_entry(entry: &Entry) -> Value {
    let identity = &entry.identity;
    let mut map = Map::new();
    map.insert("manager".into(), identity.manager.clone().into());
    map.insert("operation".into(), identity.operation.name().into());
    map.insert("apiVersion".into(), identity.api_version.clone().into());
    if let Some(time) = &entry.time {
        map.insert("time".into(), time.clone().into());
    }
    map.insert("fieldsType".into(), "FieldsV1".into());
    map.insert("fieldsV1".into(), entry.fields.write());
    if !identity.subresource.is_empty() {
        map.insert("subresource".into(), identity.subresource.clone().into());
    }
    Value::Object(map)
}
