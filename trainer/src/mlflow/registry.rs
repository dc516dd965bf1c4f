//! The registered model: its versions, and the aliases that say which of them serve.

use complaint_store::Verb;
use serde_json::{Value, json};

use super::client::{Id, Reply, TrackingError};
use super::content::Content;
use super::run::pairs;
use super::{Place, filter, identity};

const SEARCH: &str = "model-versions/search";
const ALIAS: &str = "registered-models/alias";

/// A version of the registered model.
pub(super) struct Registered {
    /// Its number.
    pub(super) number: String,
    /// Its logged model, if it has one.
    pub(super) model_id: Option<String>,
}

/// The version of the registered model for a ModelVersion, if there is one.
pub(super) async fn find(
    place: &Place<'_>,
    name: &str,
    sha256: &impl ToString,
) -> Result<Option<Registered>, TrackingError> {
    let model = &place.request.mlflow.registered_model;
    let identity = identity(place.request, name, sha256);
    let filter = format!("name = '{model}' AND {}", filter(&identity));
    let query = [("filter", filter.as_str()), ("max_results", "100")];
    let found = place.server.get(SEARCH, &query).await?.done(SEARCH)?;
    let versions = found["model_versions"].as_array();
    let mut all = Vec::new();
    for version in versions.into_iter().flatten() {
        all.push(Registered {
            number: place.server.id(&version["version"], Id::Number, SEARCH)?,
            model_id: version["source"]
                .as_str()
                .and_then(|source| source.strip_prefix("models:/"))
                .and_then(|id| place.server.id(&id.into(), Id::Model, SEARCH).ok()),
        });
    }
    // Two attempts at the same time can make two; the first one counts.
    Ok(all
        .into_iter()
        .min_by_key(|version| version.number.parse::<u64>().unwrap_or(u64::MAX)))
}

/// The number of the registered version, which is made if it does not exist.
pub(super) async fn find_or_create(
    place: &Place<'_>,
    content: &Content,
    run: &str,
    model: &str,
) -> Result<String, TrackingError> {
    const MODEL: &str = "registered-models/create";
    const VERSION: &str = "model-versions/create";
    if let Some(known) = find(place, &content.name, &content.sha256).await? {
        return Ok(known.number);
    }
    let name = &place.request.mlflow.registered_model;
    // One that exists is as good.
    if let Reply::Missing = place.server.post(MODEL, &json!({ "name": name })).await? {
        return Err(super::client::refused(MODEL, 404, None));
    }
    let body = json!({
        "name": name, "source": format!("models:/{model}"), "run_id": run, "model_id": model, "tags": pairs(&content.tags),
    });
    let made = place.server.post(VERSION, &body).await?.done(VERSION)?;
    place.server.id(&made["model_version"]["version"], Id::Number, VERSION)
}

/// Sets the aliases that differ, and deletes those without a version. Returns the aliases whose version does not exist.
pub(super) async fn set_aliases(place: &Place<'_>) -> Result<Vec<String>, TrackingError> {
    const GET: &str = "registered-models/get";
    let name = &place.request.mlflow.registered_model;
    let found = match place.server.get(GET, &[("name", name)]).await? {
        Reply::Done(found) => found,
        Reply::Missing | Reply::Exists => Value::Null,
    };
    let mut missing = Vec::new();
    for (alias, wanted) in place.request.aliases.each() {
        let number = match wanted {
            Some(wanted) => find(place, &wanted.name, &wanted.sha256)
                .await?
                .map(|found| found.number),
            None => None,
        };
        if wanted.is_some() && number.is_none() {
            missing.push(alias.to_owned());
        }
        let mut aliases = found["registered_model"]["aliases"].as_array().into_iter().flatten();
        let now = aliases
            .find(|known| known["alias"] == alias)
            .map(|known| &known["version"]);
        match number {
            Some(number) if now.is_some_and(|now| *now == *number) => {}
            Some(number) => {
                let body = json!({ "name": name, "alias": alias, "version": number });
                place.server.post(ALIAS, &body).await?.done(ALIAS)?;
            }
            None if now.is_some() => {
                let body = json!({ "name": name, "alias": alias });
                // One that is gone already is no error.
                place.server.json(Verb::Delete, ALIAS, &body).await?;
            }
            None => {}
        }
    }
    Ok(missing)
}
