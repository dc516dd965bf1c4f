//! MLflow's scoring protocol: `POST /invocations`, `GET /ping`, `/health` and `/version`.
//!
//! <https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally>. A body has exactly one of `dataframe_split`,
//! `dataframe_records`, `instances` and `inputs`, or is CSV with a header. A table's complaint is its column `text`, or
//! its only column. The answer is what a scikit-learn classifier gives there: `{"predictions": ["label", …]}`.

use std::sync::Arc;

use axum::Json;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Payload, media_type, parse_json};
use super::error::ApiError;
use super::error_responses::MlflowErrors;
use crate::core::app::App;
use crate::core::refusal::shorten;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(invocations))
        .routes(routes!(ping))
        .routes(routes!(health))
        .routes(routes!(version))
}

/// Whether the server takes work.
#[utoipa::path(
    get, path = "/ping", tag = "mlflow",
    responses((status = 200, description = "Ready", body = String), (status = 503, description = "Draining", body = Value))
)]
async fn ping(serving: Serving) -> Result<&'static str, ApiError> {
    serving.check_ready()?;
    Ok("\n")
}

/// The same as `/ping`, under the name that newer clients use.
#[utoipa::path(
    get, path = "/health", tag = "mlflow",
    responses((status = 200, description = "Ready", body = String), (status = 503, description = "Draining", body = Value))
)]
async fn health(serving: Serving) -> Result<&'static str, ApiError> {
    ping(serving).await
}

/// The server's version.
#[utoipa::path(get, path = "/version", tag = "mlflow", responses((status = 200, description = "The version", body = String)))]
async fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

const EXPECTED: &str = r#"Send exactly one of dataframe_split, dataframe_records, instances and inputs, for example {"dataframe_split": {"columns": ["text"], "data": [["…"]]}}"#;

/// A scoring request. `params` is part of the protocol; this model takes none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MlflowRequest)]
struct Request {
    dataframe_split: Option<Split>,
    dataframe_records: Option<Vec<Map<String, Value>>>,
    instances: Option<Vec<Value>>,
    inputs: Option<Value>,
    #[serde(default, rename = "params")]
    _params: Option<Map<String, Value>>,
}

/// A table in pandas' `split` orientation.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = MlflowSplit)]
struct Split {
    columns: Vec<String>,
    data: Vec<Vec<Value>>,
}

/// Labels for a table of complaints.
#[utoipa::path(
    post, path = "/invocations", tag = "mlflow",
    request_body(content((Request = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "`predictions`: one label a row", body = Value), MlflowErrors)
)]
async fn invocations(serving: Serving, payload: Payload) -> Result<Json<Value>, ApiError> {
    let texts = match media_type(&payload.headers).as_str() {
        "application/json" => parse_json::<Request>(&payload.bytes, EXPECTED)?.into_texts()?,
        "text/csv" => csv_texts(&payload.bytes)?,
        found => {
            let expected = "application/json or text/csv";
            return Err(ApiError::UnsupportedMediaType {
                found: shorten(found),
                expected,
            });
        }
    };
    let answers = serving.classify_all(&texts).await?;
    let labels: Vec<&str> = answers
        .iter()
        .map(|answer| serving.engine().label(answer.ranking[0].0))
        .collect();
    Ok(Json(json!({ "predictions": labels })))
}

impl Request {
    fn into_texts(self) -> Result<Vec<String>, ApiError> {
        match (
            self.dataframe_split,
            self.dataframe_records,
            self.instances,
            self.inputs,
        ) {
            (Some(split), None, None, None) => split.into_texts(),
            (None, Some(records), None, None) => records
                .into_iter()
                .map(|record| text_of(Value::Object(record)))
                .collect(),
            (None, None, Some(instances), None) => instances.into_iter().map(text_of).collect(),
            (None, None, None, Some(inputs)) => input_texts(inputs),
            _ => Err(ApiError::InvalidRequest(EXPECTED.into())),
        }
    }
}

impl Split {
    fn into_texts(self) -> Result<Vec<String>, ApiError> {
        let names: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let column = text_column(&names)?;
        let cell = |mut row: Vec<Value>| {
            if column < row.len() {
                text_of(row.swap_remove(column))
            } else {
                Err(not_a_text())
            }
        };
        self.data.into_iter().map(cell).collect()
    }
}

