//! What a schema admits the trainer accepts, and what it refuses the trainer refuses: each bound of each field of a run, at
//! the bound and one beyond it, is sent to an API server and to the trainer.

use std::collections::BTreeSet;

use complaint_contract::limits;
use complaint_trainer::config::RunConfig;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, api::PostParams};
use sandbox_apiserver::{Options, Server};
use serde_json::{Value, json};

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

/// A run's spec, and the classifier's `evaluation`, which are one configuration to the trainer.
#[derive(Clone, Debug)]
struct Case {
    spec: Value,
    evaluation: Value,
}

/// A run with these fields in place of its own, section by section.
fn run(overrides: Value) -> Case {
    let mut spec = json!({
        "classifierRef": { "name": "cards" },
        "dataset": { "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                     "textField": "narrative", "labelFields": ["category"] },
    });
    for (section, fields) in overrides.as_object().expect("an object") {
        match fields {
            Value::Object(fields) => fields
                .iter()
                .for_each(|(field, value)| spec[section][field] = value.clone()),
            other => spec[section] = other.clone(),
        }
    }
    Case {
        spec,
        evaluation: json!({ "testFraction": 0.2, "seed": 42 }),
    }
}

fn evaluation(field: &str, value: &Value) -> Case {
    let mut case = run(json!({}));
    case.evaluation[field] = value.clone();
    case
}

/// A run with this grid for an algorithm that has the parameter.
fn grid(algorithm: &str, parameter: &str, values: Value) -> Case {
    run(json!({ "search": { "candidates": [{ "algorithm": algorithm, "grid": { parameter: values } }] } }))
}

/// A run that tries these values for a step of the text pipeline.
fn vary(step: &str, values: Value) -> Case {
    run(json!({ "search": { "pipelineGrid": { step: values } } }))
}

impl Case {
    /// What the API server says against it.
    async fn refused_by_schema(&self, client: &Client) -> Option<String> {
        let classifier = json!({ "evaluation": self.evaluation });
        for (kind, spec) in [("TrainingRun", &self.spec), ("ComplaintClassifier", &classifier)] {
            let object = json!({ "apiVersion": "complaints.dev/v1alpha1", "kind": kind,
                                 "metadata": { "name": "cards" }, "spec": spec });
            let plural = kind.to_lowercase();
            let path =
                format!("/apis/complaints.dev/v1alpha1/namespaces/default/{plural}s?dryRun=All&fieldValidation=Strict");
            let request = http::Request::post(path).header("content-type", "application/json");
            let request = request.body(object.to_string().into_bytes()).expect("a request");
            match client.request::<Value>(request).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) => return Some(status.message.clone()),
                Err(other) => panic!("no answer of the API: {other}"),
            }
        }
        None
    }

    /// What the trainer says against it. Its file holds the spec's sections as they are.
    fn refused_by_trainer(&self) -> Option<String> {
        let mut file = json!({ "name": "cards", "namespace": "default", "classifier": "cards", "specHash": "ab" });
        for section in ["dataset", "preset", "preprocessing", "features", "search"] {
            if let Some(value) = self.spec.get(section) {
                file[section] = value.clone();
            }
        }
        let dataset = file["dataset"].as_object_mut().expect("an object");
        dataset.remove("source");
        dataset.entry("minSamplesPerClass").or_insert(json!(20));
        file["evaluation"] = self.evaluation.clone();
        file["evaluation"]["metric"] = json!("macroF1");
        RunConfig::parse(file.to_string().as_bytes())
            .err()
            .map(|error| error.to_string())
    }
}

/// One bounded thing of a field: its value, its length or the number of its entries.
struct Bounded {
    /// Path and keyword, such as `dataset.labelFields[] length`.
    what: &'static str,
    least: Option<f64>,
    most: f64,
    /// Whether only whole numbers can be given.
    whole: bool,
    case: Box<dyn Fn(f64) -> Case>,
}

fn bounded(
    what: &'static str,
    least: impl Into<Option<f64>>,
    most: f64,
    whole: bool,
    case: impl Fn(f64) -> Case + 'static,
) -> Bounded {
    Bounded {
        what,
        least: least.into(),
        most,
        whole,
        case: Box::new(case),
    }
}

/// Whole values.
fn number<T: Copy + TryInto<u32>>(
    what: &'static str,
    accepted: std::ops::RangeInclusive<T>,
    case: impl Fn(Value) -> Case + 'static,
) -> Bounded {
    let bound = |bound: T| f64::from(bound.try_into().unwrap_or(u32::MAX));
    let (least, most) = (bound(*accepted.start()), bound(*accepted.end()));
    bounded(what, least, most, true, move |value| case(json!(value as i64)))
}

