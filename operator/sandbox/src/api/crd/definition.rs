//! How definitions themselves are defaulted and checked.

use serde_json::{Value, json};

use super::text;
use crate::api::builtin::{Strategy, default_to};
use crate::api::field::FieldError;
use crate::api::meta::now;

/// The finalizer that keeps a definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// CustomResourceDefinitions.
pub struct CrdStrategy;

impl Strategy for CrdStrategy {
    fn default(&self, object: &mut Value) {
        let Some(spec) = object.get_mut("spec").filter(|s| s.is_object()) else { return };
        default_to(spec, "conversion", json!({ "strategy": "None" }));
        if let Some(names) = spec.get_mut("names").filter(|n| n.is_object()) {
            let kind = text(names, "kind").to_owned();
            default_to(names, "singular", kind.to_lowercase());
            default_to(names, "listKind", format!("{kind}List"));
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object["status"] = established(object);
        let metadata = &mut object["metadata"];
        default_to(metadata, "finalizers", json!([]));
        if let Some(list) = metadata["finalizers"].as_array_mut() {
            list.push(CLEANUP.into());
        }
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

    fn validate(&self, _object: &Value) -> Vec<FieldError> {
        Vec::new()
    }
}

fn storage_version(spec: &Value) -> Option<&str> {
    spec["versions"].as_array()?.iter().find(|v| v["storage"] == true).map(|v| text(v, "name"))
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
