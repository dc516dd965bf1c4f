//! `compare`: a finished version and the champion on the same held-out rows, in a Job.

use std::process::ExitCode;

use clap::Args;
use complaint_contract::CompareRequest;

use super::job::{self, JobArgs, RequestArgs};
use crate::dataset::Location;
use crate::error::TrainError;
use crate::training::{Again, compare_again};

/// `compare`, as described in `docs/contracts.md`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// The version's model.safetensors: a file, or an s3:// object.
    #[arg(long, value_name = "FILE-OR-URL")]
    model: String,
    /// The champion's model.safetensors; required if the request names a champion, otherwise not allowed.
    #[arg(long, value_name = "FILE-OR-URL")]
    champion: Option<String>,
    /// The data set that the version was trained on: a file, an http:// or https:// address, or an object (s3://,
    /// gs://, az://). It is not read if there is a holdout.
    #[arg(long, value_name = "PATH-OR-URL")]
    dataset: Option<String>,
    /// The rows of the request's `evaluation.holdout`, as for --dataset.
    #[arg(long, value_name = "PATH-OR-URL")]
    holdout: Option<String>,
    #[command(flatten)]
    job: JobArgs,
}

/// Runs the comparison.
pub(crate) fn execute(arguments: &CompareArgs) -> ExitCode {
    job::run(&arguments.job, || run(arguments))
}

fn run(arguments: &CompareArgs) -> Result<String, TrainError> {
    let request: CompareRequest = arguments.request.read()?;
    let location = arguments.dataset.as_deref().map(Location::parse);
    let result = compare_again(&Again {
        request: &request,
        model: &arguments.model,
        champion: arguments.champion.as_deref(),
        location: location.as_ref(),
        holdout: arguments.holdout.as_deref(),
        reach: arguments.job.reach,
    })?;
    Ok(result.message())
}
