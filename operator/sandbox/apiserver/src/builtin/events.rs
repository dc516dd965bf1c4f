//! Events: one storage, two forms (core/v1 and events.k8s.io/v1).

use serde_json::{Map, Value};

use crate::field::{FieldError, Path};
use crate::names;
use crate::resource::{Strategy, View};
use crate::value::{default_to, has, text};

/// Core events.
pub(crate) struct CoreEvents;

impl Strategy for CoreEvents {
    fn default(&self, event: &mut Value) {
        // Upstream writes these even if they are not set.
        for key in ["reportingComponent", "reportingInstance"] {
            default_to(event, key, "");
        }
    }

    fn complete(&self, shown: &mut Value) {
        complete(shown, &["firstTimestamp", "lastTimestamp", "eventTime"], "source");
    }
}

/// Events of events.k8s.io.
pub(crate) struct Events;

impl Strategy for Events {
    fn validate(&self, event: &Value) -> Vec<FieldError> {
        check(event)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = check(new);
        for field in [
            "regarding",
            "related",
            "reason",
            "action",
            "note",
            "reportingController",
            "reportingInstance",
            "type",
        ] {
            if new[field] != old[field] {
                let core = NAMES
                    .iter()
                    .find(|(_, shown)| *shown == field)
                    .map_or(field, |(core, _)| *core);
                errors.push(FieldError::immutable(&Path::new(core), &new[field]));
            }
        }
        errors
    }

    fn complete(&self, shown: &mut Value) {
        complete(
            shown,
            &["deprecatedFirstTimestamp", "deprecatedLastTimestamp", "eventTime"],
            "deprecatedSource",
        );
    }
}

fn check(event: &Value) -> Vec<FieldError> {
    if !has(event, "eventTime") {
        return vec![FieldError::required(&Path::new("eventTime"), "")];
    }
    let mut errors = Vec::new();
    let controller = text(event, "reportingController");
    if controller.is_empty() {
        errors.push(FieldError::required(&Path::new("reportingController"), ""));
    } else {
        for problem in names::qualified_name(controller) {
            errors.push(FieldError::invalid(
                &Path::new("reportingController"),
                &controller.into(),
                problem,
            ));
        }
    }
    for field in ["reportingInstance", "action", "reason"] {
        if text(event, field).is_empty() {
            errors.push(FieldError::required(&Path::new(field), ""));
        }
    }
    let kind = text(event, "type");
    if kind != "Normal" && kind != "Warning" {
        let detail = format!("has invalid value: {kind}");
        errors.push(FieldError::invalid(&Path::new("type"), &"".into(), detail));
    }
    errors
}

/// Field names of the stored core form and of the events.k8s.io form.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// The events.k8s.io form of a stored core event.
pub(crate) const VIEW: View = View {
    read: |stored| renamed(stored, false),
    write: |shown| renamed(shown, true),
};

/// Fields that upstream writes in each form even if they are not set.
fn complete(event: &mut Value, nulls: &[&str], source: &str) {
    for key in nulls {
        if event.get(*key).is_none() {
            event[*key] = Value::Null;
        }
    }
    default_to(event, source, serde_json::json!({}));
}

fn renamed(event: &Value, to_core: bool) -> Value {
    let mut result = Map::new();
    for (key, value) in event.as_object().into_iter().flatten() {
        let name = NAMES
            .iter()
            .find_map(|(core, new)| {
                let (from, to) = if to_core { (new, core) } else { (core, new) };
                (from == key).then_some(*to)
            })
            .unwrap_or(key);
        result.insert(name.to_owned(), value.clone());
    }
    Value::Object(result)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_hold_the_same() {
        let stored = json!({"involvedObject": {"name": "a"}, "message": "m", "reason": "R", "count": 2});
        let shown = renamed(&stored, false);
        assert_eq!(
            shown,
            json!({"regarding": {"name": "a"}, "note": "m", "reason": "R", "deprecatedCount": 2})
        );
        assert_eq!(renamed(&shown, true), stored);
    }
}