/// Values with a fraction.
fn fraction(
    what: &'static str,
    accepted: std::ops::RangeInclusive<f64>,
    case: impl Fn(Value) -> Case + 'static,
) -> Bounded {
    let (least, most) = (*accepted.start(), *accepted.end());
    bounded(what, least, most, false, move |value| case(json!(value)))
}

/// Lengths of texts, in characters that have two bytes each.
fn text(what: &'static str, least: Option<f64>, most: usize, case: impl Fn(Value) -> Case + 'static) -> Bounded {
    bounded(what, least, most as f64, true, move |length| {
        case(json!("\u{e4}".repeat(length as usize)))
    })
}

/// Numbers of entries. An empty list is a parameter left out to the trainer, so that only the most is shared.
fn entries(what: &'static str, most: usize, entry: Value, case: impl Fn(Value) -> Case + 'static) -> Bounded {
    bounded(what, None, most as f64, true, move |count| {
        case(json!(vec![entry.clone(); count as usize]))
    })
}

fn every_bound() -> Vec<Bounded> {
    let pair = |value: Value| json!([value.clone(), value]);
    let names = |count: f64| {
        (0..count as usize)
            .map(|index| format!("label{index}"))
            .collect::<Vec<_>>()
    };
    vec![
        text("dataset.textField length", Some(1.0), limits::FIELD, |name| {
            run(json!({ "dataset": { "textField": name } }))
        }),
        text("dataset.splitField length", Some(1.0), limits::FIELD, |name| {
            run(json!({ "dataset": { "splitField": name } }))
        }),
        text("dataset.labelFields[] length", Some(1.0), limits::FIELD, |name| {
            run(json!({ "dataset": { "labelFields": [name] } }))
        }),
        bounded(
            "dataset.labelFields entries",
            *limits::LABEL_FIELDS.start() as f64,
            *limits::LABEL_FIELDS.end() as f64,
            true,
            move |count| run(json!({ "dataset": { "labelFields": names(count) } })),
        ),
        number(
            "dataset.minSamplesPerClass value",
            limits::MIN_SAMPLES_PER_CLASS,
            |rows| run(json!({ "dataset": { "minSamplesPerClass": rows } })),
        ),
        bounded(
            "dataset.labelMap entries",
            None,
            limits::LABEL_MAP as f64,
            true,
            move |count| {
                let map: serde_json::Map<_, _> = names(count).into_iter().map(|name| (name, json!("a"))).collect();
                run(json!({ "dataset": { "labelMap": map } }))
            },
        ),
        text("dataset.labelMap{} length", Some(1.0), limits::LABEL, |label| {
            run(json!({ "dataset": { "labelMap": { "old": label } } }))
        }),
        number(
            "preprocessing.minTokenLength value",
            limits::MIN_TOKEN_LENGTH,
            |length| run(json!({ "preprocessing": { "minTokenLength": length } })),
        ),
        text(
            "preprocessing.redactionPattern length",
            None,
            limits::REDACTION_PATTERN,
            |pattern| run(json!({ "preprocessing": { "redactionPattern": pattern } })),
        ),
        number("features.wordNgrams[] value", limits::WORD_NGRAMS, move |length| {
            run(json!({ "features": { "wordNgrams": pair(length) } }))
        }),
        bounded("features.wordNgrams entries", 2.0, 2.0, true, |count| {
            run(json!({ "features": { "wordNgrams": vec![1; count as usize] } }))
        }),
        number("features.charNgrams[] value", limits::CHAR_NGRAMS, move |length| {
            run(json!({ "features": { "charNgrams": pair(length) } }))
        }),
        bounded("features.charNgrams entries", 2.0, 2.0, true, |count| {
            run(json!({ "features": { "charNgrams": vec![1; count as usize] } }))
        }),
        number(
            "features.minDocumentFrequency value",
            limits::MIN_DOCUMENT_FREQUENCY,
            |rows| run(json!({ "features": { "minDocumentFrequency": rows } })),
        ),
        fraction(
            "features.maxDocumentFraction value",
            limits::MAX_DOCUMENT_FRACTION,
            |share| run(json!({ "features": { "maxDocumentFraction": share } })),
        ),
        number("features.maxFeatures value", limits::MAX_FEATURES, |terms| {
            run(json!({ "features": { "maxFeatures": terms } }))
        }),
        number("features.hashingBits value", limits::HASHING_BITS, |bits| {
            run(json!({ "features": { "hashingBits": bits } }))
        }),
        number("search.folds value", limits::FOLDS, |folds| {
            run(json!({ "search": { "folds": folds } }))
        }),
        number("search.maxTrialCount value", limits::TRIALS, |count| {
            run(json!({ "search": { "maxTrialCount": count, "candidates": [{ "algorithm": "LinearSvm" }] } }))
        }),
        number("search.maxFailedTrialCount value", 0..=limits::FAILED_TRIALS, |count| {
            run(json!({ "search": { "maxFailedTrialCount": count } }))
        }),
        number(
            "search.ensemble.maxMembers value",
            limits::ENSEMBLE_MEMBERS,
            |members| run(json!({ "search": { "ensemble": { "maxMembers": members } } })),
        ),
        bounded(
            "search.candidates entries",
            *limits::CANDIDATES.start() as f64,
            *limits::CANDIDATES.end() as f64,
            true,
            |count| {
                run(json!({ "search": { "candidates": vec![json!({ "algorithm": "LinearSvm" }); count as usize] } }))
            },
        ),
        fraction("search.candidates[].grid.C[] value", limits::C, |c| {
            grid("LinearSvm", "C", json!([c]))
        }),
        fraction("search.candidates[].grid.alpha[] value", limits::ALPHA, |alpha| {
            grid("NbSvm", "alpha", json!([alpha]))
        }),
        entries(
            "search.candidates[].grid.C entries",
            *limits::GRID_VALUES.end(),
            json!(1),
            |values| grid("LinearSvm", "C", values),
        ),
        entries(
            "search.candidates[].grid.alpha entries",
            *limits::GRID_VALUES.end(),
            json!(1),
            |values| grid("NbSvm", "alpha", values),
        ),
        entries(
            "search.candidates[].grid.classWeight entries",
            limits::BOTH,
            json!("None"),
            |values| grid("LinearSvm", "classWeight", values),
        ),
        entries(
            "search.candidates[].grid.loss entries",
            limits::BOTH,
            json!("Hinge"),
            |values| grid("LinearSvm", "loss", values),
        ),
        entries(
            "search.pipelineGrid.normalizer entries",
            limits::NORMALIZERS,
            json!("Stem"),
            |values| vary("normalizer", values),
        ),
        entries(
            "search.pipelineGrid.removeStopWords entries",
            limits::BOTH,
            json!(true),
            |values| vary("removeStopWords", values),
        ),
        entries(
            "search.pipelineGrid.sublinearTf entries",
            limits::BOTH,
            json!(true),
            |values| vary("sublinearTf", values),
        ),
        entries(
            "search.pipelineGrid.wordNgrams entries",
            limits::GRID_NGRAMS,
            json!([1, 1]),
            |values| vary("wordNgrams", values),
        ),
        bounded("search.pipelineGrid.wordNgrams[] entries", 2.0, 2.0, true, |count| {
            vary("wordNgrams", json!([vec![1; count as usize]]))
        }),
        number(
            "search.pipelineGrid.wordNgrams[][] value",
            limits::WORD_NGRAMS,
            move |length| vary("wordNgrams", json!([pair(length)])),
        ),
        entries(
            "search.pipelineGrid.charNgrams entries",
            limits::GRID_NGRAMS,
            json!([1, 1]),
            |values| vary("charNgrams", values),
        ),
        bounded("search.pipelineGrid.charNgrams[] entries", 2.0, 2.0, true, |count| {
            vary("charNgrams", json!([vec![1; count as usize]]))
        }),
        number(
            "search.pipelineGrid.charNgrams[][] value",
            limits::CHAR_NGRAMS,
            move |length| vary("charNgrams", json!([pair(length)])),
        ),
        fraction("evaluation.testFraction value", limits::TEST_FRACTION, |share| {
            evaluation("testFraction", &share)
        }),
        number("evaluation.seed value", 0..=limits::SEED, |seed| {
            evaluation("seed", &seed)
        }),
    ]
}

