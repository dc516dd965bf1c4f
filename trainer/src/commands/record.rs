//! `record`: records a promotion, in a Job.

use std::process::ExitCode;

use bytes::Bytes;
use complaint_contract::{RecordRequest, RecordResult};

use super::job::{self, StoreArgs};
use super::show::{promotions_path, unreadable};
use crate::error::TrainError;
use crate::promotions::{insert, parse, to_bytes};
use crate::store::Store;

/// Runs `record`, as described in `docs/contracts.md`.
pub(crate) fn execute(arguments: &StoreArgs) -> ExitCode {
    arguments.run(run)
}

fn run(request: RecordRequest, store: &Store) -> Result<String, TrainError> {
    let path = promotions_path(&request.namespace, &request.classifier);
    let mut count = Ok(0);
    let change = |bytes: Option<Bytes>| {
        let mut promotions = match parse(bytes.as_deref()) {
            Ok(promotions) => promotions,
            Err(error) => {
                count = Err(unreadable(store, &path, &error));
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
