//! An MLflow tracking server, by the REST calls that MLflow 3's own client makes.
//!
//! | module | what it does |
//! |---|---|
//! | [`client`] | sends requests, and classifies answers: [`TrackingError`] |
//! | [`content`] | what a version's files say to MLflow: tags, parameters, metrics, trials. Pure |
//! | [`run`] | finds or makes the run of a version, and its trials below it |
//! | [`files`] | sends files through the server |
//! | [`model`] | the logged model |
//! | [`registry`] | the registered model, its versions and aliases |
//!
//! Everything is found by its tags before it is made, so a second attempt completes what the first left unfinished, and
//! changes nothing that is complete. A run is complete once it has the status `FINISHED`, which is set last.

mod client;
mod content;
mod files;
mod model;
mod registry;
mod run;

use complaint_contract::{ProgramError, TrackRequest, TrackedOutcome, TrackedVersion, TrainerReason};
use complaint_report::TrialStatus;

pub(crate) use client::{Settings, TrackingError};
pub(crate) use content::{Content, Files};

use client::Server;
use run::Run;

/// The place in a server that a request names.
pub(crate) struct Place<'r> {
    server: Server,
    request: &'r TrackRequest,
    experiment: String,
}

/// What the server has of a version.
pub(crate) enum Found {
    /// All of it.
    Complete(TrackedOutcome),
    /// Less than all of it.
    Partial(Option<Run>),
}

impl<'r> Place<'r> {
    /// Opens it, and makes the experiment if it does not exist.
    pub(crate) async fn open(settings: &Settings, request: &'r TrackRequest) -> Result<Self, TrackingError> {
        let server = Server::new(settings, &request.mlflow.uri)?;
        let experiment = run::experiment(&server, request).await?;
        // Before anything is made: a server without logged models would get half of each version.
        model::check(&server, &experiment).await?;
        Ok(Self {
            server,
            request,
            experiment,
        })
    }

    /// What it has of a version.
    pub(crate) async fn find(&self, version: &TrackedVersion) -> Result<Found, TrackingError> {
        let Some(run) = run::find(self, version).await? else {
            return Ok(Found::Partial(None));
        };
        if run.is_finished
            && let Some(registered) = registry::find(self, &version.name, &version.sha256).await?
        {
            return Ok(Found::Complete(TrackedOutcome {
                name: version.name.clone(),
                run_id: Some(run.id),
                model_id: registered.model_id,
                registered_version: Some(registered.number),
                error: None,
            }));
        }
        Ok(Found::Partial(Some(run)))
    }

    /// Logs a version of which it has `run` or nothing.
    pub(crate) async fn log(
        &self,
        version: &TrackedVersion,
        run: Option<Run>,
        content: &Content,
    ) -> Result<TrackedOutcome, TrackingError> {
        let run = match run {
            Some(run) => run,
            None => run::create(self, content).await?,
        };
        let mut outcome = TrackedOutcome {
            name: version.name.clone(),
            run_id: Some(run.id.clone()),
            ..TrackedOutcome::default()
        };
        let Some(folder) = files::Folder::of(&run.artifact_uri, &self.request.mlflow.uri) else {
            run::fill(self, &run, content, None).await?;
            run::finish(self, &run.id, content.time, TrialStatus::Succeeded).await?;
            let error = files::not_proxied(&self.request.mlflow);
            outcome.error = Some(error.into());
            return Ok(outcome);
        };
        let model = model::find_or_create(self, &run.id, content).await?;
        run::fill(self, &run, content, Some(&model.id)).await?;
        for (name, bytes) in &content.files.others {
            folder.put(&self.server, name, bytes).await?;
        }
        model::complete(self, &model, &run, content).await?;
        let registered = registry::find_or_create(self, content, &run.id, &model.id).await?;
        run::finish(self, &run.id, content.time, TrialStatus::Succeeded).await?;
        outcome.model_id = Some(model.id);
        outcome.registered_version = Some(registered);
        Ok(outcome)
    }

    /// Sets and deletes the aliases; returns those whose version the registered model does not have.
    pub(crate) async fn set_aliases(&self) -> Result<Vec<String>, TrackingError> {
        registry::set_aliases(self).await
    }
}

/// The tags by which a version's run, logged model and registered version are found.
fn identity(request: &TrackRequest, name: &str, sha256: &impl ToString) -> [(&'static str, String); 4] {
    [
        ("complaints.namespace", request.namespace.clone()),
        ("complaints.classifier", request.classifier.clone()),
        ("complaints.modelVersion", name.to_owned()),
        ("complaints.sha256", sha256.to_string()),
    ]
}

/// The filter that finds what has these tags. Their values are names and digests, which hold no quotes.
fn filter(identity: &[(&str, String)]) -> String {
    let parts = identity.iter().map(|(key, value)| format!("tags.`{key}` = '{value}'"));
    parts.collect::<Vec<_>>().join(" AND ")
}

/// Whether an error concerns one version only, so that the others are still logged.
pub(crate) fn is_of_one_version(error: &TrackingError) -> bool {
    matches!(
        error.reason,
        TrainerReason::TrackingRefused | TrainerReason::ArtifactsNotProxied
    )
}

impl From<TrackingError> for ProgramError {
    fn from(error: TrackingError) -> Self {
        Self {
            reason: error.reason.as_str().to_owned(),
            message: error.message,
        }
    }
}
