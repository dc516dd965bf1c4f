//! Namespaces, ConfigMaps, Secrets, claims and leases.

use base64::Engine;
use serde_json::{Value, json};

use crate::field::{FieldError, Path, Problem};
use crate::meta::{Meta, child_map};
use crate::names;
use crate::resource::Strategy;
use crate::value::{child, default_to, has, text};

/// Largest data of a ConfigMap or Secret, in bytes.
const MAX_DATA: usize = 1024 * 1024;

/// Namespaces.
pub(crate) struct Namespaces;

impl Strategy for Namespaces {
    fn default(&self, object: &mut Value) {
        let name = object.name().to_owned();
        if !name.is_empty() {
            child_map(child(object, "metadata"), "labels").insert("kubernetes.io/metadata.name".into(), name.into());
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["spec"] = json!({ "finalizers": ["kubernetes"] });
        object["status"] = json!({ "phase": "Active" });
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["spec"] = old["spec"].clone();
        new["status"] = old["status"].clone();
    }
}

/// ConfigMaps.
pub(crate) struct ConfigMaps;

impl Strategy for ConfigMaps {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut size = 0;
        for field in ["data", "binaryData"] {
            for (key, value) in object.get(field).and_then(Value::as_object).into_iter().flatten() {
                check_key(field, key, &mut errors);
                if field == "data" && has(&object["binaryData"], key) {
                    let detail = "duplicate of key present in binaryData";
                    errors.push(FieldError::invalid(
                        &Path::new(field).key(key),
                        &key.as_str().into(),
                        detail,
                    ));
                }
                size += value.as_str().map_or(0, str::len);
            }
        }
        if size > MAX_DATA {
            errors.push(FieldError {
                field: "[]".into(),
                problem: Problem::TooLong(MAX_DATA),
            });
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        frozen(new, old, &["data", "binaryData"], &mut errors);
        errors.extend(self.validate(new));
        errors
    }
}

fn check_key(field: &str, key: &str, errors: &mut Vec<FieldError>) {
    let path = Path::new(field).key(key);
    errors.extend(
        names::config_key(key)
            .into_iter()
            .map(|problem| FieldError::invalid(&path, &key.into(), problem)),
    );
}

/// Changes that an object with `immutable: true` rejects.
fn frozen(new: &Value, old: &Value, fields: &[&str], errors: &mut Vec<FieldError>) {
    if old["immutable"] != true {
        return;
    }
    let why = "field is immutable when `immutable` is set";
    if new["immutable"] != true {
        errors.push(FieldError::forbidden(&Path::new("immutable"), why));
    }
    for field in fields {
        if new[*field] != old[*field] {
            errors.push(FieldError::forbidden(&Path::new(*field), why));
        }
    }
}

/// Secrets.
pub(crate) struct Secrets;

impl Strategy for Secrets {
    fn default(&self, object: &mut Value) {
        default_to(object, "type", "Opaque");
        let plain = object.as_object_mut().and_then(|o| o.remove("stringData"));
        if let Some(Value::Object(plain)) = plain {
            let data = child_map(object, "data");
            for (key, value) in plain {
                let encoded = base64::engine::general_purpose::STANDARD.encode(value.as_str().unwrap_or_default());
                data.insert(key, encoded.into());
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut size = 0;
        for (key, value) in object.get("data").and_then(Value::as_object).into_iter().flatten() {
            check_key("data", key, &mut errors);
            size += value.as_str().map_or(0, |v| v.len() / 4 * 3);
        }
        if size > MAX_DATA {
            errors.push(FieldError {
                field: "data".into(),
                problem: Problem::TooLong(MAX_DATA),
            });
        }
        for key in required_keys(text(object, "type")) {
            if !has(&object["data"], key) {
                errors.push(FieldError::required(&Path::new("data").key(key), ""));
            }
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if new["type"] != old["type"] {
            errors.push(FieldError::immutable(&Path::new("type"), &new["type"]));
        }
        frozen(new, old, &["data"], &mut errors);
        errors.extend(self.validate(new));
        errors
    }
}

fn required_keys(kind: &str) -> &'static [&'static str] {
    match kind {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    }
}

/// PersistentVolumeClaims.
pub(crate) struct Claims;

impl Strategy for Claims {
    fn default(&self, object: &mut Value) {
        if let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) {
            default_to(spec, "volumeMode", "Filesystem");
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = json!({ "phase": "Pending" });
        object.add_finalizer("kubernetes.io/pvc-protection");
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["status"] = old["status"].clone();
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let spec = &object["spec"];
        let path = Path::new("spec");
        let modes = spec["accessModes"].as_array().map(Vec::as_slice).unwrap_or_default();
        if modes.is_empty() {
            errors.push(FieldError::required(
                &path.child("accessModes"),
                "at least 1 access mode is required",
            ));
        }
        const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
        for mode in modes.iter().filter(|m| !m.as_str().is_some_and(|m| MODES.contains(&m))) {
            errors.push(FieldError::unsupported(&path.child("accessModes"), mode, &MODES));
        }
        if !has(&spec["resources"]["requests"], "storage") {
            errors.push(FieldError::required(&path.child("resources").key("storage"), ""));
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(new);
        // The binder sets the volume name, and the requests of a bound claim may grow.
        let fixed = |claim: &Value| {
            let mut spec = claim["spec"].clone();
            if let Some(map) = spec.as_object_mut() {
                map.remove("volumeName");
                map.remove("resources");
                map.remove("volumeAttributesClassName");
            }
            spec
        };
        let renamed = has(&old["spec"], "volumeName") && new["spec"]["volumeName"] != old["spec"]["volumeName"];
        if fixed(new) != fixed(old) || renamed {
            let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                          bound claims";
            errors.push(FieldError::forbidden(&Path::new("spec"), detail));
        }
        errors
    }
}

/// Leases.
pub(crate) struct Leases;

impl Strategy for Leases {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let spec = &object["spec"];
        let path = Path::new("spec");
        if spec["leaseDurationSeconds"].as_i64().is_some_and(|n| n <= 0) {
            errors.push(FieldError::invalid(
                &path.child("leaseDurationSeconds"),
                &spec["leaseDurationSeconds"],
                "must be greater than 0",
            ));
        }
        if spec["leaseTransitions"].as_i64().is_some_and(|n| n < 0) {
            errors.push(FieldError::invalid(
                &path.child("leaseTransitions"),
                &spec["leaseTransitions"],
                "must be greater than or equal to 0",
            ));
        }
        errors
    }
}
