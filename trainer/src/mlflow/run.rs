//! Experiments and runs: one run a version, and below it one a trial.

use std::collections::HashMap;

use complaint_contract::{TrackRequest, TrackedVersion, TrainerReason};
use complaint_report::TrialStatus;
use serde_json::{Value, json};

use super::client::{Id, Reply, Server, TrackingError, unexpected};
use super::content::{Content, Metric, Pair, TrialContent};
use super::{Place, filter, identity};

/// Most parameters or tags of one request.
const PARAMETERS: usize = 100;
/// Most metrics of one request.
const METRICS: usize = 1000;
/// Most runs of one page of answers.
const PAGE: usize = 1000;
/// The tag that names the run above.
const PARENT: &str = "mlflow.parentRunId";
/// The tag with the number of a trial.
const TRIAL: &str = "complaints.trial";

/// A run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(super) id: String,
    /// Where its files are.
    pub(super) artifact_uri: String,
    /// Whether everything of it is logged.
    pub(super) is_finished: bool,
    /// The ids of its logged models.
    pub(super) outputs: Vec<String>,
}

/// The id of the request's experiment, which is made if it does not exist.
pub(super) async fn experiment(server: &Server, request: &TrackRequest) -> Result<String, TrackingError> {
    const GET: &str = "experiments/get-by-name";
    const CREATE: &str = "experiments/create";
    let name = &request.mlflow.experiment;
    // Another program may make it between the two calls.
    for _ in 0..2 {
        if let Reply::Done(found) = server.get(GET, &[("experiment_name", name)]).await? {
            let experiment = &found["experiment"];
            if experiment["lifecycle_stage"] == "deleted" {
                return Err(TrackingError::new(
                    TrainerReason::TrackingRefused,
                    format!(
                        "the experiment `{name}` is deleted. Restore it (mlflow experiments restore), or name another one in \
                         spec.tracking.mlflow.experiment"
                    ),
                ));
            }
            return server.id(&experiment["experiment_id"], Id::Number, GET);
        }
        if let Reply::Done(made) = server.post(CREATE, &json!({ "name": name })).await? {
            return server.id(&made["experiment_id"], Id::Number, CREATE);
        }
    }
    Err(unexpected(&request.mlflow.uri, CREATE))
}

/// The run of a version, if there is one.
pub(super) async fn find(place: &Place<'_>, version: &TrackedVersion) -> Result<Option<Run>, TrackingError> {
    let identity = identity(place.request, &version.name, &version.sha256);
    let found = search(place, &filter(&identity)).await?;
    // Runs of trials do not have these tags. Two attempts at the same time can make two runs; the older one counts.
    let oldest = found.iter().min_by_key(|run| number(&run["info"]["start_time"]));
    oldest.map(|run| read(place, run, "runs/search")).transpose()
}

/// Makes the run of a version.
pub(super) async fn create(place: &Place<'_>, content: &Content) -> Result<Run, TrackingError> {
    make(place, &content.name, content.time, &content.tags).await
}

/// Logs parameters, metrics and trials. What is logged already stays as it is.
pub(super) async fn fill(
    place: &Place<'_>,
    run: &Run,
    content: &Content,
    model: Option<&str>,
) -> Result<(), TrackingError> {
    for parameters in content.parameters.chunks(PARAMETERS) {
        batch(place, &run.id, parameters, &[], content.time, model).await?;
    }
    for metrics in content.metrics.chunks(METRICS) {
        batch(place, &run.id, &[], metrics, content.time, model).await?;
    }
    let known = trials(place, &run.id).await?;
    for (number, trial) in content.trials.iter().enumerate() {
        log_trial(place, run, number, trial, content.time, known.get(&number.to_string())).await?;
    }
    Ok(())
}

async fn log_trial(
    place: &Place<'_>,
    parent: &Run,
    number: usize,
    trial: &TrialContent,
    time: i64,
    known: Option<&Run>,
) -> Result<(), TrackingError> {
    if known.is_some_and(|run| run.is_finished) {
        return Ok(());
    }
    let id = match known {
        Some(run) => run.id.clone(),
        None => {
            let tags = [
                (PARENT.to_owned(), parent.id.clone()),
                (TRIAL.to_owned(), number.to_string()),
            ];
            let tags: Vec<Pair> = tags.into_iter().chain(trial.tags.iter().cloned()).collect();
            make(place, &trial.name, time, &tags).await?.id
        }
    };
    batch(place, &id, &trial.parameters, &trial.metrics, time, None).await?;
    finish(place, &id, time, trial.status).await
}

