//! `x-kubernetes-validations`.

use serde_json::Value;

use crate::api::field::FieldError;
use crate::api::schema::Schema;

/// One rule as written.
#[derive(Debug)]
pub struct Rule {
    /// The expression.
    pub rule: String,
}

impl Rule {
    /// Reads a rule.
    pub fn read(raw: &Value) -> Self {
        Self { rule: raw["rule"].as_str().unwrap_or_default().to_owned() }
    }
}

/// Evaluates the rules of a schema.
pub fn check(_new: &Value, _old: Option<&Value>, _schema: &Schema) -> Vec<FieldError> {
    Vec::new()
}
