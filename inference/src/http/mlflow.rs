//! MLflow's scoring protocol: `POST /invocations`, `GET /ping`, `/health` and `/version`; and the path of its deployments client.
//!
//! <https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally>. A body has exactly one of `dataframe_split`,
//! `dataframe_records`, `instances` and `inputs`, or is CSV with a header. The complaints of a table are in its column
//! `text`, or in its only column. The response has the format that MLflow uses for a scikit-learn classifier:
//! `{"predictions": ["label", …]}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Payload, media_type};
use super::error::ApiError;
use super::error_responses::MlflowErrors;
use super::json::{Object, list, optional_list, parse_json, without_mark};
use crate::core::app::App;
use crate::core::refusal::shorten;
use crate::core::serving::Serving;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(invocations))
        .routes(routes!(endpoint))
        .routes(routes!(ping))
        .routes(routes!(health))
        .routes(routes!(version))
}

/// Whether the server is ready.
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

/// A scoring request. `params` is part of the protocol; this model has no parameters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = MlflowRequest)]
struct Request {
    #[schema(value_type = Option<Split>)]
    dataframe_split: Option<Object<Split>>,
    #[serde(default, deserialize_with = "records")]
    dataframe_records: Option<Vec<Map<String, Value>>>,
    instances: Option<Vec<Value>>,
    inputs: Option<Value>,
    #[serde(default, rename = "params")]
    _params: Option<Map<String, Value>>,
}

/// A table in pandas' `split` orientation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object with `columns` and `data`")]
#[schema(as = MlflowSplit)]
struct Split {
    /// The column names. pandas numbers columns that have no name.
    columns: Vec<Value>,
    #[serde(deserialize_with = "rows")]
    data: Vec<Vec<Value>>,
}

fn records<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Map<String, Value>>>, D::Error> {
    optional_list("row", deserializer)
}

fn rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<Value>>, D::Error> {
    list("row", deserializer)
}

/// Predicted labels for a table of complaints.
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
        .map(|answer| serving.engine().label(answer.ranking[0].category))
        .collect();
    Ok(Json(json!({ "predictions": labels })))
}

/// The same as `/invocations`, under the path of MLflow's deployments client.
#[utoipa::path(
    post, path = "/endpoints/{model}/invocations", tag = "mlflow",
    params(("model" = String, Path, description = "The model's name")),
    request_body(content((Request = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "`predictions`: one label a row", body = Value), MlflowErrors)
)]
async fn endpoint(serving: Serving, Path(model): Path<String>, payload: Payload) -> Result<Json<Value>, ApiError> {
    serving.check_model(&model)?;
    invocations(serving, payload).await
}

impl Request {
    fn into_texts(self) -> Result<Vec<String>, ApiError> {
        match (
            self.dataframe_split,
            self.dataframe_records,
            self.instances,
            self.inputs,
        ) {
            (Some(Object(split)), None, None, None) => split.into_texts(),
            (None, Some(records), None, None) => texts_of("row", records.into_iter().map(Value::Object)),
            (None, None, Some(instances), None) => texts_of("instance", instances),
            (None, None, None, Some(inputs)) => input_texts(inputs),
            _ => Err(ApiError::InvalidRequest(EXPECTED.into())),
        }
    }
}

impl Split {
    fn into_texts(self) -> Result<Vec<String>, ApiError> {
        let names: Vec<&str> = self
            .columns
            .iter()
            .map(|name| name.as_str().unwrap_or_default())
            .collect();
        let column = text_column(&names)?;
        let cells = self.data.into_iter().map(|mut row| {
            if column < row.len() {
                row.swap_remove(column)
            } else {
                Value::Null
            }
        });
        texts_of("row", cells)
    }
}

/// `inputs` is a text, a list of texts, or an object of columns.
fn input_texts(inputs: Value) -> Result<Vec<String>, ApiError> {
    match inputs {
        Value::String(text) => Ok(vec![text]),
        Value::Array(items) => texts_of("input", items),
        Value::Object(mut columns) => {
            let names: Vec<&str> = columns.keys().map(String::as_str).collect();
            let name = names[text_column(&names)?].to_owned();
            match columns.remove(&name) {
                Some(Value::String(text)) => Ok(vec![text]),
                Some(Value::Array(items)) => texts_of("row", items),
                _ => Err(ApiError::InvalidRequest(format!("{NOT_A_TEXT}. {EXPECTED}"))),
            }
        }
        _ => Err(ApiError::InvalidRequest(format!("{NOT_A_TEXT}. {EXPECTED}"))),
    }
}

/// The texts of a list. Messages call its items `name`.
fn texts_of(name: &str, items: impl IntoIterator<Item = Value>) -> Result<Vec<String>, ApiError> {
    let named = |(number, item): (usize, Value)| {
        let refused = |why: &str| ApiError::InvalidRequest(format!("{name} {number}: {why}. {EXPECTED}"));
        text_of(item).map_err(refused)
    };
    items.into_iter().enumerate().map(named).collect()
}

/// A text, a row with one text, or a record with one. Otherwise an error that says what is wrong.
fn text_of(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Array(mut row) if row.len() == 1 => match row.swap_remove(0) {
            Value::String(text) => Ok(text),
            _ => Err(NOT_A_TEXT),
        },
        Value::Object(mut record) => {
            let names: Vec<&str> = record.keys().map(String::as_str).collect();
            let name = names[find_text(&names).ok_or(NO_COLUMN)?].to_owned();
            match record.remove(&name) {
                Some(Value::String(text)) => Ok(text),
                _ => Err(NOT_A_TEXT),
            }
        }
        _ => Err(NOT_A_TEXT),
    }
}

