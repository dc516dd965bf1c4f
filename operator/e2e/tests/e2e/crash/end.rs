//! The end of a lifecycle in a form that is the same for each: without times, identities and names that are drawn.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use complaint_api::labels;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::{ResourceExt, core::DynamicObject};
use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

use super::{lifecycle::DATA, witness::Seen};

/// What a lifecycle has led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    /// The objects that are there, by kind and name.
    pub objects: BTreeMap<String, Value>,
    /// How often each of them, and of those that are gone, was made.
    pub made: BTreeMap<String, usize>,
    /// How often an Event was published, by object, reason and related object.
    pub events: BTreeMap<String, i64>,
}

/// Fields that differ between two clusters, tell how often an object was written, or count pods that go without anybody's help.
const DRAWN: [&str; 8] = [
    "uid",
    "resourceVersion",
    "managedFields",
    "creationTimestamp",
    "clusterIP",
    "clusterIPs",
    "volumeName",
    "terminatingReplicas",
];

/// The Job that deletes files. It is made once for all versions that go at the same time, which is for an operator to see that
/// may be slow, or dead in between.
const DELETES: &str = "Job cards-delete";
/// The reason of an Event about a pod that takes long to start, as each may on a busy machine.
const SLOW: &str = "WaitingForPod";

impl End {
    /// The end as it is now.
    pub fn of(seen: &Seen, namespace: &str) -> Self {
        let mut end = Self::default();
        let plain = Plain::of(seen, namespace);
        for (kind, object) in seen.made.values() {
            if !is_left_out(kind, object) && kind != "Event" {
                let name = plain.text(&named(kind, object));
                let as_often_as_needed = name.ends_with(DELETES);
                let count = end.made.entry(name).or_default();
                *count = if as_often_as_needed { 1 } else { *count + 1 };
            }
        }
        for ((kind, _), object) in &seen.objects {
            if is_left_out(kind, object) {
                continue;
            }
            let name = plain.text(&named(kind, object));
            match kind.as_str() {
                "Event" => *end.events.entry(name).or_default() += object.data["series"]["count"].as_i64().unwrap_or(1),
                // What is about to go was there for the champion before.
                "Pod" if object.metadata.deletion_timestamp.is_some() => {}
                "Pod" => end.add(name, object.data["status"]["phase"].clone()),
                "ReplicaSet" => {
                    let replicas = &object.data["spec"]["replicas"];
                    let ready = &object.data["status"]["readyReplicas"];
                    end.add(name, json!({ "replicas": replicas, "ready": ready }));
                }
                _ => drop(end.objects.insert(name, plain.value(json!(object)))),
            }
        }
        end
    }

    /// One of several objects that are told apart by a drawn name only.
    fn add(&mut self, name: String, state: Value) {
        let states = self.objects.entry(name).or_insert_with(|| json!([]));
        let states = states.as_array_mut().expect("a list");
        states.push(state);
        states.sort_by_key(Value::to_string);
    }

    /// Whether something still works or goes.
    pub fn is_at_work(&self) -> bool {
        self.objects.iter().any(|(name, object)| {
            let conditions = object["status"]["conditions"].as_array();
            let has_ended = conditions.into_iter().flatten().any(|condition| {
                matches!(condition["type"].as_str(), Some("Complete" | "Failed")) && condition["status"] == "True"
            });
            !object["metadata"]["deletionTimestamp"].is_null() || (name.starts_with("Job ") && !has_ended)
        })
    }

    /// What differs in objects, and in what was made.
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let of = |end: &Self| json!({ "objects": end.objects, "made": end.made });
        let mut found = Vec::new();
        differences("", &of(expected), &of(self), &mut found);
        found
    }

    /// The Events that differ from the expected ones by more than a crash explains: it takes the Event that was to be written
    /// with it, or has it written once more.
    pub fn events_out_of_place(&self, expected: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = expected.events.keys().chain(self.events.keys()).collect();
        let out_of_place = names.into_iter().filter_map(|name| {
            let count = |end: &Self| end.events.get(name).copied().unwrap_or_default();
            let (wanted, got) = (count(expected), count(self));
            let is_explained = (got - wanted).abs() <= 1 && wanted > 0;
            (!is_explained).then(|| format!("Event {name}: {wanted} expected, {got} found"))
        });
        out_of_place.collect()
    }
}

