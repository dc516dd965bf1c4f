//! The schemas and the trainer have the same rules about several fields.

use complaint_contract::Language;
use serde_json::{Value, json};

use crate::{
    case::{Case, grid, run, vary},
    served,
};

/// Admission rejects what the trainer would reject for any data, with the fix.
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
    let levels = |text: &str, levels: &[&str]| run(json!({ "dataset": { "textField": text, "labelLevels": levels } }));
    let labels = |map: Value| run(json!({ "dataset": { "labelMap": map } }));
    let spaced = Some("begins or ends with a space");
    let renamed = Some("name the final label in each entry");
    let candidates = json!([
        { "algorithm": "LinearSvm", "grid": { "C": [1, 2, 3], "classWeight": ["None", "Balanced"] } },
        { "algorithm": "ComplementNaiveBayes" },
    ]);
    let mut cases: Vec<(Case, Option<&str>)> = vec![
        (fields("a", &["b", "c"]), None),
        (fields("a", &["b", "a"]), Some("name another field for the label")),
        (fields(" ", &["b"]), Some("textField")),
        (fields("a", &[" "]), Some("labelFields")),
        (levels("a", &["b", "c"]), None),
        (levels("a", &["b", "a"]), Some("name another field for the label")),
        (levels("a", &["b", " "]), Some("labelLevels")),
        (
            run(json!({ "dataset": { "labelFields": ["b"], "labelLevels": ["b", "c"] } })),
            Some("set exactly one of labelFields and labelLevels"),
        ),
        (
            run(
                json!({ "dataset": { "labelLevels": ["b", "c"] }, "features": { "wordVectors": {
                "source": { "uri": "https://example.org/v.txt", "sha256": "ab".repeat(32) } } } }),
            ),
            Some("is for categories without levels"),
        ),
        (labels(json!({ "a": " " })), Some("labelMap")),
        (labels(json!({ "a": "\u{a0}" })), Some("labelMap")),
        (labels(json!({ "a": "b", "c d": "e  f" })), None),
        (labels(json!({ " A": "B" })), spaced),
        (labels(json!({ "A\t": "B" })), spaced),
        (labels(json!({ "A": "B\u{3000}" })), spaced),
        (labels(json!({ "A": "\nB" })), spaced),
        (labels(json!({ "": "B" })), None),
        (labels(json!({ "A": "" })), Some("labelMap")),
        // What was two labels to the schema and one to the trainer.
        (labels(json!({ "A": " B", "B": "C" })), spaced),
        (labels(json!({ "A": "B", "B": "C" })), renamed),
        (labels(json!({ "A": "B", "B": "B" })), None),
        (run(json!({ "dataset": { "splitField": " " } })), Some("splitField")),
        (run(json!({ "dataset": { "timeField": " " } })), Some("timeField")),
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
        (word_vectors(json!({ "sha256": "ab".repeat(32) }), json!({})), None),
        (
            word_vectors(json!({ "sha256": "ab".repeat(32) }), json!({ "hashingBits": 18 })),
            Some("leave one of them out"),
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
    cases.extend(languages());
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

/// A run with word vectors from this source, and these features.
fn word_vectors(mut source: Value, mut features: Value) -> Case {
    source["uri"] = json!("https://example.org/vectors.txt.gz");
    features["wordVectors"] = json!({ "source": source });
    run(json!({ "features": features }))
}

/// What only a cluster asks of word vectors: one source, and its digest, so that equal specs make equal models.
#[tokio::test]
async fn word_vectors_have_one_source_and_its_digest() {
    let (_sandbox, client) = served().await;
    let digest = json!("ab".repeat(32));
    for (source, told) in [
        (json!({ "sha256": digest }), None),
        (json!({}), Some("set source.sha256")),
        (json!({ "sha256": "ab" }), Some("sha256")),
        (
            json!({ "sha256": digest, "configMap": { "name": "v", "key": "v.txt" } }),
            Some("exactly one of"),
        ),
    ] {
        let case = word_vectors(source, json!({}));
        let refused = case.refused_by_schema(&client).await;
        match told {
            None => assert_eq!(refused, None),
            Some(told) => assert!(
                refused.as_ref().is_some_and(|message| message.contains(told)),
                "{told}: {refused:?}"
            ),
        }
    }
}

/// Every language, and the steps that only English has.
fn languages() -> Vec<(Case, Option<&'static str>)> {
    let steps = |language: &str, mut steps: Value| {
        steps["language"] = json!(language);
        run(json!({ "preprocessing": steps }))
    };
    let english = Some("with another preprocessing.language use Stem or None");
    let mut cases = Vec::new();
    for code in Language::ALL.map(Language::code) {
        let told = english.filter(|_| code != "en");
        cases.extend([
            (steps(code, json!({})), None),
            (
                steps(code, json!({ "normalizer": "Stem", "expandContractions": false })),
                None,
            ),
            (steps(code, json!({ "normalizer": "Lemma" })), told),
            (steps(code, json!({ "expandContractions": true })), told),
        ]);
    }
    let varied = |language: &str, normalizers: Value| {
        let mut case = vary("normalizer", normalizers);
        case.spec["preprocessing"] = json!({ "language": language });
        case
    };
    cases.extend([
        (
            steps("Auto", json!({ "normalizer": "Lemma", "expandContractions": true })),
            None,
        ),
        (varied("Auto", json!(["Lemma", "Stem"])), None),
        (varied("pt", json!(["Stem", "None"])), None),
        (varied("pt", json!(["Stem", "Lemma"])), english),
    ]);
    cases.extend(["auto", "no", "zh", "PT", "pt-BR", ""].map(|code| (steps(code, json!({})), Some("language"))));
    cases
}
