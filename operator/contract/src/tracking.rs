//! The request and the result of the short Job `track`, which logs versions to an MLflow tracking server.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::message::{parts_left_out, to_json};
use crate::{MESSAGE_BYTES, ProgramError, Sha256Digest};

/// Most versions of one request: what is said of them fits into a termination message.
pub const TRACKED_VERSIONS: usize = 8;
/// The alias of the version that serves.
pub const CHAMPION_ALIAS: &str = "champion";
/// The alias of the version that is being rolled out.
pub const CHALLENGER_ALIAS: &str = "challenger";
/// Most characters of an error about one version.
const ERROR_CHARACTERS: usize = 200;

/// Versions that an MLflow server is to know, and the versions that the aliases are to name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrackRequest {
    /// The namespace of the classifier.
    pub namespace: String,
    /// The classifier.
    pub classifier: String,
    /// Where to log to.
    pub mlflow: MlflowTarget,
    /// The versions to log, at most [`TRACKED_VERSIONS`]. One that is logged already is left as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<TrackedVersion>,
    /// The aliases. One without a version is deleted.
    #[serde(default)]
    pub aliases: TrackedAliases,
}

/// A place in an MLflow server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MlflowTarget {
    /// Address of the tracking server: `http://` or `https://`, without user, query and fragment.
    pub uri: String,
    /// Name of the experiment; it is made if it does not exist.
    pub experiment: String,
    /// Name of the registered model; it is made if it does not exist.
    pub registered_model: String,
}

/// A version to log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrackedVersion {
    /// Name of the ModelVersion.
    pub name: String,
    /// Digest of its artifact.
    pub sha256: Sha256Digest,
    /// The folder of its files, from the store's root.
    pub folder: String,
    /// When it was recorded (RFC 3339): the time of its run and metrics.
    pub time: String,
}

/// The versions that the aliases name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrackedAliases {
    /// The version that serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub champion: Option<AliasedVersion>,
    /// The version that is being rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenger: Option<AliasedVersion>,
}

impl TrackedAliases {
    /// Each alias and its version.
    pub fn each(&self) -> [(&'static str, Option<&AliasedVersion>); 2] {
        [
            (CHAMPION_ALIAS, self.champion.as_ref()),
            (CHALLENGER_ALIAS, self.challenger.as_ref()),
        ]
    }
}

/// A version that an alias names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AliasedVersion {
    /// Name of the ModelVersion.
    pub name: String,
    /// Digest of its artifact.
    pub sha256: Sha256Digest,
}

/// What the server has now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrackResult {
    /// What became of each version of the request.
    pub versions: Vec<TrackedOutcome>,
    /// Aliases whose version the registered model does not have; they were deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_aliases: Vec<String>,
}

/// What became of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TrackedOutcome {
    /// Name of the ModelVersion.
    pub name: String,
    /// Its run. Without one, nothing was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Its logged model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// Its version of the registered model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_version: Option<String>,
    /// What could not be logged, and why. It would fail again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ProgramError>,
}

impl TrackRequest {
    /// The text of the argument `--request`.
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl TrackResult {
    /// The termination message. Where it would be too long, the errors' messages are shortened.
    pub fn message(&self) -> String {
        fn shorten(result: &mut TrackResult) {
            for error in result.versions.iter_mut().filter_map(|outcome| outcome.error.as_mut()) {
                if error.message.chars().count() > ERROR_CHARACTERS {
                    error.message = error.message.chars().take(ERROR_CHARACTERS).collect::<String>() + "…";
                }
            }
        }
        let message = parts_left_out(self, &[shorten]);
        debug_assert!(self.versions.len() > TRACKED_VERSIONS || message.len() <= MESSAGE_BYTES);
        message
    }

    /// Reads the termination message of a pod that succeeded.
    ///
    /// # Errors
    /// If the message is not this result; the error names the position.
    pub fn read(message: &str) -> Result<Self, serde_json::Error> {
        read(message)
    }
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_the_most_versions_fits_into_a_message() {
        let outcome = |number: usize| TrackedOutcome {
            name: format!("{number}{}", "n".repeat(51)),
            run_id: Some("a".repeat(32)),
            model_id: Some(format!("m-{}", "b".repeat(32))),
            registered_version: Some("123456789".into()),
            error: Some(ProgramError {
                reason: "ArtifactsNotProxied".into(),
                message: "w".repeat(2000),
            }),
        };
        let result = TrackResult {
            versions: (0..TRACKED_VERSIONS).map(outcome).collect(),
            missing_aliases: vec![CHAMPION_ALIAS.into(), CHALLENGER_ALIAS.into()],
        };
        let message = result.message();
        assert!(message.len() <= MESSAGE_BYTES, "{}", message.len());
        let read = TrackResult::read(&message).unwrap();
        assert_eq!(read.versions.len(), TRACKED_VERSIONS);
        assert!(read.versions[7].error.as_ref().unwrap().message.ends_with('…'));
    }

    #[test]
    fn a_request_is_read_strictly() {
        let request = TrackRequest {
            namespace: "default".into(),
            classifier: "cards".into(),
            mlflow: MlflowTarget {
                uri: "http://mlflow:5000".into(),
                experiment: "default.cards".into(),
                registered_model: "default.cards".into(),
            },
            versions: Vec::new(),
            aliases: TrackedAliases::default(),
        };
        let json = request.to_json();
        assert_eq!(serde_json::from_str::<TrackRequest>(&json).unwrap(), request);
        assert!(serde_json::from_str::<TrackRequest>(&json.replace("uri", "url")).is_err());
    }
}
