//! The schemas and the trainer have the same bounds: each bound of each field of a run, and a value beyond it, is sent
//! to an API server and to the trainer.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    served,
    table::{Bounded, every_bound},
};

/// All bounded properties of the sections that the trainer reads, in the form of [`Bounded::what`].
fn bounds_of_the_schemas() -> BTreeSet<String> {
    fn walk(path: &str, schema: &Value, found: &mut BTreeSet<String>) {
        for (keywords, what) in [
            (["minimum", "maximum"], "value"),
            (["minLength", "maxLength"], "length"),
            (["minItems", "maxItems"], "entries"),
            (["minProperties", "maxProperties"], "entries"),
        ] {
            if keywords.iter().any(|keyword| schema.get(keyword).is_some()) {
                found.insert(format!("{path} {what}"));
            }
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(&format!("{path}.{name}"), property, found);
        }
        if schema["items"].is_object() {
            walk(&format!("{path}[]"), &schema["items"], found);
        }
        if schema["additionalProperties"].is_object() {
            walk(&format!("{path}{{}}"), &schema["additionalProperties"], found);
        }
    }
    let mut found = BTreeSet::new();
    for crd in complaint_api::crds() {
        let sections: &[&str] = match crd.spec.names.kind.as_str() {
            "TrainingRun" => &["dataset", "preprocessing", "features", "search"],
            "ComplaintClassifier" => &["evaluation"],
            _ => &[],
        };
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).expect("a schema is JSON");
        for section in sections {
            let mut schema = schema["openAPIV3Schema"]["properties"]["spec"]["properties"][section].clone();
            if let Some(properties) = schema["properties"].as_object_mut() {
                // Sources are arguments of the trainer, and a holdout's fields are a data set's.
                properties.remove("source");
                properties.remove("holdout");
                if let Some(vectors) = properties.get_mut("wordVectors") {
                    vectors["properties"].as_object_mut().expect("fields").remove("source");
                }
            }
            walk(section, &schema, &mut found);
        }
    }
    found
}

#[tokio::test]
async fn schema_and_trainer_have_the_same_bounds() {
    let table = every_bound();
    let named: BTreeSet<String> = table.iter().map(|bounded| bounded.what.to_owned()).collect();
    assert_eq!(
        named,
        bounds_of_the_schemas(),
        "a bound is missing in the table, or in the schemas"
    );

    let (_sandbox, client) = served().await;
    for Bounded {
        what,
        least,
        most,
        whole,
        case,
    } in table
    {
        let beyond = |bound: f64, direction: f64| {
            if whole {
                bound + direction
            } else {
                bound * (1.0 + direction * 0.1)
            }
        };
        let mut points = vec![(most, true), (beyond(most, 1.0), false)];
        if let Some(least) = least {
            points.push((least, true));
            // Lengths and counts are never negative.
            if beyond(least, -1.0) >= 0.0 || what.ends_with("value") {
                points.push((beyond(least, -1.0), false));
            }
        }
        for (point, accepted) in points {
            let case = case(point);
            for (side, refusal) in [
                ("the schema", case.refused_by_schema(&client).await),
                ("the trainer", case.refused_by_trainer()),
            ] {
                assert_eq!(
                    refusal.is_none(),
                    accepted,
                    "{what} at {point}: {side} says {refusal:?}"
                );
            }
        }
    }
}
