//! Defaults and validation of definitions.

use serde_json::{Value, json};

use super::structure;
use crate::field::{FieldError, Path, Problem};
use crate::meta::{Meta, now};
use crate::names;
use crate::resource::Strategy;
use crate::value::{default_to, text};

/// The finalizer that keeps a definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// CustomResourceDefinitions.
pub struct CrdStrategy;

impl Strategy for CrdStrategy {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
        default_to(spec, "conversion", json!({ "strategy": "None" }));
        if let Some(names) = spec.get_mut("names").filter(|n| n.is_object()) {
            let kind = text(names, "kind").to_owned();
            default_to(names, "singular", kind.to_lowercase());
            default_to(names, "listKind", format!("{kind}List"));
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = established(object);
        object.add_finalizer(CLEANUP);
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        new["status"] = old["status"].clone();
        new["status"]["acceptedNames"] = new["spec"]["names"].clone();
        let storage = storage_version(&new["spec"]).map(Value::from);
        if let (Some(list), Some(storage)) = (new["status"]["storedVersions"].as_array_mut(), storage)
            && !list.contains(&storage)
        {
            list.push(storage);
        }
    }

    fn validate(&self, object: &Value) -> Vec<FieldError> {
        check(object)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (path, field) in [("spec.group", "/spec/group"), ("spec.scope", "/spec/scope")] {
            let (now, before) = (new.pointer(field), old.pointer(field));
            if now != before {
                errors.push(FieldError::immutable(&Path::new(path), now.unwrap_or(&Value::Null)));
            }
        }
        for name in ["kind", "plural"] {
            let (now, before) = (&new["spec"]["names"][name], &old["spec"]["names"][name]);
            if now != before {
                errors.push(FieldError::immutable(&Path::new("spec.names").child(name), now));
            }
        }
        // The immutable fields are also part of the name. Only the first error is reported.
        if errors.is_empty() {
            errors.extend(check(new));
        }
        errors
    }
}

fn storage_version(spec: &Value) -> Option<&str> {
    spec["versions"]
        .as_array()?
        .iter()
        .find(|v| v["storage"] == true)
        .map(|v| text(v, "name"))
}

/// The status of an accepted definition: it is served as soon as it is stored.
fn established(object: &Value) -> Value {
    let time = now();
    json!({
        "acceptedNames": object["spec"]["names"],
        "storedVersions": storage_version(&object["spec"]).into_iter().collect::<Vec<_>>(),
        "conditions": [
            {
                "type": "NamesAccepted", "status": "True", "lastTransitionTime": time,
                "reason": "NoConflicts", "message": "no conflicts found",
            },
            {
                "type": "Established", "status": "True", "lastTransitionTime": time,
                "reason": "InitialNamesAccepted", "message": "the initial names have been accepted",
            },
        ],
    })
}

fn check(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &object["spec"];
    let path = Path::new("spec");
    let (group, plural) = (text(spec, "group"), text(&spec["names"], "plural"));
    if object.name() != format!("{plural}.{group}") {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid(
            &Path::new("metadata.name"),
            &object.name().into(),
            detail,
        ));
    }
    if group.is_empty() {
        errors.push(FieldError::required(&path.child("group"), ""));
    } else {
        for problem in names::dns_subdomain(group) {
            errors.push(FieldError::invalid(&path.child("group"), &group.into(), problem));
        }
    }
    let scope = text(spec, "scope");
    if !["Cluster", "Namespaced"].contains(&scope) {
        errors.push(FieldError::unsupported(
            &path.child("scope"),
            &scope.into(),
            &["Cluster", "Namespaced"],
        ));
    }
    versions(spec, &path, &mut errors);
    for field in ["plural", "kind"] {
        if text(&spec["names"], field).is_empty() {
            errors.push(FieldError::required(&path.child("names").child(field), ""));
        }
    }
    errors
}

fn versions(spec: &Value, path: &Path, errors: &mut Vec<FieldError>) {
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let stored = versions.iter().filter(|v| v["storage"] == true).count();
    if stored != 1 {
        let shown: Vec<String> = versions.iter().map(internal_form).collect();
        let detail = "must have exactly one version marked as storage version".to_owned();
        let problem = Problem::Invalid(format!("[{}]", shown.join(",")), detail);
        errors.push(FieldError::new(&path.child("versions"), problem));
    }
    if stored == 0 {
        let detail = "must have at least one stored version";
        errors.push(FieldError::invalid(
            &Path::new("status.storedVersions"),
            &Value::Null,
            detail,
        ));
    }
    if spec["conversion"]["strategy"] == "Webhook" {
        let detail = "the sandbox has no conversion webhooks";
        errors.push(FieldError::forbidden(
            &path.child("conversion").child("strategy"),
            detail,
        ));
    }
    let first = versions.first().map(|v| &v["schema"]);
    let shared = versions.iter().all(|v| Some(&v["schema"]) == first);
    for (i, version) in versions.iter().enumerate() {
        let schema = &version["schema"]["openAPIV3Schema"];
        let here = path.child("versions").index(i).child("schema").child("openAPIV3Schema");
        if !schema.is_object() {
            errors.push(FieldError::required(&here, ""));
            continue;
        }
        // Upstream merges equal schemas of all versions into one, and names its internal path.
        if shared && i > 0 {
            continue;
        }
        let here = if shared {
            Path::new("spec.validation.openAPIV3Schema")
        } else {
            here
        };
        errors.extend(structure::check(schema, &here));
    }
}

/// A version in upstream's internal form, as far as messages show it.
fn internal_form(version: &Value) -> String {
    format!(
        "{{\"Name\":{},\"Served\":{},\"Storage\":{},\"Deprecated\":{},\"DeprecationWarning\":null,\"Schema\":null,\
         \"Subresources\":null,\"AdditionalPrinterColumns\":null,\"SelectableFields\":null}}",
        version["name"],
        version["served"] == true,
        version["storage"] == true,
        version["deprecated"] == true,
    )
}
