//! `adapt-champion`: adapts a classifier's model to the mix of its traffic and stores it as a version, in a Job.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::AdaptRequest;

use super::job::{self, StoreArgs};
use crate::adapt::{adapt, shares, without_bias};
use crate::compare::open_artifact;
use crate::config::ConfigError;
use crate::error::TrainError;
use crate::record;
use crate::signing::{Signing, read_key};
use crate::store::{MODEL, RECORD, Store, version_path};
use crate::training::model_error;

/// `adapt-champion`, as described in `docs/contracts.md`.
#[derive(Debug, Args)]
pub(crate) struct AdaptChampionArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The model.safetensors to adapt: a file, or an s3:// object.
    #[arg(long, value_name = "FILE-OR-URL")]
    model: String,
    /// The private key that signs the new version: ECDSA P-256 in PEM, without a password.
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
}

/// Adapts and stores.
pub(crate) fn execute(arguments: &AdaptChampionArgs) -> ExitCode {
    arguments.store.run(|request, store| run(arguments, &request, store))
}

fn run(arguments: &AdaptChampionArgs, request: &AdaptRequest, store: &Store) -> Result<String, TrainError> {
    let key = read_key(arguments.signing_key.as_deref())?;
    let predictor = open_artifact(&arguments.model, request.sha256, arguments.store.reach())
        .map_err(|fault| model_error(fault, &arguments.model, request.sha256))?;
    let artifact = predictor.artifact();
    let mix = without_bias(artifact, &mix_of(request, artifact.labels().len())?)?;
    let mut adapted = adapt(artifact, request.sha256, &mix, request.max_loss)?;
    let folder = version_path(&request.namespace, &request.classifier, &adapted.result.artifact.sha256);
    adapted.result.artifact.path = format!("{folder}/{MODEL}");
    let record = record::adapted(
        &store.root(),
        request,
        artifact,
        &adapted.result,
        given_record(request, store)?,
    );
    let signing = key.map(|key| Signing {
        key,
        name: adapted.result.artifact.sha256.to_string(),
        model: adapted.result.artifact.sha256,
        provenance: None,
    });
    let files = vec![(MODEL, adapted.bytes.into()), (RECORD, record.into())];
    store.add(&folder, files, signing.as_ref()).map_err(job::of_change)?;
    Ok(adapted.result.message())
}

/// The mix, for a model with so many categories.
fn mix_of(request: &AdaptRequest, classes: usize) -> Result<Vec<f64>, ConfigError> {
    let shares = shares(&request.mix);
    shares
        .ok()
        .filter(|shares| shares.len() == classes)
        .ok_or_else(|| ConfigError::Invalid {
            field: "mix".into(),
            problem: format!("has not one share of each of the model's {classes} categories, which sum to 1"),
            fix: "Pass the shares in the order of the model's categories".into(),
        })
}

/// The manifest that registers the given model, if it lies beside it.
fn given_record(request: &AdaptRequest, store: &Store) -> Result<Option<serde_json::Value>, TrainError> {
    let folder = version_path(&request.namespace, &request.classifier, &request.sha256);
    let bytes = store.read_file(&format!("{folder}/{RECORD}"))?;
    Ok(bytes.as_deref().and_then(record::parse))
}
