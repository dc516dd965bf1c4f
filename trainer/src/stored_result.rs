//! The results of trainings in the store, from which a lost termination message can be read again.

use bytes::Bytes;
use complaint_contract::TrainingResult;
use complaint_model::Sha256Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{RECORD, RESULTS, Store, StoreError};

/// The file `results/<run>.json` in a version's folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredResult {
    /// Name of the TrainingRun.
    pub(crate) run: String,
    /// Its `metadata.uid`, if it was passed to the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run_uid: Option<String>,
    /// Digest of its spec.
    pub(crate) spec_hash: String,
    /// When the file was written.
    pub(crate) time: Timestamp,
    /// The result.
    pub(crate) result: TrainingResult,
}

/// Which result to find.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'w> {
    /// The result of the training with this name and spec, and with this uid if one is given.
    Run {
        name: &'w str,
        spec_hash: &'w str,
        uid: Option<&'w str>,
    },
    /// The result of the last training that made this artifact.
    Artifact(Sha256Digest),
}

impl Wanted<'_> {
    fn is_met_by(self, stored: &StoredResult) -> bool {
        match self {
            Self::Run { name, spec_hash, uid } => {
                stored.run == name
                    && stored.spec_hash == spec_hash
                    && uid.is_none_or(|uid| stored.run_uid.as_deref() == Some(uid))
            }
            Self::Artifact(sha256) => stored.result.artifact.sha256 == sha256,
        }
    }
}

impl StoredResult {
    /// Writes the result to its version's folder.
    pub(crate) fn write(&self, store: &Store, version: &str) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec_pretty(self).expect("strings, numbers and lists are JSON");
        store.write_file(&format!("{version}/{RESULTS}/{}.json", self.run), Bytes::from(bytes))
    }

    /// The newest matching result of a classifier whose artifact is complete.
    pub(crate) fn find(store: &Store, classifier: &str, wanted: Wanted<'_>) -> Result<Option<Self>, StoreError> {
        let folder = match wanted {
            Wanted::Run { .. } => classifier.to_owned(),
            Wanted::Artifact(sha256) => format!("{classifier}/{sha256}"),
        };
        let paths: Vec<String> = store.list(&folder)?.into_iter().map(|entry| entry.path).collect();
        let mut newest: Option<Self> = None;
        for path in &paths {
            let Some((version, file)) = path.rsplit_once(&format!("/{RESULTS}/")) else {
                continue;
            };
            let is_another_runs = matches!(wanted, Wanted::Run { name, .. } if file != format!("{name}.json"));
            if is_another_runs || !paths.contains(&format!("{version}/{RECORD}")) {
                continue;
            }
            let bytes = store.read_file(path)?.unwrap_or_default();
            let Ok(stored) = serde_json::from_slice::<Self>(&bytes) else {
                continue;
            };
            let is_here = version.ends_with(&stored.result.artifact.sha256.to_string());
            let is_newer = newest.as_ref().is_none_or(|newest| newest.time < stored.time);
            if is_here && is_newer && wanted.is_met_by(&stored) {
                newest = Some(stored);
            }
        }
        Ok(newest)
    }
}
