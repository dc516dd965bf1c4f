//! A version of a custom resource definition: what it says, and how its objects are defaulted and checked.

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
    /// What the column shows.
    pub description: String,
    /// 0 is shown always, others with `-o wide`.
    pub priority: i64,
    /// Where the value stands.
    pub json_path: String,
}

/// One served version of a definition.
pub struct CustomVersion {
    /// The shape of objects.
    pub schema: SchemaRef,
    /// The schema as written, for OpenAPI.
    pub raw_schema: Value,
    /// Singular name.
    pub singular: String,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Whether there is a status subresource.
    pub has_status: bool,
    /// The scale subresource.
    pub scale: Option<ScalePaths>,
    /// Fields that can be selected.
    pub selectable: Vec<String>,
    /// Printer columns; empty for the default.
    pub columns: Vec<Column>,
    /// What every answer warns of, if the version is deprecated.
    pub deprecation: Option<String>,
}

impl CustomVersion {
    /// A stored object through this version's schema: what it no longer knows is gone, new defaults are there.
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
        // Upstream looks at the status alone, so texts name paths inside it.
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
    /// Checks the rules too, where the errors found so far leave values that rules can read.
    fn add_rules(&self, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
        if !errors.iter().any(FieldError::blocks_rules) {
            errors.extend(check_rules(new, old, &self.schema));
        } else if has_rules(&self.schema) {
            let note = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            errors.push(FieldError::invalid(&Path::root(), &Value::Null, note));
        }
    }

    fn check(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        // Metadata is checked for every kind alike.
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
