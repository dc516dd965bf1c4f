//! Custom resources over HTTP: schemas, defaults, CEL rules, subresources.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use sandbox_apiserver::{Options, Server};
use serde_json::{Value, json};

fn definition(schema: &Value) -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": { "plural": "widgets", "kind": "Widget" },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema },
                "subresources": { "status": {} },
            }],
        },
    }))
    .unwrap()
}

/// A schema with this `spec` and an open status.
fn with_spec(spec: &Value) -> Value {
    json!({
        "type": "object",
        "properties": { "spec": spec, "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
    })
}

async fn served(spec: Value) -> (Server, Api<DynamicObject>) {
    let sandbox = Server::start(Options::default()).await.unwrap();
    let client = sandbox.client().unwrap();
    install(&client, &with_spec(&spec)).await.unwrap();
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Widget"));
    let api = Api::default_namespaced_with(client, &kind);
    (sandbox, api)
}

async fn install(client: &Client, schema: &Value) -> kube::Result<CustomResourceDefinition> {
    Api::all(client.clone())
        .create(&PostParams::default(), &definition(schema))
        .await
}

fn widget(spec: Value) -> DynamicObject {
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": { "name": "w" }, "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

fn message(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) => {
            assert_eq!(status.code, 422, "{}", status.message);
            status.message
        }
        other => panic!("no answer of the API: {other}"),
    }
}

#[tokio::test]
async fn values_are_checked_against_the_schema() {
    let (_sandbox, api) = served(json!({
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": { "type": "string", "enum": ["S", "L"] },
            "count": { "type": "integer", "minimum": 1, "maximum": 5 },
            "name": { "type": "string", "maxLength": 3, "pattern": "^[a-z]+$" },
            "port": { "x-kubernetes-int-or-string": true },
        },
    }))
    .await;
    for (spec, told) in [
        (json!({}), "spec.size: Required value"),
        (
            json!({ "size": "M" }),
            "spec.size: Unsupported value: \"M\": supported values: \"S\", \"L\"",
        ),
        (
            json!({ "size": "S", "count": 9 }),
            "spec.count: Invalid value: 9: spec.count in body should be less than or equal to 5",
        ),
        (
            json!({ "size": "S", "count": "1" }),
            "spec.count in body must be of type integer: \"string\"",
        ),
        (
            json!({ "size": "S", "name": "abcd" }),
            "spec.name: Too long: may not be more than 3 bytes",
        ),
        (
            json!({ "size": "S", "name": "A" }),
            "spec.name in body should match '^[a-z]+$'",
        ),
        (
            json!({ "size": "S", "port": true }),
            "spec.port in body must be of type integer,string: \"boolean\"",
        ),
    ] {
        let text = message(
            api.create(&PostParams::default(), &widget(spec.clone()))
                .await
                .unwrap_err(),
        );
        assert!(text.contains(told), "{spec}: {text}");
    }
    api.create(&PostParams::default(), &widget(json!({ "size": "S", "port": "80%" })))
        .await
        .unwrap();
}

/// Upstream compares an integer with the integer part of a bound, and a fraction with the bound itself.
#[tokio::test]
async fn whole_numbers_meet_the_whole_part_of_a_bound() {
    let rule = json!([{ "rule": "self >= 0.01 && self <= 0.5", "message": "take a share from 0.01 to 0.5" }]);
    let (_sandbox, api) = served(json!({
        "type": "object",
        "properties": {
            "plain": { "type": "number", "minimum": 0.01, "maximum": 1.5 },
            "exclusive": { "type": "number", "minimum": 0, "exclusiveMinimum": true },
            "below": { "type": "number", "maximum": 1.5, "exclusiveMaximum": true },
            "negative": { "type": "number", "minimum": -1.5, "maximum": -0.5 },
            "ruled": { "type": "number", "maximum": 0.5, "x-kubernetes-validations": rule },
        },
    }))
    .await;
    let told = |field: &str, value: &str, detail: &str| {
        Some(format!(
            "spec.{field}: Invalid value: {value}: spec.{field} in body should be {detail}"
        ))
    };
    let ruled = |value: &str| {
        Some(format!(
            "spec.ruled: Invalid value: {value}: take a share from 0.01 to 0.5"
        ))
    };
    for (field, value, refused) in [
        ("plain", json!(0), None),
        ("plain", json!(-1), told("plain", "-1", "greater than or equal to 0")),
        (
            "plain",
            json!(0.001),
            told("plain", "0.001", "greater than or equal to 0.01"),
        ),
        ("plain", json!(1), None),
        ("plain", json!(2), told("plain", "2", "less than or equal to 1")),
        ("plain", json!(1.6), told("plain", "1.6", "less than or equal to 1.5")),
        ("exclusive", json!(0), told("exclusive", "0", "greater than 0")),
        ("exclusive", json!(0.001), None),
        ("below", json!(1), told("below", "1", "less than 1")),
        ("below", json!(1.4), None),
        ("negative", json!(-1), None),
        ("negative", json!(0), None),
        (
            "negative",
            json!(-0.4),
            told("negative", "-0.4", "less than or equal to -0.5"),
        ),
        ("ruled", json!(0), ruled("0")),
        ("ruled", json!(0.001), ruled("0.001")),
        ("ruled", json!(0.01), None),
        ("ruled", json!(1), ruled("1")),
    ] {
        let dry = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let answer = api.create(&dry, &widget(json!({ field: value }))).await;
        match (answer, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(told)) => {
                let text = message(error);
                assert!(text.contains(&told), "{field} {value}: {text}");
            }
            (Ok(_), Some(told)) => panic!("{field} {value} is accepted, not refused: {told}"),
            (Err(error), None) => panic!("{field} {value} is refused: {error}"),
        }
    }
}

