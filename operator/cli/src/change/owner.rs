//! Who else writes a field. Pure.

use complaint_api::ComplaintClassifier;
use kube::ResourceExt;
use serde_json::Value;

use super::Field;

/// The annotation in which `kubectl apply` keeps the manifest that it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager of client-side applies.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";
/// What begins the names of our own managers.
const OURS: &str = "kubectl-complaints-";

/// Who writes a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A field manager.
    Manager {
        /// Its name.
        name: String,
        /// Whether it applies manifests, and so writes the field back.
        applies: bool,
    },
    /// The manifest of the last client-side apply.
    LastApplied,
}

/// Who else writes the field of this classifier.
///
/// What client-side apply writes is told by its annotation. Its entry among the managers also has the defaults of fields that the
/// manifest lacks, as that of every program has which does not apply server-side.
pub(crate) fn owners(classifier: &ComplaintClassifier, field: Field) -> Vec<Owner> {
    let is_default = field == Field::Paused && !classifier.spec.paused;
    let managed = classifier.metadata.managed_fields.iter().flatten();
    let mut owners: Vec<Owner> = managed
        .filter(|entry| entry.subresource.as_deref().unwrap_or_default().is_empty())
        .filter(|entry| entry.fields_v1.as_ref().is_some_and(|fields| owns(&fields.0, field)))
        .filter_map(|entry| {
            let name = entry.manager.clone().unwrap_or_default();
            let applies = entry.operation.as_deref() == Some("Apply");
            let is_told_otherwise = name == CLIENT_SIDE || name.starts_with(OURS);
            let may_write = applies || !is_default;
            (may_write && !is_told_otherwise).then_some(Owner::Manager { name, applies })
        })
        .collect();
    let applied: Option<Value> = classifier
        .annotations()
        .get(LAST_APPLIED)
        .and_then(|text| serde_json::from_str(text).ok());
    if applied.is_some_and(|applied| field.of(&applied).is_some()) {
        owners.push(Owner::LastApplied);
    }
    owners
}

/// Whether a set of fields (`fieldsV1`) has the field.
fn owns(fields: &Value, field: Field) -> bool {
    let mut set = fields;
    for name in field.path() {
        match set.get(format!("f:{name}")) {
            Some(inner) => set = inner,
            None => return false,
        }
    }
    true
}
