//! The logged model: the model file and its description.

use complaint_contract::layout;
use complaint_store::Verb;
use serde_json::{Value, json};

use super::client::{Id, Server, TrackingError};
use super::content::Content;
use super::files::{Folder, not_proxied};
use super::run::{Run, pairs};
use super::{Place, filter, identity};

/// The file that describes a logged model.
const DESCRIPTION: &str = "MLmodel";
const SEARCH: &str = "logged-models/search";

/// A logged model.
pub(super) struct Logged {
    pub(super) id: String,
    /// Where its files are.
    artifact_uri: String,
    is_ready: bool,
}

/// Checks that the server knows logged models.
pub(super) async fn check(server: &Server, experiment: &str) -> Result<(), TrackingError> {
    let body = json!({ "experiment_ids": [experiment], "max_results": 1 });
    server.post(SEARCH, &body).await?.done(SEARCH).map(drop)
}

/// The logged model of a run, which is made if it does not exist.
pub(super) async fn find_or_create(place: &Place<'_>, run: &str, content: &Content) -> Result<Logged, TrackingError> {
    const CREATE: &str = "logged-models";
    let identity = identity(place.request, &content.name, &content.sha256);
    let body = json!({ "experiment_ids": [place.experiment], "filter": filter(&identity), "max_results": 100 });
    let found = place.server.post(SEARCH, &body).await?.done(SEARCH)?;
    let mut models = found["models"].as_array().into_iter().flatten();
    if let Some(model) = models.find(|model| model["info"]["source_run_id"] == run) {
        return read(place, model, SEARCH);
    }
    let body = json!({
        "experiment_id": place.experiment, "name": content.name, "model_type": "complaint-classifier", "source_run_id": run,
        "params": pairs(&content.parameters[..content.parameters.len().min(100)]), "tags": pairs(&content.tags),
    });
    let made = place.server.post(CREATE, &body).await?.done(CREATE)?;
    read(place, &made["model"], CREATE)
}

/// Sends its files, names it as the run's output, and marks it as ready.
pub(super) async fn complete(
    place: &Place<'_>,
    model: &Logged,
    run: &Run,
    content: &Content,
) -> Result<(), TrackingError> {
    const OUTPUTS: &str = "runs/outputs";
    if !model.is_ready {
        let folder = Folder::of(&model.artifact_uri, &place.request.mlflow.uri)
            .ok_or_else(|| not_proxied(&place.request.mlflow))?;
        folder.put(&place.server, layout::MODEL, &content.files.model).await?;
        let description = description(&model.id, &run.id, content);
        folder.put(&place.server, DESCRIPTION, &description.into()).await?;
    }
    // A second time is refused.
    if !run.outputs.contains(&model.id) {
        let body = json!({ "run_id": run.id, "models": [{ "model_id": model.id, "step": 0 }] });
        place.server.post(OUTPUTS, &body).await?.done(OUTPUTS)?;
    }
    if !model.is_ready {
        let call = format!("logged-models/{}", model.id);
        let body = json!({ "model_id": model.id, "status": "LOGGED_MODEL_READY" });
        let reply = place.server.json(Verb::Patch, &call, &body).await?;
        reply.done("logged-models/{id}")?;
    }
    Ok(())
}

/// `MLmodel`, in JSON, which is YAML too. The flavour is the project's own: the model is data, not Python.
fn description(id: &str, run: &str, content: &Content) -> String {
    let time = jiff::Timestamp::from_millisecond(content.time).unwrap_or_default();
    let description = json!({
        "artifact_path": format!("models:/{id}"),
        "flavors": { "complaint_classifier": { "data": layout::MODEL, "sha256": content.sha256.to_string() } },
        "model_id": id,
        "model_uuid": id,
        "run_id": run,
        "utc_time_created": time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    });
    format!("{description:#}\n")
}

fn read(place: &Place<'_>, model: &Value, call: &str) -> Result<Logged, TrackingError> {
    let info = &model["info"];
    Ok(Logged {
        id: place.server.id(&info["model_id"], Id::Model, call)?,
        artifact_uri: info["artifact_uri"].as_str().unwrap_or_default().to_owned(),
        is_ready: info["status"] == "LOGGED_MODEL_READY",
    })
}
