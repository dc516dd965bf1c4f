//! The part of a status that one controller owns: it writes its fields and removes foreign values from them.
//!
//! Server-side apply keeps fields of other managers, so it never removes a field or condition that a restore or an edit
//! of the status has set. Computed fields must not keep foreign values: after an apply, a JSON patch, which is valid
//! only for the state that was read, corrects all differences in the controller's own fields and conditions.

use serde::Serialize;
use serde_json::{Map, Value, json};

const CONDITIONS: &str = "conditions";

/// The fields and conditions of a kind's status that belong to one controller.
pub(crate) trait Owned: Serialize {
    /// Names of the fields, without `conditions`.
    const FIELDS: &'static [&'static str];
    /// Types of the conditions.
    const CONDITIONS: &'static [&'static str];

    /// Removes what this controller owns from a status.
    fn without(status: &mut Value) {
        let Some(status) = status.as_object_mut() else { return };
        status.retain(|field, _| !Self::FIELDS.contains(&field.as_str()));
        if let Some(conditions) = status.get_mut(CONDITIONS).and_then(Value::as_array_mut) {
            conditions.retain(|condition| !Self::CONDITIONS.contains(&type_of(condition)));
        }
    }

    /// The part as it is written.
    fn part(&self) -> Part {
        Part {
            fields: Self::FIELDS,
            conditions: Self::CONDITIONS,
            value: serde_json::to_value(self).unwrap_or_default(),
        }
    }
}

/// One controller's part of a status.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    fields: &'static [&'static str],
    conditions: &'static [&'static str],
    value: Value,
}

impl Part {
    /// The value that is sent to the API server.
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// Whether the stored status equals this part in all of its fields and conditions.
    pub(crate) fn is_in(&self, stored: &Value) -> bool {
        self.corrections(stored).is_empty() && self.lacks_nothing(stored)
    }

    fn lacks_nothing(&self, stored: &Value) -> bool {
        let fields = self.fields.iter();
        fields
            .into_iter()
            .all(|field| self.value[field].is_null() || !stored[field].is_null())
            && self
                .stated()
                .iter()
                .all(|wanted| find(stored, type_of(wanted)).is_some())
    }

    /// The operations of a JSON patch that correct the differences that server-side apply leaves.
    pub(crate) fn corrections(&self, stored: &Value) -> Vec<Value> {
        let mut operations = Vec::new();
        for field in self.fields {
            let path = format!("/status/{field}");
            match (&self.value[*field], &stored[*field]) {
                (_, Value::Null) => {}
                (Value::Null, _) => operations.push(json!({ "op": "remove", "path": path })),
                (wanted, found) if !same(wanted, found) => {
                    operations.push(json!({ "op": "replace", "path": path, "value": wanted }));
                }
                _ => {}
            }
        }
        let found = stored[CONDITIONS].as_array().map(Vec::as_slice).unwrap_or_default();
        // From the end, so that a removal keeps the indices of the others.
        for (place, condition) in found.iter().enumerate().rev() {
            if !self.conditions.contains(&type_of(condition)) {
                continue;
            }
            let path = format!("/status/{CONDITIONS}/{place}");
            match self
                .stated()
                .iter()
                .find(|wanted| type_of(wanted) == type_of(condition))
            {
                None => operations.push(json!({ "op": "remove", "path": path })),
                Some(wanted) if !same(wanted, condition) => {
                    operations.push(json!({ "op": "replace", "path": path, "value": wanted }));
                }
                Some(_) => {}
            }
        }
        operations
    }

    fn stated(&self) -> &[Value] {
        self.value[CONDITIONS].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

fn type_of(condition: &Value) -> &str {
    condition["type"].as_str().unwrap_or_default()
}

fn find<'a>(status: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = status[CONDITIONS].as_array()?;
    conditions.iter().find(|condition| type_of(condition) == type_)
}

/// Equality of JSON values, where `1` equals `1.0` as in the API server.
fn same(a: &Value, b: &Value) -> bool {
    let each = |a: &Map<String, Value>, b: &Map<String, Value>| {
        a.len() == b.len()
            && a.iter()
                .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
    };
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => each(a, b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Serialize)]
    struct Mine {
        #[serde(skip_serializing_if = "Option::is_none")]
        stage: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        share: Option<f64>,
        conditions: Vec<Value>,
    }

    impl Owned for Mine {
        const FIELDS: &'static [&'static str] = &["stage", "share"];
        const CONDITIONS: &'static [&'static str] = &["Ready", "Stalled"];
    }

    fn condition(type_: &str, status: &str) -> Value {
        json!({ "type": type_, "status": status })
    }

    fn ready() -> Mine {
        Mine {
            stage: Some("Champion"),
            share: Some(1.0),
            conditions: vec![condition("Ready", "True")],
        }
    }

    #[test]
    fn other_controllers_fields_and_foreign_conditions_are_no_difference() {
        let stored = json!({
            "evaluation": { "rows": 3 }, "stage": "Champion", "share": 1,
            "conditions": [condition("example.com/Audited", "False"), condition("Ready", "True")],
        });
        assert!(ready().part().is_in(&stored));
        assert!(!Mine::default().part().is_in(&stored));
        assert!(!ready().part().is_in(&Value::Null));
    }

    #[test]
    fn foreign_values_in_own_fields_and_conditions_are_corrected_and_others_are_kept() {
        let stored = json!({
            "evaluation": { "rows": 3 }, "stage": "Retired", "share": 1,
            "conditions": [
                condition("Stalled", "True"), condition("example.com/Audited", "False"),
                condition("Ready", "False"), condition("Stalled", "False"),
            ],
        });
        let corrections = Mine { share: None, ..ready() }.part().corrections(&stored);
        let expected = [
            json!({ "op": "replace", "path": "/status/stage", "value": "Champion" }),
            json!({ "op": "remove", "path": "/status/share" }),
            json!({ "op": "remove", "path": "/status/conditions/3" }),
            json!({ "op": "replace", "path": "/status/conditions/2", "value": condition("Ready", "True") }),
            json!({ "op": "remove", "path": "/status/conditions/0" }),
        ];
        assert_eq!(corrections, expected);
    }

    #[test]
    fn what_server_side_apply_adds_needs_no_correction() {
        let stored = json!({ "stage": "Champion" });
        let part = ready().part();
        assert!(!part.is_in(&stored));
        assert_eq!(part.corrections(&stored), Vec::<Value>::new());
    }
}
