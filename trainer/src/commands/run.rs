//! `run`: a training in a Job.

use std::process::ExitCode;

use complaint_contract::segments::Kind;
use complaint_contract::{Feedback, RunResult, StoredReport, TrainingStage};
use jiff::Timestamp;

use super::job;
use crate::cli::RunArgs;
use crate::config::RunConfig;
use crate::dataset::Location;
use crate::error::TrainError;
use crate::feedback::Corrections;
use crate::progress::Progress;
use crate::record;
use crate::result::result;
use crate::signing::{Signing, provenance, read_key};
use crate::store::{self, Files, Store, version_path};
use crate::stored_result::StoredResult;
use crate::training::{Inputs, Known, Outcome, train};

/// Trains, writes to the store, and writes the result to the termination log.
pub(crate) fn execute(arguments: &RunArgs) -> ExitCode {
    let progress = Progress::contract().traced();
    let outcome = super::guarded(|| run(arguments, &progress));
    progress.end(outcome.as_ref());
    job::end(
        outcome.as_ref().map(RunResult::message),
        arguments.termination_log.as_deref(),
    )
}

fn run(arguments: &RunArgs, progress: &Progress) -> Result<RunResult, TrainError> {
    let config = RunConfig::read(&arguments.config)?;
    let location = Location::parse(&arguments.dataset);
    // Key and store come first, so that a wrong setting fails before hours of work.
    let key = read_key(arguments.signing_key.as_deref())?;
    let store = Store::open(&arguments.store, arguments.reach)?;
    let corrections = match config.feedback {
        Feedback::Include => {
            let folder = Kind::Feedback.path(&config.namespace, &config.classifier);
            let corrections = Corrections::read(&store, &folder)?;
            progress.tell(TrainingStage::Loading, 0.0, &corrections.summary());
            Some(corrections)
        }
        Feedback::Exclude => None,
    };
    let inputs = Inputs {
        config: &config,
        location: &location,
        holdout: arguments.holdout.as_deref(),
        word_vectors: arguments.word_vectors.as_deref(),
        champion: arguments.champion.as_deref(),
        corrections: corrections.as_ref(),
        known: arguments.known_dataset.map(|dataset| Known {
            dataset,
            feedback: arguments.known_feedback,
        }),
        reach: arguments.reach,
        include_texts: false,
    };
    let trained = match train(&inputs, progress)? {
        Outcome::Trained(trained) => *trained,
        Outcome::Unchanged(unchanged) => return Ok(RunResult::Unchanged(unchanged)),
    };
    progress.tell(TrainingStage::Writing, 0.0, "writing artifact and report");
    let report = serde_json::to_vec_pretty(&trained.report).map_err(|error| TrainError::Internal(error.to_string()))?;
    let version = version_path(&config.namespace, &config.classifier, &trained.artifact.sha256);
    let mut reference = StoredReport {
        path: format!("{version}/{}", store::REPORT),
        sha256: complaint_model::Sha256Digest::of_bytes(&report),
    };
    let files = Files {
        record: record::manifest(&store.root(), &config, &trained.report, &trained.artifact, &reference),
        page: complaint_report::page(&trained.report).into_bytes(),
        model: trained.model,
        report,
    };
    let signing = key.map(|key| Signing {
        key,
        name: trained.artifact.sha256.to_string(),
        model: trained.artifact.sha256,
        provenance: Some(provenance(
            &config,
            &trained.report,
            reference.sha256,
            arguments.run_uid.as_deref(),
        )),
    });
    reference.sha256 = store.write(&version, files, signing.as_ref())?;
    let stored = StoredResult {
        run: config.name.clone(),
        run_uid: arguments.run_uid.clone(),
        spec_hash: config.spec_hash.clone(),
        time: Timestamp::now(),
        result: result(&trained.report, trained.artifact, reference),
    };
    stored.write(&store, &version)?;
    progress.tell(TrainingStage::Done, 1.0, &format!("{version}/{}", store::MODEL));
    Ok(RunResult::Trained(Box::new(stored.result)))
}
