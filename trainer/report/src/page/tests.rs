use serde_json::{Value, json};

use super::*;
use crate::labels::{ClassNoise, ConfusedLabels, LabelAudit, LookAlikes, SuspectedRow};
use crate::profile::{
    LanguageShare, LengthBin, NearTwins, Profile, Quantiles, RowExample, Suspicion, SuspicionReason, VocabularyPoint,
};
use crate::quality::{Intervals, Mistake};

/// A report with these classes. Each class is sometimes predicted as the next one.
pub(crate) fn report(labels: &[String]) -> Report {
    let each = |value: &dyn Fn(usize, &String) -> Value| -> Vec<Value> {
        labels
            .iter()
            .enumerate()
            .map(|(index, label)| value(index, label))
            .collect()
    };
    let matrix: Vec<Vec<usize>> = (0..labels.len())
        .map(|actual| {
            let mut row = vec![0; labels.len()];
            row[actual] = 20;
            row[(actual + 1) % labels.len()] = 1 + actual;
            row
        })
        .collect();
    let trial = |c: f64, mean: f64| {
        json!({
            "algorithm": "LinearSvm", "parameters": { "C": c }, "status": "Succeeded",
            "crossValidation": { "mean": mean, "standardDeviation": 0.01 }, "foldScores": [mean - 0.01, mean + 0.01],
        })
    };
    let bins = json!([{ "lower": 0.4, "upper": 0.5, "rows": 10, "meanProbability": 0.45, "accuracy": 0.5 }]);
    let digest = "ab".repeat(32);
    let mut value = json!({
        "name": "cards-1", "artifactSha256": digest, "algorithm": "LinearSvm", "parameters": { "C": 1.0 },
        "metrics": { "macroF1": 0.8, "weightedF1": 0.81, "accuracy": 0.82, "logLoss": 0.6 },
        "perClass": each(&|index, label| json!({ "label": label, "precision": 0.9, "recall": 0.7, "f1": 0.5 + 0.001 * index as f64, "support": 21 })),
        "confusionMatrix": { "labels": labels, "rows": matrix },
        "calibration": { "errorBefore": 0.1, "errorAfter": 0.02, "temperature": 1.1, "monotoneMap": true, "bins": bins, "binsBefore": bins },
        "weakestClasses": [{ "label": labels[0], "recall": 0.7, "support": 21 }],
        "dataset": {
            "rows": 1000, "trainRows": 800, "testRows": 200, "duplicates": 3, "classes": labels.len(), "sha256": digest,
            "droppedLabels": [{ "label": "<b>rare</b>", "rows": 2 }],
            "classBalance": each(&|index, label| json!({ "label": label, "trainRows": 80 + index, "testRows": 20 })),
        },
        "months": [{ "month": "2026-02", "rows": 120, "accuracy": 0.9 }, { "month": "2026-03", "rows": 80, "accuracy": 0.7 }],
        "split": "v1", "preprocessing": {}, "features": {}, "termCount": 12_345, "scoring": "macroF1", "folds": 2,
        "trials": [
            trial(0.1, 0.7), trial(1.0, 0.8),
            { "algorithm": "LogisticRegression", "parameters": { "C": 9.0 }, "status": "EarlyStopped", "foldScores": [0.6],
              "message": "stopped after 1 of 2 folds: <b>behind</b>" },
            { "algorithm": "LogisticRegression", "parameters": { "C": 1.0 }, "status": "Failed", "message": "<i>diverged</i>" },
        ],
        "ensemble": [{ "algorithm": "NbSvm", "parameters": { "C": 0.5 }, "weight": 0.625, "temperature": 1.0 }],
        "currentOptimalTrial": { "algorithm": "LinearSvm", "parameters": { "C": 1.0 }, "crossValidation": { "mean": 0.8, "standardDeviation": 0.01 } },
        "topTerms": each(&|_, label| json!({ "label": label, "terms": [{ "term": "<term>", "weight": 2.0 }] })),
        "trainerVersion": "0.1.0",
    });
    value["levels"] = json!({
        "names": ["product", "issue"], "partialTrainRows": 30, "partialTestRows": 1,
        "coarser": [{
            "level": "product", "rows": 201, "metrics": value["metrics"], "perClass": value["perClass"],
            "confidenceIntervals": { "macroF1": [0.78, 0.83], "weightedF1": [0.79, 0.83], "accuracy": [0.8, 0.84], "logLoss": [0.5, 0.7] },
            "confusionMatrix": value["confusionMatrix"], "calibrationError": 0.0123, "wrongInside": 30, "wrongAcross": 10,
            "model": {
                "algorithm": "LinearSvm", "parameters": { "C": 0.3 }, "temperature": 1.0, "monotoneMap": false,
                "crossValidation": { "mean": 0.9, "standardDeviation": 0.01 }, "trials": [],
            },
        }],
    });
    let confidence_intervals = Intervals {
        macro_f1: [0.78, 0.83],
        weighted_f1: [0.79, 0.83],
        accuracy: [0.8, 0.84],
        log_loss: [0.5, 0.7],
    };
    let mistakes = vec![Mistake {
        row: 1234,
        actual: labels[0].clone(),
        predicted: labels[1].clone(),
        probability: 0.99,
        text: Some("my <script>alert(1)</script> text".into()),
    }];
    let profile = Profile {
        records: complaint_contract::RecordCounts {
            records: 1003,
            ..complaint_contract::RecordCounts::default()
        },
        languages: [("pt", "Portuguese", 940, 0.94), ("und", "not clear", 60, 0.06)]
            .map(|(language, name, rows, share)| LanguageShare {
                language: language.into(),
                name: name.into(),
                rows,
                share,
            })
            .to_vec(),
        words: Quantiles::of(vec![3, 10, 20, 30]),
        length_histogram: vec![LengthBin {
            from: 0,
            to: None,
            rows: 1000,
        }],
        vocabulary_growth: vec![VocabularyPoint {
            rows: 1000,
            words: 4321,
        }],
        near_twin_groups: 1,
        near_twin_rows: 2,
        largest_near_twin_groups: vec![NearTwins {
            rows: 2,
            labels: 2,
            examples: vec![5, 6],
        }],
        duplicate_examples: Vec::new(),
        contradiction_examples: Vec::new(),
        suspicious_rows: vec![Suspicion {
            reason: SuspicionReason::FewWords,
            rows: 1,
            examples: vec![RowExample { row: 77, text: None }],
        }],
        largest_share_difference: 1.5,
    };
    value["labelAudit"] = json!(audit(labels));
    value["confidenceIntervals"] = json!(confidence_intervals);
    value["mistakes"] = json!(mistakes);
    value["profile"] = json!(profile);
    value["specHash"] = json!("");
    serde_json::from_value(value).unwrap()
}

