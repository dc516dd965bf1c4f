//! What the API server rejects of `spec.tracking`.

use serde_json::{Value, json};

use crate::{case::run, refusal, served};

#[tokio::test]
async fn an_address_with_credentials_is_refused_and_the_message_says_where_they_belong() {
    let (_sandbox, client) = served().await;
    let mlflow = |field: &str, value: &str| {
        let mut mlflow = json!({ "uri": "http://mlflow:5000" });
        mlflow[field] = value.into();
        json!({ "mlflow": mlflow })
    };
    let login = Some("into the Secret that secretRef names");
    let name = Some("registeredModel holds only letters");
    let line = Some("experiment is one line");
    let cases: Vec<(Value, Option<&str>)> = vec![
        (json!({}), None),
        (mlflow("uri", "http://mlflow:5000"), None),
        (mlflow("uri", "https://example.org/mlflow/"), None),
        (mlflow("uri", "http://[fd00::1]:5000"), None),
        (mlflow("uri", "http://user:word@mlflow:5000"), login),
        (mlflow("uri", "http://mlflow:5000/?token=word"), login),
        (mlflow("uri", "http://mlflow:5000/#word"), login),
        (mlflow("uri", "http://mlflow:5000/a@b"), login),
        (mlflow("uri", "http://mlflow 5000"), login),
        (mlflow("uri", "mlflow:5000"), login),
        (mlflow("uri", "databricks"), login),
        (mlflow("uri", ""), login),
        (mlflow("registeredModel", "card complaints-2.v1"), None),
        (mlflow("registeredModel", "a/b"), name),
        (mlflow("registeredModel", "a:b"), name),
        (mlflow("registeredModel", "a'b"), name),
        (mlflow("registeredModel", ".."), name),
        (mlflow("registeredModel", ""), Some("registeredModel")),
        (mlflow("experiment", "/Shared/complaints of ü"), None),
        (mlflow("experiment", "a\nb"), line),
        (mlflow("experiment", " a"), line),
        (json!({ "mlflow": {} }), Some("uri")),
        (
            json!({ "mlflow": { "uri": "http://mlflow", "token": "word" } }),
            Some("unknown field"),
        ),
    ];
    for (tracking, told) in cases {
        let spec = json!({ "tracking": tracking });
        let of_run = run(json!({ "tracking": tracking })).spec;
        for (kind, spec) in [("ComplaintClassifier", spec), ("TrainingRun", of_run)] {
            match (refusal(&client, kind, "Strict", &spec).await, told) {
                (None, None) => {}
                (Some((_, message)), Some(told)) => assert!(message.contains(told), "{kind} {tracking}: {message}"),
                (refused, told) => panic!("{kind} {tracking}: {refused:?}, expected {told:?}"),
            }
        }
    }
}
