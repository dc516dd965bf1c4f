//! Every bound of a run's fields.

use complaint_contract::limits;
use serde_json::{Value, json};

use crate::case::{Case, evaluation, grid, run, vary};

/// One bounded property of a field: its value, its length or its number of entries.
pub struct Bounded {
    /// Path and keyword, such as `dataset.labelFields[] length`.
    pub what: &'static str,
    pub least: Option<f64>,
    pub most: f64,
    /// Whether only integers are possible.
    pub whole: bool,
    pub case: Box<dyn Fn(f64) -> Case>,
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

/// The bounds of an integer.
fn number<T: Copy + TryInto<u32>>(
    what: &'static str,
    accepted: std::ops::RangeInclusive<T>,
    case: impl Fn(Value) -> Case + 'static,
) -> Bounded {
    let bound = |bound: T| f64::from(bound.try_into().unwrap_or(u32::MAX));
    let (least, most) = (bound(*accepted.start()), bound(*accepted.end()));
    bounded(what, least, most, true, move |value| case(json!(value as i64)))
}

/// The bounds of a fraction.
fn fraction(
    what: &'static str,
    accepted: std::ops::RangeInclusive<f64>,
    case: impl Fn(Value) -> Case + 'static,
) -> Bounded {
    let (least, most) = (*accepted.start(), *accepted.end());
    bounded(what, least, most, false, move |value| case(json!(value)))
}

/// The bounds of a text's length, tested with two-byte characters.
fn text(what: &'static str, least: Option<f64>, most: usize, case: impl Fn(Value) -> Case + 'static) -> Bounded {
    bounded(what, least, most as f64, true, move |length| {
        case(json!("\u{e4}".repeat(length as usize)))
    })
}

/// The largest number of entries. The trainer treats an empty list as absent, so there is no lower bound.
fn entries(what: &'static str, most: usize, entry: Value, case: impl Fn(Value) -> Case + 'static) -> Bounded {
    bounded(what, None, most as f64, true, move |count| {
        case(json!(vec![entry.clone(); count as usize]))
    })
}

pub fn every_bound() -> Vec<Bounded> {
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
        text("dataset.timeField length", Some(1.0), limits::FIELD, |name| {
            run(json!({ "dataset": { "timeField": name } }))
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
        text("dataset.labelLevels[] length", Some(1.0), limits::FIELD, |name| {
            run(json!({ "dataset": { "labelLevels": ["product", name] } }))
        }),
        bounded(
            "dataset.labelLevels entries",
            *limits::LABEL_LEVELS.start() as f64,
            *limits::LABEL_LEVELS.end() as f64,
            true,
            move |count| run(json!({ "dataset": { "labelLevels": names(count) } })),
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
        number(
            "features.wordVectors.maxWords value",
            limits::WORD_VECTOR_WORDS,
            |words| {
                let source = json!({ "uri": "https://example.org/v.txt", "sha256": "ab".repeat(32) });
                run(json!({ "features": { "wordVectors": { "source": source, "maxWords": words } } }))
            },
        ),
        text(
            "features.wordVectors.license length",
            None,
            limits::LICENSE,
            |license| {
                let source = json!({ "uri": "https://example.org/v.txt", "sha256": "ab".repeat(32) });
                run(json!({ "features": { "wordVectors": { "source": source, "license": license } } }))
            },
        ),
        number("search.folds value", limits::FOLDS, |folds| {
            run(json!({ "search": { "folds": folds } }))
        }),
        number("search.repeats value", limits::REPEATS, |repeats| {
            run(json!({ "search": { "repeats": repeats } }))
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
