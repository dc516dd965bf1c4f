//! Events: one storage, two forms (core/v1 and events.k8s.io/v1).

use serde_json::{Map, Value};

use super::{Strategy, View};

/// Core events.
pub(crate) struct CoreEvents;

impl Strategy for CoreEvents {}

/// Events of events.k8s.io.
pub(crate) struct Events;

impl Strategy for Events {}

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
pub(crate) const VIEW: View = View { read: |stored| renamed(stored, false), write: |shown| renamed(shown, true) };

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
        assert_eq!(shown, json!({"regarding": {"name": "a"}, "note": "m", "reason": "R", "deprecatedCount": 2}));
        assert_eq!(renamed(&shown, true), stored);
    }
}
