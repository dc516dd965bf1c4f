//! A version of a custom resource definition, with its defaults and validation.

use serde_json::Value;

use super::{ScalePaths, Strategy};
use crate::field::{FieldError, Path};
use crate::schema::{
    Schema, SchemaRef, apply_defaults, check_rules, drop_nulls, has_rules, prune, validate, validate_lists,
};

/// A printer column of a custom resource.
#[derive(Debug, Clone)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// Display format.
    pub format: String,
    /// Description.
    pub description: String,
    /// 0 is always shown, others with `-o wide`.
    pub priority: i64,
    /// JSONPath of the value.
    pub json_path: String,
}

/// One served version of a definition.
pub struct CustomVersion {
    /// The schema of objects.
    pub schema: SchemaRef,
    /// The schema as written, for OpenAPI.
    pub raw_schema: Value,
    /// Singular name.
    pub singular: String,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Whether it has a status subresource.
    pub has_status: bool,
    /// The scale subresource.
    pub scale: Option<ScalePaths>,
    /// Selectable fields.
    pub selectable: Vec<String>,
    /// Printer columns; empty for the default.
    pub columns: Vec<Column>,
    /// The warning of every response, if the version is deprecated.
    pub deprecation: Option<String>,
}

impl CustomVersion {
    /// A stored object in this version: unknown fields are pruned and new defaults are applied.
    pub fn present(&self, object: &Value, schema: &Schema) -> Value {
        let mut shown = object.clone();
        let _ = prune(&mut shown, schema);
        apply_defaults(&mut shown, schema);
        shown
    }
}

impl Strategy for CustomVersion {
    fn default(&self, object: &mut Value) {
        drop_nulls(object, &self.schema);
        apply_defaults(object, &self.schema);
    }

    fn prepare_create(&self, object: &mut Value) {
        if self.has_status
            && let Some(map) = object.as_object_mut()
        {
            map.remove("status");
        }
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        if !self.has_status {
            return;
        }
        if let Some(map) = new.as_object_mut() {
            match old.get("status") {
                Some(status) => map.insert("status".into(), status.clone()),
                None => map.remove("status"),
            };
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        self.check(object, None)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        self.check(new, Some(old))
    }

    fn validate_status(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        // Upstream validates the status alone, so messages contain paths relative to it.
        let Some(schema) = self.schema.properties.get("status") else {
            return Vec::new();
        };
        let mut errors = validate(&new["status"], old.get("status"), schema);
        errors.extend(validate_lists(&new["status"], schema));
        for error in &mut errors {
            error.field = if error.field == "<nil>" {
                "status".into()
            } else {
                format!("status.{}", error.field)
            };
        }
        self.add_rules(new, Some(old), &mut errors);
        errors
    }
}

impl CustomVersion {
    /// Checks the rules too, unless earlier errors prevent it.
    fn add_rules(&self, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
        if !errors.iter().any(FieldError::blocks_rules) {
            errors.extend(check_rules(new, old, &self.schema));
        } else if has_rules(&self.schema) {
            let note = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            errors.push(FieldError::invalid(&Path::root(), &Value::Null, note));
        }
    }

    fn check(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        // Metadata is checked in the same way for every kind.
        let bare = |object: &Value| {
            let mut object = object.clone();
            if let Some(map) = object.as_object_mut() {
                map.remove("metadata");
            }
            object
        };
        let (bare_new, bare_old) = (bare(new), old.map(bare));
        let mut errors = validate(&bare_new, bare_old.as_ref(), &self.schema);
        if bare_old.as_ref() != Some(&bare_new) {
            errors.extend(validate_lists(&bare_new, &self.schema));
        }
        self.add_rules(new, old, &mut errors);
        errors
    }
}
