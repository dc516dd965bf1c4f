//! Metrics against scikit-learn's values on a committed case, and against smartcore's.

use complaint_trainer::metrics::{Confusion, row_log_loss};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    labels: Vec<u32>,
    metrics: Expected,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    predicted: Vec<u32>,
    probabilities: Vec<Vec<f64>>,
    accuracy: f64,
    #[serde(rename = "macroF1")]
    macro_f1: f64,
    #[serde(rename = "weightedF1")]
    weighted_f1: f64,
    log_loss: f64,
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    support: Vec<usize>,
}

fn close(ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() < 1e-6, "{ours}, scikit-learn {theirs}");
}

#[test]
fn metrics_are_scikit_learns_and_smartcores() {
    let reference: Reference = serde_json::from_str(include_str!("data/reference.json")).unwrap();
    let expected = &reference.metrics;
    let table = Confusion::of(
        3,
        reference.labels.iter().copied().zip(expected.predicted.iter().copied()),
    );
    close(table.accuracy(), expected.accuracy);
    close(table.macro_f1(), expected.macro_f1);
    close(table.weighted_f1(), expected.weighted_f1);
    let loss: f64 = reference
        .labels
        .iter()
        .zip(&expected.probabilities)
        .map(|(&label, row)| row_log_loss(row[label as usize]))
        .sum();
    close(loss / reference.labels.len() as f64, expected.log_loss);
    let labels: Vec<String> = (0..3).map(|class| class.to_string()).collect();
    for (class, ours) in table.per_class(&labels).iter().enumerate() {
        close(ours.precision, expected.precision[class]);
        close(ours.recall, expected.recall[class]);
        close(ours.f1, expected.f1[class]);
        assert_eq!(ours.support, expected.support[class]);
    }
    close(
        table.accuracy(),
        smartcore::metrics::accuracy(&reference.labels, &expected.predicted),
    );
    close(
        table.macro_f1(),
        smartcore::metrics::f1(&reference.labels, &expected.predicted, 1.0),
    );
}

#[test]
fn classes_that_nobody_has_do_not_count() {
    let table = Confusion::of(4, [(0, 0), (0, 0), (1, 1), (1, 0)]);
    close(table.macro_f1(), (0.8 + 2.0 / 3.0) / 2.0);
    close(table.accuracy(), 0.75);
    assert_eq!(Confusion::new(3).macro_f1(), 0.0);
}
