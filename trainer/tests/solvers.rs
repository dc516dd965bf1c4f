//! Compares the solvers with scikit-learn's results on a committed case, and with smartcore's optimiser on the same
//! objective.

use complaint_contract::{ClassWeight, Loss};
use complaint_model::model::argmax;
use complaint_model::sparse::CsrMatrix;
use complaint_trainer::config::Estimator;
use complaint_trainer::solve::estimator::fit;
use complaint_trainer::solve::logistic::{LogisticPath, objective};
use complaint_trainer::solve::{Coefficients, Effort, Problem, class_weights};
use serde::Deserialize;
use smartcore::optimization::FunctionOrder;
use smartcore::optimization::first_order::FirstOrderOptimizer;
use smartcore::optimization::first_order::lbfgs::LBFGS;
use smartcore::optimization::line_search::Backtracking;

#[derive(Deserialize)]
struct Reference {
    rows: Vec<Vec<f32>>,
    labels: Vec<u32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    algorithm: String,
    #[serde(rename = "C")]
    c: Option<f64>,
    alpha: Option<f64>,
    #[serde(rename = "classWeight", default)]
    class_weight: ClassWeight,
    #[serde(default)]
    loss: Loss,
    #[serde(default)]
    binary: bool,
    coef: Vec<Vec<f64>>,
    intercept: Vec<f64>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("data/reference.json")).unwrap()
}

fn sparse<'r>(rows: impl IntoIterator<Item = &'r Vec<f32>>) -> CsrMatrix {
    let entries = |row: &'r Vec<f32>| {
        row.iter()
            .enumerate()
            .filter(|(_, value)| **value != 0.0)
            .map(|(column, value)| (column as u32, *value))
    };
    CsrMatrix::from_rows(12, rows.into_iter().map(entries))
}

const EXACT: Effort = Effort {
    tolerance: 1e-7,
    max_passes: 20_000,
    seed: 1,
};

fn estimator(case: &Case) -> Estimator {
    let (c, alpha) = (case.c.unwrap_or(f64::NAN), case.alpha.unwrap_or(f64::NAN));
    let class_weight = case.class_weight;
    match case.algorithm.as_str() {
        "LogisticRegression" => Estimator::LogisticRegression { c, class_weight },
        "LinearSvm" => Estimator::LinearSvm {
            c,
            class_weight,
            loss: case.loss,
        },
        "NbSvm" => Estimator::NbSvm { c, class_weight, alpha },
        "ComplementNaiveBayes" => Estimator::ComplementNaiveBayes { alpha },
        "MultinomialNaiveBayes" => Estimator::MultinomialNaiveBayes { alpha },
        other => panic!("no case for {other}"),
    }
}

/// scikit-learn's row for each class. For two classes it has one row, which is the second class against the first.
fn expected(case: &Case, class: usize, column: Option<usize>) -> f64 {
    let value = |row: usize| column.map_or(case.intercept[row], |column| case.coef[row][column]);
    match (case.coef.len(), case.algorithm.as_str()) {
        (1, "LogisticRegression") => value(0) * if class == 1 { 0.5 } else { -0.5 },
        (1, _) => value(0) * if class == 1 { 1.0 } else { -1.0 },
        _ => value(class),
    }
}

#[test]
fn coefficients_match_scikit_learn() {
    let reference = reference();
    let (all, all_labels) = (sparse(&reference.rows), &reference.labels);
    let two: Vec<usize> = (0..all_labels.len()).filter(|&row| all_labels[row] < 2).collect();
    let (binary, binary_labels) = (
        sparse(two.iter().map(|&row| &reference.rows[row])),
        two.iter().map(|&row| all_labels[row]).collect::<Vec<_>>(),
    );
    for case in &reference.cases {
        let (rows, labels, classes) = if case.binary {
            (&binary, &binary_labels, 2)
        } else {
            (&all, all_labels, 3)
        };
        let problem = Problem {
            rows,
            dense: 0,
            labels,
            classes,
        };
        let estimator = estimator(case);
        let found = fit(problem, estimator, EXACT).unwrap();
        // Intercepts of a softmax are determined up to a constant that all classes share.
        let mean = |values: &[f32]| {
            if case.algorithm == "LogisticRegression" {
                values.iter().sum::<f32>() / values.len() as f32
            } else {
                0.0
            }
        };
        let shift = mean(&found.bias);
        let scale = case
            .coef
            .iter()
            .flatten()
            .fold(1.0_f64, |largest, value| largest.max(value.abs()));
        for class in 0..classes {
            let name = format!("{estimator:?} binary={} class {class}", case.binary);
            for column in 0..12 {
                let (ours, theirs) = (
                    f64::from(found.weights[column * classes + class]),
                    expected(case, class, Some(column)),
                );
                assert!(
                    (ours - theirs).abs() <= 2e-3 * scale,
                    "{name} column {column}: {ours}, scikit-learn {theirs}"
                );
            }
            let (ours, theirs) = (f64::from(found.bias[class] - shift), expected(case, class, None));
            assert!(
                (ours - theirs).abs() <= 2e-3 * scale,
                "{name} intercept: {ours}, scikit-learn {theirs}"
            );
        }
    }
}

