//! `delete`: artifacts of one classifier, in a Job.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::{DeleteRequest, DeleteResult, DeletedArtifact, KeptArtifact, KeptReason};

use super::job::{self, JobArgs, RequestArgs};
use super::show::promotions;
use crate::error::TrainError;
use crate::store::{Store, version_path};

/// `delete`, as described in `docs/contracts.md`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Root of the artifact store: a directory, or s3://bucket/prefix.
    #[arg(long, value_name = "PLACE")]
    store: String,
    #[command(flatten)]
    job: JobArgs,
}

/// Deletes.
pub(crate) fn execute(arguments: &DeleteArgs) -> ExitCode {
    job::run(&arguments.job, || run(arguments))
}

/// Deletes only folders that are named by a digest, below the classifier's own.
fn run(arguments: &DeleteArgs) -> Result<String, TrainError> {
    let request: DeleteRequest = arguments.request.read()?;
    let store = Store::open(&arguments.store, arguments.job.reach)?;
    let promoted = promotions(&store, &request.namespace, &request.classifier)?.last(request.keep_promotions);
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