fn csv_texts(bytes: &[u8]) -> Result<Vec<String>, ApiError> {
    const EXPECTED: &str = "Send CSV in UTF-8 with a header line and a column `text`";
    let unreadable = |detail: String| ApiError::InvalidBody {
        detail,
        expected: EXPECTED,
    };
    check_quotes(bytes).map_err(unreadable)?;
    let invalid = |error: csv::Error| unreadable(error.to_string());
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(invalid)?.clone();
    let column = text_column(&header.iter().collect::<Vec<_>>())?;
    reader
        .records()
        .map(|row| Ok(row.map_err(invalid)?[column].to_owned()))
        .collect()
}

/// Refuses quotation marks that are not closed, or that are closed within a field. The parser would read fewer rows
/// from them than the client sent.
fn check_quotes(bytes: &[u8]) -> Result<(), String> {
    /// The scanner's state.
    enum At {
        FieldStart,
        Field,
        /// Inside quotation marks that were opened in this line.
        Quoted(usize),
        /// After a quotation mark that either closes a field or is the first of an escaped pair.
        Closed(usize),
    }
    let mut at = At::FieldStart;
    let mut line = 1;
    for &byte in without_mark(bytes) {
        at = match (at, byte) {
            (At::FieldStart, b'"') => At::Quoted(line),
            (At::Closed(from), b'"') => At::Quoted(from),
            (At::Quoted(from), b'"') => At::Closed(from),
            (At::Quoted(from), _) => At::Quoted(from),
            (_, b',' | b'\n' | b'\r') => At::FieldStart,
            (At::Closed(from), _) => {
                return Err(format!(
                    "in line {line} text follows the quotation mark that closes a field opened in line {from}; \
                     write a quotation mark inside a field as two"
                ));
            }
            (At::FieldStart | At::Field, _) => At::Field,
        };
        line += usize::from(byte == b'\n');
    }
    match at {
        At::Quoted(from) => Err(format!("the quotation mark opened in line {from} is not closed")),
        _ => Ok(()),
    }
}

const NOT_A_TEXT: &str = "a complaint must be one string";
const NO_COLUMN: &str = "the table needs a column `text`, or exactly one column, whose cells are strings";

/// The column named `text`, or the only one.
fn text_column(names: &[&str]) -> Result<usize, ApiError> {
    find_text(names).ok_or_else(|| ApiError::InvalidRequest(NO_COLUMN.into()))
}

fn find_text(names: &[&str]) -> Option<usize> {
    match names {
        [_] => Some(0),
        _ => names.iter().position(|name| *name == "text"),
    }
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
            json!({"dataframe_split": {"columns": [0], "data": [["a"], ["b"]]}}),
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

    #[test]
    fn the_item_that_is_no_text_is_named() {
        for (body, expected) in [
            (
                json!({"dataframe_split": {"columns": ["text"], "data": [["a"], [null]]}}),
                "row 1: ",
            ),
            (
                json!({"dataframe_split": {"columns": ["id", "text"], "data": [[1, "a"], [2]]}}),
                "row 1: ",
            ),
            (
                json!({"dataframe_split": {"columns": ["text"], "data": [["a"], "b"]}}),
                "row 1: ",
            ),
            (
                json!({"dataframe_records": [{"text": "a"}, {"text": "b"}, {"text": 7}]}),
                "row 2: ",
            ),
            (json!({"dataframe_records": [{"text": "a"}, ["b"]]}), "row 1: "),
            (
                json!({"dataframe_records": [{"text": "a"}, {"id": 1, "other": "b"}]}),
                "row 1: the table needs",
            ),
            (json!({"instances": ["a", null]}), "instance 1: "),
            (json!({"instances": [{"text": null}]}), "instance 0: "),
            (json!({"inputs": ["a", "b", ["c", "d"]]}), "input 2: "),
            (json!({"inputs": {"text": ["a", null]}}), "row 1: "),
        ] {
            let error = texts(body.clone()).unwrap_err().to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn csv_never_has_fewer_texts_than_rows() {
        for (csv, expected) in [
            ("text\n\"a lost card\nsecond\nthird\n", "opened in line 2 is not closed"),
            ("text\na\n\"", "opened in line 3 is not closed"),
            ("\"text\na\n", "opened in line 1 is not closed"),
            ("text\n\"a\"\"\nb\n", "opened in line 2 is not closed"),
            ("text\n\"a\nb \"c\" d\n", "in line 3 text follows"),
        ] {
            let error = csv_texts(csv.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{csv:?}: {error}");
        }
        for (csv, expected) in [
            ("\u{feff}\"text\"\r\n\"a\r\nb\"\r\n", vec!["a\r\nb"]),
            ("text\n\"a \"\"b\"\"\"\n\"\"\"c\"\n", vec!["a \"b\"", "\"c"]),
            ("text\n5\" screen\n", vec!["5\" screen"]),
            ("id,text\n\"1\",\"\"\n", vec![""]),
        ] {
            assert_eq!(csv_texts(csv.as_bytes()).unwrap(), expected, "{csv:?}");
        }
    }
}