#[test]
fn what_was_fitted_predicts_the_rows_it_saw() {
    let reference = reference();
    let rows = sparse(&reference.rows);
    let problem = Problem {
        rows: &rows,
        dense: 0,
        labels: &reference.labels,
        classes: 3,
    };
    let estimator = Estimator::LinearSvm {
        c: 10.0,
        class_weight: ClassWeight::None,
        loss: Loss::SquaredHinge,
    };
    let scores = fit(problem, estimator, EXACT).unwrap().scores(&rows);
    let predicted: Vec<u32> = scores.chunks_exact(3).map(|scores| argmax(scores) as u32).collect();
    let accuracy = smartcore::metrics::accuracy(&reference.labels, &predicted);
    assert!(accuracy > 0.85, "{accuracy}");
}

/// Gradient of the objective by weights (feature-major), then intercepts.
fn gradient(rows: &CsrMatrix, labels: &[u32], costs: &[f64], at: &[f64], out: &mut [f64]) {
    let classes = costs.len();
    let (weights, bias) = at.split_at(rows.cols * classes);
    out[..weights.len()].copy_from_slice(weights);
    out[weights.len()..].fill(0.0);
    for (row, &label) in labels.iter().enumerate() {
        let (columns, values) = rows.row(row);
        let mut scores = bias.to_vec();
        for (&column, &value) in columns.iter().zip(values) {
            (0..classes)
                .for_each(|class| scores[class] += f64::from(value) * weights[column as usize * classes + class]);
        }
        let highest = scores.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
        for class in 0..classes {
            let pull = costs[label as usize]
                * ((scores[class] - highest).exp() / sum - f64::from(u8::from(class == label as usize)));
            for (&column, &value) in columns.iter().zip(values) {
                out[column as usize * classes + class] += pull * f64::from(value);
            }
            out[rows.cols * classes + class] += pull;
        }
    }
}

#[test]
fn dual_coordinates_and_smartcores_lbfgs_find_the_same_optimum() {
    let reference = reference();
    let (rows, labels) = (sparse(&reference.rows), &reference.labels);
    let split = |at: &[f64]| {
        let all: Vec<f32> = at.iter().map(|value| *value as f32).collect();
        Coefficients {
            weights: all[..36].to_vec(),
            bias: all[36..].to_vec(),
        }
    };
    for c in [0.1, 1.0, 10.0, 100.0] {
        let costs: Vec<f64> = class_weights(labels, 3, ClassWeight::Balanced)
            .iter()
            .map(|weight| weight * c)
            .collect();
        let value = |at: &Vec<f64>| objective(&rows, labels, &costs, &split(at));
        let slope = |out: &mut Vec<f64>, at: &Vec<f64>| gradient(&rows, labels, &costs, at, out);
        let search = Backtracking::<f64> {
            order: FunctionOrder::THIRD,
            ..Backtracking::default()
        };
        let optimum = LBFGS {
            max_iter: 2000,
            g_atol: 1e-3,
            ..LBFGS::default()
        }
        .optimize(&value, &slope, &vec![0.0; 39], &search)
        .f_x;
        let problem = Problem {
            rows: &rows,
            dense: 0,
            labels,
            classes: 3,
        };
        let ours = LogisticPath::new(problem, ClassWeight::Balanced, 1)
            .solve(c, EXACT)
            .unwrap();
        let ours = objective(&rows, labels, &costs, &ours);
        assert!(
            (ours - optimum).abs() <= 1e-4 * optimum,
            "C={c}: {ours}, L-BFGS {optimum}"
        );
    }
}

#[test]
fn a_warm_start_and_a_cold_start_find_the_same_solution() {
    let reference = reference();
    let (rows, labels) = (sparse(&reference.rows), &reference.labels);
    let problem = Problem {
        rows: &rows,
        dense: 0,
        labels,
        classes: 3,
    };
    let mut path = LogisticPath::new(problem, ClassWeight::None, 1);
    for c in [0.1, 1.0, 10.0] {
        let warm = path.solve(c, EXACT).unwrap();
        let cold = LogisticPath::new(problem, ClassWeight::None, 2)
            .solve(c, EXACT)
            .unwrap();
        let value = |coefficients: &Coefficients| objective(&rows, labels, &[c; 3], coefficients);
        assert!(
            (value(&warm) - value(&cold)).abs() <= 1e-4 * value(&cold),
            "C={c}: {} and {}",
            value(&warm),
            value(&cold)
        );
    }
}

/// Each step rounds. Over many rows with high costs, the rounding errors of the intercept added up to endless drift.
#[test]
fn the_intercept_settles_over_many_rows() {
    let classes = 4;
    let count = 200_000_u32;
    // Every 2,000th row has a class of its own, so its balanced weight is high.
    let labels: Vec<u32> = (0..count)
        .map(|row| if row % 2000 == 0 { 3 } else { row % 3 })
        .collect();
    let rows = CsrMatrix::from_rows(
        40,
        (0..count).map(|row| {
            let own = labels[row as usize] * 8 + row % 7;
            [(own, 0.8), (32 + row % 8, 0.6)]
        }),
    );
    let problem = Problem {
        rows: &rows,
        dense: 0,
        labels: &labels,
        classes,
    };
    let mut path = LogisticPath::new(problem, ClassWeight::Balanced, 1);
    let effort = Effort {
        tolerance: 5e-4,
        ..Effort::fit(1)
    };
    path.solve(10.0, effort).unwrap();
    assert!(path.passes() < 200, "{} passes", path.passes());
}
