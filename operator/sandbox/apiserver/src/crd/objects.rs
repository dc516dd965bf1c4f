//! How custom objects are defaulted and checked.

use serde_json::Value;

use super::{CustomVersion, rules};
use crate::builtin::Strategy;
use crate::field::FieldError;
use crate::schema::{apply_defaults, drop_nulls, validate, validate_lists};

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
        if errors.is_empty() {
            errors.extend(rules::check(new, Some(old), &self.schema));
        }
        errors
    }
}

impl CustomVersion {
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
        if errors.is_empty() {
            errors.extend(rules::check(new, old, &self.schema));
        }
        errors
    }
}
