//! Field selectors: `a.b=c,d!=e` over the selectable fields of a resource.

use serde_json::Value;

use crate::error::ApiError;
use crate::meta::Meta;
use crate::resource::{Resource, Source};

/// A conjunction of field requirements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<Term>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Parses a selector for a resource.
    ///
    /// # Errors
    /// 400 if the text is not a selector, or uses a field that is not selectable.
    pub fn parse(text: &str, resource: &Resource) -> Result<Self, ApiError> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let term = if let Some((field, value)) = part.split_once("!=") {
                Term {
                    field: field.into(),
                    value: unescape(value),
                    equal: false,
                }
            } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                Term {
                    field: field.into(),
                    value: unescape(value),
                    equal: true,
                }
            } else {
                let message = format!("invalid selector: '{text}'; can't understand '{part}'");
                return Err(ApiError::bad_request(message));
            };
            offered(&term.field, resource)?;
            terms.push(term);
        }
        Ok(Self(terms))
    }

    /// Whether the selector matches every object.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object, in the resource's form, matches.
    pub fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|t| (field_text(object, &t.field) == t.value) == t.equal)
    }
}

fn unescape(value: &str) -> String {
    value.replace("\\,", ",").replace("\\=", "=").replace("\\\\", "\\")
}

fn offered(field: &str, resource: &Resource) -> Result<(), ApiError> {
    if field == "metadata.name" || (field == "metadata.namespace" && resource.namespaced) {
        return Ok(());
    }
    let (fields, message) = match &resource.source {
        Source::Custom(version) => (
            version.selectable.iter().any(|f| f == field),
            format!("field label not supported: {field}"),
        ),
        Source::BuiltIn(kind) => (
            kind.fields.contains(&field),
            match kind.kind {
                "Job" => format!("field label \"{field}\" not supported for Job"),
                "Pod" | "Event" | "Service" | "Namespace" | "Secret" | "Node" => {
                    format!("field label not supported: {field}")
                }
                _ => {
                    format!("\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
                }
            },
        ),
    };
    if fields {
        Ok(())
    } else {
        Err(ApiError::bad_request(message))
    }
}

/// A field's value as text, empty if absent.
fn field_text(object: &Value, field: &str) -> String {
    match field {
        "metadata.name" => return object.name().to_owned(),
        "metadata.namespace" => return object.namespace().to_owned(),
        // The selectable field of a Job is computed from its status.
        "status.successful" => return object["status"]["succeeded"].as_i64().unwrap_or(0).to_string(),
        "spec.hostNetwork" => return object["spec"]["hostNetwork"].as_bool().unwrap_or(false).to_string(),
        "source" => {
            let component = object["source"]["component"].as_str().unwrap_or_default();
            let reporting = object["reportingComponent"].as_str().unwrap_or_default();
            return if component.is_empty() { reporting } else { component }.to_owned();
        }
        "name" => return object.name().to_owned(),
        _ => {}
    }
    let found = field.split('.').try_fold(object, |v, key| v.get(key));
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
