//! Carries a decision out.

use complaint_api::{ModelVersion, TrainingRun};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use serde_json::json;

use super::{
    build::{self, Inputs},
    gather::Seen,
    job_name,
    plan::{Decision, champion_of},
};
use crate::{
    complaint_classifier::store::Store,
    error::Error,
    object::{Objects, owner_reference},
    settings::Settings,
};

/// Carries `decision` out and says what became of it: recording can find the name taken.
pub(crate) async fn apply(
    run: &TrainingRun,
    seen: &Seen,
    decision: &Decision,
    objects: &Objects,
    settings: &Settings,
) -> Result<Decision, Error> {
    let job = job_name(&run.name_any());
    match decision {
        Decision::Train => train(run, seen, objects, settings).await?,
        Decision::Suspend { stop_job: true } => {
            objects
                .merge::<Job>(&job, json!({ "spec": { "suspend": true } }))
                .await?;
        }
        Decision::Watch { resume: true, .. } => {
            objects
                .merge::<Job>(&job, json!({ "spec": { "suspend": false } }))
                .await?;
        }
        Decision::Record(outcome) => {
            let store = seen
                .classifier
                .as_ref()
                .map_or_else(|| Store::default_of(&run.spec.classifier_ref.name), Store::of);
            let parent = seen.job.as_ref().and_then(champion_of);
            let version = build::model_version(run, &store, parent, outcome);
            return record(&version, decision, objects).await;
        }
        _ => {}
    }
    Ok(decision.clone())
}

async fn train(run: &TrainingRun, seen: &Seen, objects: &Objects, settings: &Settings) -> Result<(), Error> {
    let Some(classifier) = &seen.classifier else {
        return Ok(());
    };
    let store = Store::of(classifier);
    let inputs = Inputs {
        run,
        classifier,
        // A champion in another store can't be mounted here; the version is then not comparable, and says so.
        champion: seen
            .champion
            .as_ref()
            .filter(|champion| store.open(&champion.spec.artifact.uri).is_some()),
        owner: owner_reference(run)?,
        settings,
    };
    objects.apply(&build::config_map(&inputs)).await?;
    objects.apply(&build::job(&inputs)).await?;
    Ok(())
}

/// Writes the registry record once; the same record written before is as good.
async fn record(version: &ModelVersion, decision: &Decision, objects: &Objects) -> Result<Decision, Error> {
    match objects.get::<ModelVersion>(&version.name_any()).await? {
        None => {
            objects.apply(version).await?;
            Ok(decision.clone())
        }
        Some(existing) if existing.spec.artifact.sha256 == version.spec.artifact.sha256 => Ok(decision.clone()),
        Some(existing) => Ok(Decision::Fail {
            reason: "NameTaken".into(),
            message: format!(
                "a ModelVersion {} with another artifact appeared while this run trained: apply the run under another name",
                existing.name_any()
            ),
        }),
    }
}
