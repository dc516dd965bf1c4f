//! Changes of one field of a classifier: the manifest that Git should hold, and the write. Pure.
//!
//! A field is set by server-side apply with a manifest that has nothing else, under a field manager that has no other field: so the
//! apply owns this one field, leaves all others to their owners, and removes none that an earlier command set. (One manager for all
//! commands would not do: what a manager's next apply leaves out is removed.) The manifest names the object's uid, without which an
//! apply would make a classifier that was deleted in the meantime. A field is removed by a merge patch, since an apply removes only
//! what nobody else owns.

mod owner;
mod pin;

use complaint_api::ComplaintClassifier;
use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) use owner::{Owner, owners};
pub(crate) use pin::{Pinned, promote, rollback_target};

use crate::{error::Error, render::instant};

/// A field of a classifier's spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// `spec.promotion.modelVersion`.
    Pin,
    /// `spec.retraining.requestTime`.
    Request,
    /// `spec.paused`.
    Paused,
}

impl Field {
    /// Its path.
    pub(crate) fn path(self) -> &'static [&'static str] {
        match self {
            Self::Pin => &["spec", "promotion", "modelVersion"],
            Self::Request => &["spec", "retraining", "requestTime"],
            Self::Paused => &["spec", "paused"],
        }
    }

    /// `spec.promotion.modelVersion`.
    pub(crate) fn dotted(self) -> String {
        self.path().join(".")
    }

    /// The field manager of its writes.
    pub(crate) fn manager(self) -> &'static str {
        match self {
            Self::Pin => "kubectl-complaints-pin",
            Self::Request => "kubectl-complaints-request",
            Self::Paused => "kubectl-complaints-pause",
        }
    }

    /// Its value in an object.
    pub(crate) fn of(self, object: &Value) -> Option<&Value> {
        let value = self.path().iter().try_fold(object, |value, name| value.get(name))?;
        (!value.is_null()).then_some(value)
    }
}

/// A change of one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) field: Field,
    /// The new value; unset: the field is removed.
    pub(crate) value: Option<Value>,
    /// What to know before it is made.
    pub(crate) warnings: Vec<String>,
    /// What happens then.
    pub(crate) then: String,
}

impl Change {
    /// The pin is removed.
    pub(crate) fn unpin(classifier: &ComplaintClassifier) -> Self {
        Self {
            field: Field::Pin,
            value: None,
            warnings: Vec::new(),
            then: format!(
                "the champion stays, and spec.promotion.policy ({:?}) decides about newer versions",
                classifier.spec.promotion.policy
            ),
        }
    }

    /// A run is made now.
    ///
    /// # Errors
    /// When the classifier says nowhere what to train.
    pub(crate) fn retrain(classifier: &ComplaintClassifier, now: Timestamp) -> Result<Self, Error> {
        let name = classifier.name_any();
        let Some(retraining) = &classifier.spec.retraining else {
            return Err(Error::Other(format!(
                "ComplaintClassifier {name} has no spec.retraining, whose template says what to train: add it (examples/scheduled.yaml), or apply a TrainingRun"
            )));
        };
        let last = classifier
            .status
            .as_ref()
            .and_then(|status| status.last_request_time.as_ref());
        if let Some(last) = last.filter(|last| last.0 >= now) {
            return Err(Error::Other(format!(
                "the last request of ComplaintClassifier {name} is later than this machine's clock ({}), and an older one makes no run: set the clock",
                instant(last.0)
            )));
        }
        let mut warnings = Vec::new();
        if retraining.suspend {
            warnings.push("spec.retraining.suspend is true: no run is made until it is false".into());
        }
        if classifier.spec.paused {
            warnings.push("spec.paused is true: no run is made until it is false".into());
        }
        Ok(Self {
            field: Field::Request,
            value: Some(json!(instant(now))),
            warnings,
            then: "the operator makes one TrainingRun, at once or when the run that is active has ended".into(),
        })
    }

