//! `spec.tracking`: where versions are logged for people who work with an experiment tracker.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use complaint_contract::MlflowTarget;

use crate::SecretRef;

/// Where versions are logged after their training. Empty: nowhere.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tracking {
    /// An MLflow tracking server, version 3 or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlflow: Option<MlflowTracking>,
}

/// An MLflow tracking server and the names to use there.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MlflowTracking {
    /// The server's address, such as `http://mlflow.mlflow:5000`.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = Rule::new(r"self.matches('^https?://[^/?#@\\s]+(/[^?#@\\s]*)?$')")
        .message("uri is http:// or https:// with a host and perhaps a path, without user, password, query or fragment: put MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, into the Secret that secretRef names"))]
    pub uri: String,
    /// Name of the experiment. Unset: `<namespace>.<classifier>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 250))]
    #[x_kube(validation = Rule::new(r"self.matches('^[^\\s]([^\\r\\n]*[^\\s])?$')")
        .message("experiment is one line that neither begins nor ends with a space"))]
    pub experiment: Option<String>,
    /// Name of the registered model. Unset: `<namespace>.<classifier>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 250))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9_]([-._ a-zA-Z0-9]*[-_a-zA-Z0-9])?$')")
        .message("registeredModel holds only letters, digits, spaces, '-', '_' and '.', and begins and ends with a letter, a digit or '_'"))]
    pub registered_model: Option<String>,
    /// Its keys become environment variables of the Job that logs: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or
    /// MLFLOW_TRACKING_TOKEN. Unset: the server requires no login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

impl MlflowTracking {
    /// The place for versions of that classifier, with the default names filled in. Neither a namespace nor a classifier has a
    /// dot in its name, so no two of them share one.
    pub fn target(&self, namespace: &str, classifier: &str) -> MlflowTarget {
        let default = || format!("{namespace}.{classifier}");
        MlflowTarget {
            uri: self.uri.clone(),
            experiment: self.experiment.clone().unwrap_or_else(default),
            registered_model: self.registered_model.clone().unwrap_or_else(default),
        }
    }
}

/// What an MLflow server has of a version.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MlflowVersion {
    /// The server's address.
    pub uri: String,
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the registered model.
    pub registered_model: String,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The logged model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The version of the registered model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_version: Option<String>,
}

impl MlflowVersion {
    /// Whether it stands in that place.
    pub fn is_at(&self, target: &MlflowTarget) -> bool {
        self.uri == target.uri
            && self.experiment == target.experiment
            && self.registered_model == target.registered_model
    }
}

/// How a place in an MLflow server stands to a classifier.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MlflowState {
    /// The server's address.
    pub uri: String,
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the registered model.
    pub registered_model: String,
    /// The ModelVersion that the alias `champion` was set to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<String>,
    /// The ModelVersion that the alias `challenger` was set to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenger: Option<String>,
    /// Aliases whose version the registered model does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub missing_aliases: Vec<String>,
    /// Jobs that failed since the last that did not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// The uid of the last Job that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_job: Option<String>,
}

impl MlflowState {
    /// Whether it is about that place.
    pub fn is_at(&self, target: &MlflowTarget) -> bool {
        self.uri == target.uri
            && self.experiment == target.experiment
            && self.registered_model == target.registered_model
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_left_out_are_those_of_namespace_and_classifier() {
        let tracking = MlflowTracking {
            uri: "http://mlflow:5000".into(),
            experiment: Some("complaints".into()),
            ..MlflowTracking::default()
        };
        let target = tracking.target("team-a", "cards");
        assert_eq!(
            (target.experiment.as_str(), target.registered_model.as_str()),
            ("complaints", "team-a.cards")
        );
    }
}