/// Everything with a bound in the sections that reach the trainer, as [`Bounded::what`] names it.
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
                // Where the bytes are is an argument of the trainer.
                properties.remove("source");
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
            // No text and no list has less than nothing.
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

/// Rules about several fields: what the trainer would refuse whatever the data is refused at admission, with the fix.
#[tokio::test]
async fn schema_and_trainer_have_the_same_rules() {
    let (_sandbox, client) = served().await;
    let words = json!([[1, 1], [1, 2], [1, 3], [1, 4], [1, 5], [2, 2], [2, 3], [2, 4]]);
    let pipelines = |characters: Value| {
        run(json!({ "search": { "strategy": "Random",
            "pipelineGrid": { "removeStopWords": [true, false], "wordNgrams": words, "charNgrams": characters } } }))
    };
    let trials = |preset: &str, most: u32, more: Value| {
        let mut case = run(json!({ "preset": preset, "search": { "maxTrialCount": most } }));
        for (section, fields) in more.as_object().expect("an object") {
            for (field, value) in fields.as_object().expect("an object") {
                case.spec[section][field] = value.clone();
            }
        }
        case
    };
    let fields = |text: &str, labels: &[&str]| run(json!({ "dataset": { "textField": text, "labelFields": labels } }));
    let candidates = json!([
        { "algorithm": "LinearSvm", "grid": { "C": [1, 2, 3], "classWeight": ["None", "Balanced"] } },
        { "algorithm": "ComplementNaiveBayes" },
    ]);
    let cases: Vec<(Case, Option<&str>)> = vec![
        (fields("a", &["b", "c"]), None),
        (fields("a", &["b", "a"]), Some("name another field for the label")),
        (fields(" ", &["b"]), Some("textField")),
        (fields("a", &[" "]), Some("labelFields")),
        (
            run(json!({ "dataset": { "labelMap": { "a": " " } } })),
            Some("labelMap"),
        ),
        (run(json!({ "dataset": { "splitField": " " } })), Some("splitField")),
        (
            run(json!({ "features": { "wordNgrams": [2, 1] } })),
            Some("must not be the larger"),
        ),
        (
            run(json!({ "features": { "charNgrams": [5, 3] } })),
            Some("must not be the larger"),
        ),
        (
            vary("wordNgrams", json!([[1, 2], [2, 1]])),
            Some("must not be the larger"),
        ),
        (vary("charNgrams", json!([[], [3, 5]])), None),
        (vary("charNgrams", json!([[5, 3]])), Some("must not be the larger")),
        (vary("charNgrams", json!([[3]])), Some("[shortest, longest]")),
        (pipelines(json!([[], [3, 3], [3, 4], [3, 5]])), None),
        (
            pipelines(json!([[], [3, 3], [3, 4], [3, 5], [4, 5]])),
            Some("more than 64 text pipelines"),
        ),
        (
            run(
                json!({ "features": { "hashingBits": 18 }, "search": { "pipelineGrid": { "sublinearTf": [true, false] } } }),
            ),
            None,
        ),
        (
            run(json!({ "features": { "hashingBits": 18 }, "search": { "pipelineGrid": { "normalizer": ["Stem"] } } })),
            Some("can vary sublinearTf only"),
        ),
        (trials("Reference", 6, json!({})), None),
        (trials("Reference", 5, json!({})), Some("set search.strategy to Random")),
        (trials("Standard", 6, json!({})), None),
        (trials("Standard", 5, json!({})), Some("set search.strategy to Random")),
        (
            trials("Standard", 5, json!({ "search": { "strategy": "Random" } })),
            None,
        ),
        (trials("Thorough", 34, json!({})), None),
        (trials("Thorough", 33, json!({})), Some("set search.strategy to Random")),
        (
            trials("Thorough", 17, json!({ "preprocessing": { "removeStopWords": true } })),
            None,
        ),
        (
            trials("Thorough", 16, json!({ "preprocessing": { "removeStopWords": true } })),
            Some("set search.strategy to Random"),
        ),
        (
            trials("Thorough", 17, json!({ "features": { "hashingBits": 18 } })),
            None,
        ),
        (
            trials("Standard", 7, json!({ "search": { "candidates": candidates } })),
            None,
        ),
        (
            trials("Standard", 6, json!({ "search": { "candidates": candidates } })),
            Some("set search.strategy to Random"),
        ),
        (
            trials(
                "Standard",
                13,
                json!({ "search": { "candidates": candidates, "pipelineGrid": { "sublinearTf": [true, false] } } }),
            ),
            Some("set search.strategy to Random"),
        ),
        (vary("wordNgrams", words.clone()), None),
        (
            run(
                json!({ "search": { "pipelineGrid": { "wordNgrams": words, "normalizer": ["Lemma", "Stem", "None"] } } }),
            ),
            Some("100 where it is left out"),
        ),
        (grid("LinearSvm", "alpha", json!([1])), Some("alpha is a parameter of")),
        (grid("ComplementNaiveBayes", "C", json!([1])), Some("set grid.alpha")),
        (
            grid("NbSvm", "loss", json!(["Hinge"])),
            Some("loss is a parameter of LinearSvm only"),
        ),
        (
            grid("Ensemble", "C", json!([1])),
            Some("Ensemble is made of other algorithms"),
        ),
    ];
    for (case, told) in cases {
        let (schema, trainer) = (case.refused_by_schema(&client).await, case.refused_by_trainer());
        match told {
            None => assert_eq!((&schema, &trainer), (&None, &None), "{}", case.spec),
            Some(told) => {
                assert!(trainer.is_some(), "the trainer accepts {}", case.spec);
                assert!(
                    schema.as_ref().is_some_and(|message| message.contains(told)),
                    "{}: {schema:?}",
                    case.spec
                );
            }
        }
    }
}
