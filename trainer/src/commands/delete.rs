//! `delete`: deletes artifacts of one classifier, in a Job.

use std::collections::BTreeSet;
use std::process::ExitCode;

use complaint_contract::{DeleteRequest, DeleteResult, DeletedArtifact, KeptArtifact, KeptReason};

use super::job::{self, StoreArgs};
use super::show::promotions;
use crate::error::TrainError;
use crate::store::{Store, version_path};

/// Runs `delete`, as described in `docs/contracts.md`.
pub(crate) fn execute(arguments: &StoreArgs) -> ExitCode {
    arguments.run(run)
}

/// Deletes only folders of the classifier that have a digest as their name.
fn run(request: DeleteRequest, store: &Store) -> Result<String, TrainError> {
    let promoted = promotions(store, &request.namespace, &request.classifier)?.last(request.keep_promotions);
    let mut result = DeleteResult {
        dry_run: request.dry_run,
        ..DeleteResult::default()
    };
    for sha256 in BTreeSet::from_iter(request.digests) {
        let reason = if promoted.contains(&sha256) {
            Some(KeptReason::Promoted)
        } else {
            request.keep.contains(&sha256).then_some(KeptReason::Listed)
        };
        if let Some(reason) = reason {
            result.kept.push(KeptArtifact { sha256, reason });
            continue;
        }
        let folder = version_path(&request.namespace, &request.classifier, &sha256);
        let files = store.list(&folder)?;
        if files.is_empty() {
            result.missing.push(sha256);
            continue;
        }
        if !request.dry_run {
            store.delete(&folder).map_err(job::of_change)?;
        }
        let bytes = files.iter().map(|file| file.size).sum();
        result.deleted.push(DeletedArtifact { sha256, bytes });
    }
    result.deleted_count = result.deleted.len();
    result.deleted_bytes = result.deleted.iter().map(|artifact| artifact.bytes).sum();
    result.kept_count = result.kept.len();
    result.missing_count = result.missing.len();
    Ok(result.message())
}