/// Upstream checks rules if a value is out of bounds, but not if one is missing, too long or of another type.
#[tokio::test]
async fn rules_are_checked_unless_a_value_can_not_be_read() {
    let (_sandbox, api) = served(json!({
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": { "type": "integer", "minimum": 1 },
            "name": { "type": "string", "maxLength": 3 },
        },
        "x-kubernetes-validations": [{ "rule": "self.size != 0", "message": "take a size" }],
    }))
    .await;
    let bound = "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1";
    let note = "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; \
                correct the existing errors to complete validation";
    for (spec, told) in [
        (json!({ "size": 0 }), [bound, "take a size"]),
        (json!({}), ["spec.size: Required value", note]),
        (json!({ "size": 0, "name": "abcd" }), ["spec.name: Too long", note]),
        (json!({ "size": "0" }), ["must be of type integer", note]),
    ] {
        let text = message(api.create(&PostParams::default(), &widget(spec)).await.unwrap_err());
        for part in told {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.contains("take a size"), told.contains(&"take a size"), "{text}");
    }
}

#[tokio::test]
async fn defaults_fill_and_unknown_fields_go() {
    let (_sandbox, api) = served(json!({
        "type": "object",
        "properties": {
            "mode": { "type": "string", "default": "auto" },
            "nested": { "type": "object", "default": {}, "properties": { "n": { "type": "integer", "default": 3 } } },
        },
    }))
    .await;
    let made = api
        .create(&PostParams::default(), &widget(json!({ "unknown": 1 })))
        .await
        .unwrap();
    assert_eq!(made.data["spec"], json!({ "mode": "auto", "nested": { "n": 3 } }));
    assert_eq!(made.metadata.generation, Some(1));
}

#[tokio::test]
async fn rules_hold_on_create_and_update() {
    let (_sandbox, api) = served(json!({
        "type": "object",
        "properties": {
            "min": { "type": "integer" },
            "max": { "type": "integer" },
            "mode": { "type": "string", "x-kubernetes-validations": [{ "rule": "self == oldSelf", "message": "mode stays" }] },
            "tags": { "type": "array", "maxItems": 5, "items": { "type": "string", "maxLength": 9 } },
        },
        "x-kubernetes-validations": [
            { "rule": "!has(self.min) || !has(self.max) || self.min <= self.max", "message": "min exceeds max" },
            { "rule": "!has(self.tags) || self.tags.all(t, t.startsWith('x-'))" },
        ],
    }))
    .await;
    let refused = api
        .create(&PostParams::default(), &widget(json!({ "min": 2, "max": 1 })))
        .await
        .unwrap_err();
    assert!(message(refused).ends_with("spec: Invalid value: min exceeds max"));
    let refused = api
        .create(&PostParams::default(), &widget(json!({ "tags": ["y"] })))
        .await
        .unwrap_err();
    assert!(message(refused).contains("failed rule: !has(self.tags)"));
    api.create(
        &PostParams::default(),
        &widget(json!({ "min": 1, "max": 2, "mode": "a" })),
    )
    .await
    .unwrap();
    let changed = Patch::Merge(json!({ "spec": { "mode": "b" } }));
    let refused = api.patch("w", &PatchParams::default(), &changed).await.unwrap_err();
    assert!(message(refused).contains("spec.mode: Invalid value: \"b\": mode stays"));
    let kept = Patch::Merge(json!({ "spec": { "max": 3 } }));
    assert_eq!(
        api.patch("w", &PatchParams::default(), &kept)
            .await
            .unwrap()
            .metadata
            .generation,
        Some(2)
    );
}

#[tokio::test]
async fn status_is_written_apart() {
    let (_sandbox, api) = served(json!({ "type": "object", "properties": { "n": { "type": "integer" } } })).await;
    let mut object = widget(json!({ "n": 1 }));
    object.data["status"] = json!({ "phase": "Sent" });
    let made = api.create(&PostParams::default(), &object).await.unwrap();
    assert!(made.data.get("status").is_none());
    let patch = Patch::Merge(json!({ "status": { "phase": "Set" }, "spec": { "n": 9 } }));
    let after = api.patch_status("w", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(
        (&after.data["status"]["phase"], &after.data["spec"]["n"]),
        (&json!("Set"), &json!(1))
    );
    assert_eq!(after.metadata.generation, Some(1));
}

#[tokio::test]
async fn definitions_that_upstream_refuses_are_refused() {
    let sandbox = Server::start(Options::default()).await.unwrap();
    let client = sandbox.client().unwrap();
    let rule = |rule: &str| {
        json!({ "type": "object", "properties": {
        "l": { "type": "array", "items": { "type": "string" } }, "n": { "type": "integer" },
    }, "x-kubernetes-validations": [{ "rule": rule }] })
    };
    for (spec, told) in [
        (json!({ "properties": {} }), "properties[spec].type: Required value"),
        (
            json!({ "type": "object", "properties": { "n": { "type": "integer", "default": "five" } } }),
            "default",
        ),
        (rule("self.n +"), "x-kubernetes-validations[0].rule"),
        (rule("self.missing > 1"), "undefined field"),
        (rule("self.n + 1"), "must evaluate to a bool"),
        (rule("self.l.all(x, x.matches('a'))"), "cost exceeds budget"),
    ] {
        let text = message(install(&client, &with_spec(&spec)).await.unwrap_err());
        assert!(text.contains(told), "{spec}: {text}");
    }
}