    /// Everything stops, or goes on.
    pub(crate) fn pause(paused: bool) -> Self {
        let then = match paused {
            true => "the servers go on; nothing is promoted, rolled out, changed or trained",
            false => "the operator goes on with what was changed meanwhile",
        };
        Self {
            field: Field::Paused,
            value: Some(json!(paused)),
            warnings: Vec::new(),
            then: then.into(),
        }
    }

    /// Whether the classifier has the value already.
    pub(crate) fn is_made(&self, classifier: &ComplaintClassifier) -> bool {
        let spec = serde_json::to_value(classifier).unwrap_or_default();
        self.field.of(&spec) == self.value.as_ref()
    }

    /// The manifest with this field alone.
    pub(crate) fn manifest(&self, classifier: &ComplaintClassifier) -> Manifest {
        let value = self.value.clone().unwrap_or(Value::Null);
        let spec = self.field.path()[1..].iter().rev().fold(value, |value, name| {
            Value::Object(Map::from_iter([((*name).to_owned(), value)]))
        });
        Manifest {
            api_version: ComplaintClassifier::api_version(&()).into_owned(),
            kind: ComplaintClassifier::kind(&()).into_owned(),
            metadata: Name {
                name: classifier.name_any(),
                namespace: classifier.namespace().unwrap_or_default(),
                uid: None,
            },
            spec,
        }
    }

    /// The manifest for an apply to exactly this object.
    pub(crate) fn apply(&self, classifier: &ComplaintClassifier) -> Value {
        let mut manifest = self.manifest(classifier);
        manifest.metadata.uid = classifier.uid();
        json!(manifest)
    }

    /// The patch that removes the field.
    pub(crate) fn merge_patch(&self) -> Value {
        let null = self.field.path().iter().rev();
        null.fold(self.value.clone().unwrap_or(Value::Null), |value, name| {
            Value::Object(Map::from_iter([((*name).to_owned(), value)]))
        })
    }

    /// What stands above the printed manifest, each line a comment.
    pub(crate) fn comment(&self, classifier: &ComplaintClassifier) -> String {
        let (field, object) = (
            self.field.dotted(),
            format!(
                "ComplaintClassifier {}/{}",
                classifier.namespace().unwrap_or_default(),
                classifier.name_any()
            ),
        );
        let instruction = match self.value {
            Some(_) => format!("# Set {field} in the manifest of {object} that Git holds."),
            None => format!("# Remove {field} from the manifest of {object} that Git holds."),
        };
        format!(
            "{instruction}\n# Don't `kubectl apply` these lines alone: kubectl would take them for the whole manifest and remove the rest.\n"
        )
    }

    /// Who else owns the field, as warnings.
    pub(crate) fn ownership(&self, classifier: &ComplaintClassifier) -> Vec<String> {
        let field = self.field.dotted();
        owners(classifier, self.field)
            .into_iter()
            .map(|owner| match owner {
                Owner::Manager { name, applies: true } => format!(
                    "{field} is owned by {name}, which writes its own value back when it applies its manifest again: change it there (in Git), too"
                ),
                Owner::Manager { name, applies: false } => {
                    format!("{field} was last set by {name}, which may set it again")
                }
                Owner::LastApplied => format!(
                    "the last manifest of `kubectl apply` has {field}, and applying it again writes that value back: change the manifest (in Git), too"
                ),
            })
            .collect()
    }
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    api_version: String,
    kind: String,
    metadata: Name,
    spec: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Name {
    name: String,
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
}

/// What a write did, for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Done {
    pub(crate) namespace: String,
    pub(crate) classifier: String,
    /// `spec.promotion.modelVersion`.
    pub(crate) field: String,
    pub(crate) from: Option<Value>,
    pub(crate) to: Option<Value>,
    /// Whether the API server was only asked what it would do.
    pub(crate) dry_run: bool,
    /// Whether the field had the value already.
    pub(crate) unchanged: bool,
}

#[cfg(test)]
mod tests;