/// Marks a run as complete.
pub(super) async fn finish(place: &Place<'_>, id: &str, time: i64, ended: TrialStatus) -> Result<(), TrackingError> {
    const CALL: &str = "runs/update";
    let status = match ended {
        TrialStatus::Succeeded => "FINISHED",
        TrialStatus::Failed => "FAILED",
        TrialStatus::EarlyStopped => "KILLED",
    };
    let body = json!({ "run_id": id, "status": status, "end_time": time });
    place.server.post(CALL, &body).await?.done(CALL).map(drop)
}

/// The runs of trials, by number.
async fn trials(place: &Place<'_>, parent: &str) -> Result<HashMap<String, Run>, TrackingError> {
    let mut trials = HashMap::new();
    for run in search(place, &format!("tags.`{PARENT}` = '{parent}'")).await? {
        if let Some(number) = tag(&run, TRIAL) {
            trials.insert(number, read(place, &run, "runs/search")?);
        }
    }
    Ok(trials)
}

/// All runs of the experiment that `filter` finds.
async fn search(place: &Place<'_>, filter: &str) -> Result<Vec<Value>, TrackingError> {
    const CALL: &str = "runs/search";
    let mut runs = Vec::new();
    let mut page = Value::Null;
    loop {
        let mut body = json!({
            "experiment_ids": [place.experiment], "filter": filter, "run_view_type": "ACTIVE_ONLY", "max_results": PAGE,
        });
        if !page.is_null() {
            body["page_token"] = page;
        }
        let mut found = place.server.post(CALL, &body).await?.done(CALL)?;
        if let Value::Array(more) = found["runs"].take() {
            runs.extend(more);
        }
        page = found["next_page_token"].take();
        if page.as_str().is_none_or(str::is_empty) || runs.len() >= PAGE * 10 {
            return Ok(runs);
        }
    }
}

async fn make(place: &Place<'_>, name: &str, time: i64, tags: &[Pair]) -> Result<Run, TrackingError> {
    const CALL: &str = "runs/create";
    let body = json!({
        "experiment_id": place.experiment, "start_time": time, "run_name": name, "tags": pairs(tags),
    });
    let made = place.server.post(CALL, &body).await?.done(CALL)?;
    read(place, &made["run"], CALL)
}

async fn batch(
    place: &Place<'_>,
    id: &str,
    parameters: &[Pair],
    metrics: &[Metric],
    time: i64,
    model: Option<&str>,
) -> Result<(), TrackingError> {
    const CALL: &str = "runs/log-batch";
    let metrics: Vec<Value> = metrics
        .iter()
        .map(|metric| {
            let mut value = json!({ "key": metric.key, "value": metric.value, "timestamp": time, "step": metric.step });
            if let Some(model) = model {
                value["model_id"] = model.into();
            }
            value
        })
        .collect();
    if parameters.is_empty() && metrics.is_empty() {
        return Ok(());
    }
    let body = json!({ "run_id": id, "params": pairs(parameters), "metrics": metrics });
    place.server.post(CALL, &body).await?.done(CALL).map(drop)
}

/// Names and values as MLflow writes them.
pub(super) fn pairs(pairs: &[Pair]) -> Vec<Value> {
    let each = pairs.iter();
    each.map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

fn read(place: &Place<'_>, run: &Value, call: &str) -> Result<Run, TrackingError> {
    let info = &run["info"];
    Ok(Run {
        id: place.server.id(&info["run_id"], Id::Run, call)?,
        artifact_uri: info["artifact_uri"].as_str().unwrap_or_default().to_owned(),
        is_finished: ["FINISHED", "FAILED", "KILLED"]
            .iter()
            .any(|ended| info["status"] == **ended),
        outputs: {
            let outputs = run["outputs"]["model_outputs"].as_array().into_iter().flatten();
            outputs
                .filter_map(|output| Some(output["model_id"].as_str()?.to_owned()))
                .collect()
        },
    })
}

fn tag(run: &Value, key: &str) -> Option<String> {
    let mut tags = run["data"]["tags"].as_array()?.iter();
    let tag = tags.find(|tag| tag["key"] == key)?;
    tag["value"].as_str().map(str::to_owned)
}

/// A number that MLflow writes as a number or as a string.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