/// `inputs` is a text, a list of them, or an object of columns.
fn input_texts(inputs: Value) -> Result<Vec<String>, ApiError> {
    match inputs {
        Value::String(text) => Ok(vec![text]),
        Value::Array(items) => items.into_iter().map(text_of).collect(),
        Value::Object(mut columns) => {
            let names: Vec<&str> = columns.keys().map(String::as_str).collect();
            let name = names[text_column(&names)?].to_owned();
            match columns.remove(&name) {
                Some(Value::String(text)) => Ok(vec![text]),
                Some(Value::Array(items)) => items.into_iter().map(text_of).collect(),
                _ => Err(not_a_text()),
            }
        }
        _ => Err(not_a_text()),
    }
}

/// A text, a row of one text, or a record with one.
fn text_of(value: Value) -> Result<String, ApiError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Array(mut row) if row.len() == 1 => match row.swap_remove(0) {
            Value::String(text) => Ok(text),
            _ => Err(not_a_text()),
        },
        Value::Object(mut record) => {
            let names: Vec<&str> = record.keys().map(String::as_str).collect();
            let name = names[text_column(&names)?].to_owned();
            match record.remove(&name) {
                Some(Value::String(text)) => Ok(text),
                _ => Err(not_a_text()),
            }
        }
        _ => Err(not_a_text()),
    }
}

fn csv_texts(bytes: &[u8]) -> Result<Vec<String>, ApiError> {
    const EXPECTED: &str = "Send CSV in UTF-8 with a header line and a column `text`";
    let invalid = |error: csv::Error| ApiError::InvalidBody {
        detail: error.to_string(),
        expected: EXPECTED,
    };
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(invalid)?.clone();
    let column = text_column(&header.iter().collect::<Vec<_>>())?;
    reader
        .records()
        .map(|row| Ok(row.map_err(invalid)?[column].to_owned()))
        .collect()
}

/// The column named `text`, or the only one.
fn text_column(names: &[&str]) -> Result<usize, ApiError> {
    match names {
        [_] => Ok(0),
        _ => names.iter().position(|name| *name == "text").ok_or_else(|| {
            ApiError::InvalidRequest(
                "the table needs a column `text`, or exactly one column, whose cells are strings".into(),
            )
        }),
    }
}

fn not_a_text() -> ApiError {
    ApiError::InvalidRequest(format!("a complaint must be one string. {EXPECTED}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: Value) -> Result<Vec<String>, ApiError> {
        parse_json::<Request>(body.to_string().as_bytes(), EXPECTED)?.into_texts()
    }

    #[test]
    fn every_orientation_is_the_same_request() {
        for body in [
            json!({"dataframe_split": {"columns": ["id", "text"], "index": [0, 1], "data": [[1, "a"], [2, "b"]]}}),
            json!({"dataframe_split": {"columns": ["complaint"], "data": [["a"], ["b"]]}}),
            json!({"dataframe_records": [{"text": "a", "id": 1}, {"text": "b"}]}),
            json!({"instances": ["a", "b"], "params": {}}),
            json!({"instances": [{"text": "a"}, ["b"]]}),
            json!({"inputs": ["a", "b"]}),
            json!({"inputs": {"text": ["a", "b"], "id": [1, 2]}}),
        ] {
            assert_eq!(texts(body.clone()).unwrap(), ["a", "b"], "{body}");
        }
        assert_eq!(csv_texts(b"id,text\n1,a\n2,b\n").unwrap(), ["a", "b"]);
        assert_eq!(csv_texts(b"complaint\n\"a, b\"\n").unwrap(), ["a, b"]);
    }

    #[test]
    fn anything_else_is_refused() {
        for body in [
            json!({}),
            json!({"instances": ["a"], "inputs": ["a"]}),
            json!({"columns": ["text"], "data": [["a"]]}),
            json!({"instances": [1]}),
            json!({"instances": [["a", "b"]]}),
            json!({"dataframe_split": {"columns": ["a", "b"], "data": [["x", "y"]]}}),
            json!({"dataframe_split": {"columns": ["id", "text"], "data": [[1]]}}),
            json!({"dataframe_split": {"columns": [], "data": []}}),
            json!({"dataframe_records": [{}]}),
            json!({"inputs": 7}),
        ] {
            assert!(texts(body.clone()).is_err(), "{body}");
        }
        for csv in [&b"id,other\n1,a\n"[..], b"id,text\n1\n", b"text\n\xff\n"] {
            assert!(csv_texts(csv).is_err(), "{csv:?}");
        }
    }
}
