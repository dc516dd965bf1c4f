//! `record`: a promotion, in a Job.

use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use complaint_contract::{RecordRequest, RecordResult};

use super::job::{self, JobArgs, RequestArgs};
use super::show::{promotions_path, unreadable};
use crate::error::TrainError;
use crate::promotions::{insert, parse, to_bytes};
use crate::store::Store;

/// `record`, as described in `docs/contracts.md`.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Root of the artifact store: a directory, or s3://bucket/prefix.
    #[arg(long, value_name = "PLACE")]
    store: String,
    #[command(flatten)]
    job: JobArgs,
}

/// Records.
pub(crate) fn execute(arguments: &RecordArgs) -> ExitCode {
    job::run(&arguments.job, || run(arguments))
}

fn run(arguments: &RecordArgs) -> Result<String, TrainError> {
    let request: RecordRequest = arguments.request.read()?;
    let store = Store::open(&arguments.store, arguments.job.reach)?;
    let path = promotions_path(&request.namespace, &request.classifier);
    let mut count = Ok(0);
    let change = |bytes: Option<Bytes>| {
        let mut promotions = match parse(bytes.as_deref()) {
            Ok(promotions) => promotions,
            Err(error) => {
                count = Err(unreadable(&store, &path, &error));
                return None;
            }
        };
        let is_new = insert(&mut promotions, &request.promotion);
        count = Ok(promotions.promotions.len());
        is_new.then(|| to_bytes(&promotions).into())
    };
    let written = store.update(&path, change).map_err(job::of_change)?;
    let result = RecordResult {
        written,
        promotions: count?,
    };
    Ok(result.message())
}
