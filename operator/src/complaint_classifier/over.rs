//! Applies over what others left in the operator's objects.
//!
//! Server-side apply merges lists by key and leaves other managers' fields: a person's `kubectl edit` of a port, a probe's
//! handler, a volume's source or a limit stays beside ours, and the API server refuses the two together, for ever. Only then
//! are the operator's parts set whole; what others add is theirs as long as it does no harm.

use serde_json::{Map, Value, json};

use crate::{
    change::{Change, Manifest, Target},
    object::Object,
};

/// Fields of a spec that others may set without making an apply fail.
const THEIRS: [&str; 2] = ["paused", "replicas"];

/// Applies `wanted`, over `found` if it exists.
pub(super) fn apply<K: Object>(wanted: &K, found: Option<&K>) -> Change {
    let manifest = Manifest::of(wanted);
    match found {
        Some(found) => {
            let whole = whole(&Manifest::of(found).body, &manifest.body);
            Change::ApplyOver(manifest, Target::as_read(found), whole)
        }
        None => Change::Apply(manifest),
    }
}

/// The merge patch that sets the spec to the wanted one. Of a pod template, our containers and volumes are set, and others stay.
fn whole(found: &Value, wanted: &Value) -> Value {
    let (found, wanted) = (&found["spec"], &wanted["spec"]);
    let fields = |spec: &Value| spec.as_object().cloned().unwrap_or_default();
    let mut spec = Map::new();
    for field in fields(found).into_iter().map(|(field, _)| field) {
        if !THEIRS.contains(&field.as_str()) {
            spec.insert(field, Value::Null);
        }
    }
    spec.extend(fields(wanted));
    if wanted["template"].is_object() {
        let (found, wanted) = (&found["template"]["spec"], &wanted["template"]["spec"]);
        let list = |field| replaced(&found[field], &wanted[field]);
        let pod = json!({ "containers": list("containers"), "volumes": list("volumes") });
        spec.insert("template".into(), json!({ "spec": pod }));
    }
    json!({ "spec": spec })
}

/// The wanted entries, and those found that have none of their names.
fn replaced(found: &Value, wanted: &Value) -> Value {
    let entries = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let wanted = entries(wanted);
    let others = entries(found).into_iter();
    let others = others.filter(|entry| wanted.iter().all(|ours| ours["name"] != entry["name"]));
    let others: Vec<Value> = others.collect();
    Value::Array([wanted, others].concat())
}
