//! `expire`: deletes old corrections and captured answers of one classifier, in a Job.

use std::collections::BTreeMap;
use std::process::ExitCode;

use complaint_contract::segments::{Kind, day_of};
use complaint_contract::{ExpireRequest, ExpireResult, ExpiredRows};

use super::job::{self, StoreArgs};
use crate::error::TrainError;
use crate::store::{Entry, Store};

/// Runs `expire`, as described in `docs/contracts.md`.
pub(crate) fn execute(arguments: &StoreArgs) -> ExitCode {
    arguments.run(run)
}

fn run(request: ExpireRequest, store: &Store) -> Result<String, TrainError> {
    let expire = |kind: Kind, before: Option<&str>| match before {
        Some(before) => {
            let folder = kind.path(&request.namespace, &request.classifier);
            delete(store, &folder, before, request.dry_run)
        }
        None => Ok(ExpiredRows::default()),
    };
    let result = ExpireResult {
        dry_run: request.dry_run,
        feedback: expire(Kind::Feedback, request.feedback_before.as_deref())?,
        capture: expire(Kind::Capture, request.capture_before.as_deref())?,
    };
    Ok(result.message())
}

/// Deletes the segments of days before `before`. A day's folder goes with its segments, unless it has other files.
fn delete(store: &Store, folder: &str, before: &str, dry_run: bool) -> Result<ExpiredRows, TrainError> {
    let files = store.list(folder)?;
    let mut days: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for file in &files {
        let path = file.path.strip_prefix(folder).and_then(|path| path.strip_prefix('/'));
        // Days are written so that the order of their texts is theirs.
        if let Some(day) = path.and_then(day_of).filter(|day| *day < before) {
            days.entry(day).or_default().push(file);
        }
    }
    let mut expired = ExpiredRows::default();
    for (day, segments) in days {
        let of_day = format!("{folder}/{day}");
        if !dry_run {
            let inside = format!("{of_day}/");
            let all = files.iter().filter(|file| file.path.starts_with(&inside)).count();
            if all == segments.len() {
                store.delete(&of_day).map_err(job::of_change)?;
            } else {
                for segment in &segments {
                    store.delete(&segment.path).map_err(job::of_change)?;
                }
            }
        }
        expired.days += 1;
        expired.segments += segments.len();
        expired.bytes += segments.iter().map(|segment| segment.size).sum::<u64>();
    }
    Ok(expired)
}