fn audit(labels: &[String]) -> LabelAudit {
    LabelAudit {
        rows: 800,
        noise: 0.052,
        standard_error: 0.011,
        suspects: 42,
        classes: labels
            .iter()
            .map(|label| ClassNoise {
                label: label.clone(),
                rows: 80,
                noise: 0.06,
                suspects: 4,
            })
            .collect(),
        confused: vec![ConfusedLabels {
            given: labels[0].clone(),
            suspected: labels[1].clone(),
            rows: 31,
            share: 0.387,
        }],
        look_alikes: vec![LookAlikes {
            labels: [labels[0].clone(), labels[1].clone()],
            shares: [0.387, 0.412],
            separation: 0.567,
        }],
        suspected_rows: vec![
            SuspectedRow {
                row: Some(4321),
                given: labels[0].clone(),
                suspected: labels[1].clone(),
                confidence: 0.987,
                margin: 0.985,
                text: Some("a <script>alert(2)</script> text".into()),
            },
            SuspectedRow {
                row: None,
                given: labels[1].clone(),
                suspected: labels[0].clone(),
                confidence: 0.9,
                margin: 0.8,
                text: None,
            },
        ],
    }
}

fn labels(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("Class {number:03}")).collect()
}

#[test]
fn every_section_is_there_with_its_figures() {
    let page = page(&report(&labels(3)));
    for section in [
        "trials",
        "classes",
        "confusion",
        "calibration",
        "terms",
        "mistakes",
        "labels",
        "data",
    ] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
        assert!(page.contains(&format!("href=\"#{section}\"")), "{section}");
    }
    for figure in [
        "0.800",
        "0.780 to 0.830",
        "12,345 terms",
        "62.5 %",
        "0.0200",
        "1,003",
        "4,321",
        "1,234",
        ">77<",
        "diverged",
        "5.2 %",
        "42 suspected rows of 800",
        "4,321",
        "a correction",
        "41.2 %",
        "0.57",
    ] {
        assert!(page.contains(figure), "{figure}");
    }
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(place("0.8000") < place("0.7000"), "the better trial comes first");
    assert!(place("0.7000") < place("failed: "), "a failed trial comes last");
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_runs_nothing() {
    let page = page(&report(&labels(12)));
    for outside in [
        "http", "<script", "<link", "<img", "<iframe", "url(", "@import", " onload", " onclick",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn labels_terms_and_texts_can_not_inject_markup() {
    let hostile = [
        "<script>alert('x')</script>".to_owned(),
        "\" onmouseover=\"alert(1)".to_owned(),
        "</style><b>&amp;".to_owned(),
    ];
    let mut report = report(&hostile);
    report.name = "</title><script>".into();
    let page = page(&report);
    for markup in [
        "<script",
        "\" onmouseover",
        "</style><b>",
        "<i>diverged",
        "<b>rare",
        "<term>",
    ] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.contains("&lt;script&gt;alert('x')&lt;/script&gt;"));
    assert!(page.contains("my &lt;script&gt;alert(1)&lt;/script&gt; text"));
    assert!(page.contains("a &lt;script&gt;alert(2)&lt;/script&gt; text"));
}

#[test]
fn tables_and_drawings_can_be_read_aloud() {
    let page = page(&report(&labels(8)));
    let count = |text: &str| page.matches(text).count();
    assert!(count("<table") >= 8);
    assert_eq!(count("<table"), count("<caption"));
    assert_eq!(count("<th "), count(" scope=\""), "every header has a scope");
    let drawings = count("<svg");
    let hidden = page.match_indices("<svg").filter(|(at, _)| {
        let tag = &page[*at..*at + page[*at..].find('>').unwrap()];
        tag.contains("aria-hidden")
    });
    assert_eq!(drawings, count("role=\"img\"") + hidden.count());
}

#[test]
fn forty_classes_are_a_heat_map_and_more_are_a_list() {
    let heat_map = |count: usize| page(&report(&labels(count))).contains("<table class=\"matrix");
    assert!(heat_map(2) && heat_map(40) && !heat_map(41));
    let page = page(&report(&labels(150)));
    assert!(page.contains("The 40 pairs of class and answer"));
    // Of the forty pairs, class 149 predicted as class 0 is the most frequent, and class 110 predicted as class 111 the
    // least.
    assert!(page.contains("<th scope=\"row\">Class 149</th><td class=\"left\">Class 000</td><td>150</td>"));
    assert!(page.contains("<td class=\"left\">Class 111</td>") && !page.contains("<td class=\"left\">Class 110</td>"));
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
}

#[test]
fn one_class_less_figures_are_no_reason_to_fail() {
    let mut report = report(&labels(2));
    report.mistakes.clear();
    report.top_terms.clear();
    report.calibration.bins.clear();
    report.confusion_matrix.rows = vec![vec![10, 0], vec![0, 10]];
    report.profile.length_histogram.clear();
    report.profile.vocabulary_growth.clear();
    let page = page(&report);
    assert!(!page.contains("id=\"terms\"") && !page.contains("href=\"#terms\""));
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn without_suspects_the_page_says_so() {
    let mut report = report(&labels(2));
    let audit = report.label_audit.as_mut().unwrap();
    (audit.suspects, audit.suspected_rows) = (0, Vec::new());
    (audit.look_alikes, audit.confused) = (Vec::new(), Vec::new());
    assert!(page(&report).contains("No row is suspected"));
    // A report of an earlier version has no audit.
    report.label_audit = None;
    assert!(!page(&report).contains("id=\"labels\""));
}

#[test]
fn numbers_are_grouped() {
    let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
    for (number, text) in cases {
        assert_eq!(thousands(number), text);
    }
}
