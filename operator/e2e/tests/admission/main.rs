//! What the API server rejects of the product's kinds, over HTTP: with which messages, and whether the trainer agrees.

mod bounds;
mod case;
mod collection;
mod messages;
mod monitoring;
mod retention;
mod retraining;
mod rules;
mod signatures;
mod table;
mod tracking;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, api::PostParams};
use sandbox_apiserver::{Options, Server};
use serde_json::{Value, json};

/// An API server with the product's definitions.
async fn served() -> (Server, Client) {
    let sandbox = Server::start(Options::default()).await.expect("a sandbox");
    let client = sandbox.client().expect("a client");
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in complaint_api::crds() {
        let made = definitions.create(&PostParams::default(), &crd).await;
        made.expect("a valid definition");
    }
    (sandbox, client)
}

/// The code and message with which the API server rejects an object. The body is sent as it is, because it may hold values
/// that the kind's type can't. Nothing is stored.
async fn refusal(client: &Client, kind: &str, validation: &str, spec: &Value) -> Option<(u16, String)> {
    let object =
        json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": kind, "metadata": { "name": "cards" }, "spec": spec });
    let plural = kind.to_lowercase();
    let path =
        format!("/apis/complaints.dev/v1alpha1/namespaces/default/{plural}s?dryRun=All&fieldValidation={validation}");
    let request = http::Request::post(path).header("content-type", "application/json");
    let request = request.body(object.to_string().into_bytes()).expect("a request");
    match client.request::<Value>(request).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => Some((status.code, status.message.clone())),
        Err(other) => panic!("no answer of the API: {other}"),
    }
}