/// The test's own objects, those that each namespace has, and Events of others.
fn is_left_out(kind: &str, object: &DynamicObject) -> bool {
    match kind {
        "Event" => {
            let about = object.data["regarding"]["apiVersion"].as_str().unwrap_or_default();
            !about.starts_with(complaint_api::GROUP) || object.data["reason"] == SLOW
        }
        "ConfigMap" => object.name_any() == DATA,
        _ => false,
    }
}

/// Kind and name; what has a name with a random part is known by what it belongs to.
fn named(kind: &str, object: &DynamicObject) -> String {
    let name = object.name_any();
    match kind {
        "Event" => {
            let (about, related) = (&object.data["regarding"], &object.data["related"]["name"]);
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let about = format!("{} {}", text(&about["kind"]), text(&about["name"]));
            format!("{about}: {}, {}", text(&object.data["reason"]), text(related))
        }
        "Pod" | "ReplicaSet" => match object.labels().get(labels::DIGEST_PREFIX) {
            Some(digest) => format!("{kind} of the model {digest}"),
            None => {
                let owner = object.owner_references().first();
                let owner = owner.map(|owner| format!("{} {}", owner.kind, owner.name));
                format!("{kind} of {}", owner.unwrap_or_else(|| name.clone()))
            }
        },
        _ => format!("{kind} {name}"),
    }
}

/// A time, or an identity.
static DRAWN_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    Regex::new(pattern).expect("a pattern")
});

/// How objects lose what is their own.
struct Plain {
    /// Names with a random part, and what stands for them.
    names: Vec<(String, String)>,
    now: Timestamp,
}

impl Plain {
    fn of(seen: &Seen, namespace: &str) -> Self {
        let mut names: Vec<_> = seen
            .made
            .values()
            .filter(|(kind, _)| matches!(kind.as_str(), "Pod" | "ReplicaSet"))
            .map(|(kind, object)| (object.name_any(), format!("<{}>", named(kind, object))))
            .collect();
        // A pod's name begins with that of its ReplicaSet.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.push((namespace.to_owned(), "<namespace>".into()));
        Self {
            names,
            now: Timestamp::now(),
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, stands) in &self.names {
            if text.contains(name) {
                text = text.replace(name, stands);
            }
        }
        let plain = DRAWN_TEXT.replace_all(&text, |found: &Captures| {
            let found = &found[0];
            match found.parse::<Timestamp>() {
                // Not of this test: a time of the schedule, or one that was requested.
                Ok(time) if self.now.duration_since(time).abs() > SignedDuration::from_hours(24) => found.to_owned(),
                Ok(_) => "<time>".to_owned(),
                Err(_) => "<uid>".to_owned(),
            }
        });
        plain.into_owned()
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                let kept = fields.into_iter().filter(|(field, _)| !DRAWN.contains(&field.as_str()));
                let plain = kept.map(|(field, value)| {
                    let mut value = self.value(value);
                    // Several controllers add to this list, each when it comes to it.
                    if let ("conditions", Some(conditions)) = (field.as_str(), value.as_array_mut()) {
                        conditions.sort_by_key(|condition| condition["type"].to_string());
                    }
                    (field, value)
                });
                Value::Object(plain.collect())
            }
            other => other,
        }
    }
}

/// The paths at which two values differ, with both.
fn differences(path: &str, expected: &Value, found: &Value, list: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let fields = expected
                .keys()
                .chain(found.keys().filter(|field| !expected.contains_key(*field)));
            for field in fields {
                let of = |fields: &Map<String, Value>| fields.get(field).cloned().unwrap_or_default();
                differences(&format!("{path}/{field}"), &of(expected), &of(found), list);
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(&format!("{path}/{number}"), expected, found, list);
            }
        }
        _ if expected == found => {}
        _ => {
            let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
            list.push(format!("{path}: {} expected, {} found", short(expected), short(found)));
        }
    }
}
