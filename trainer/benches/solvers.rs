//! Shows why the product has its own solver: smartcore's logistic regression on dense rows against ours on sparse ones,
//! on the same TF-IDF rows of the example's complaints, with the same objective (`C = 1 / alpha`).
//!
//! ```text
//! cargo bench -p complaint-trainer --bench solvers
//! ```
//!
//! Before the times it prints the objective that each solver reaches: a faster solver that stops earlier proves
//! nothing.

use std::error::Error;
use std::hint::black_box;

use complaint_contract::ClassWeight;
use complaint_model::sparse::CsrMatrix;
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TokenizedCorpus, Vectorizer};
use complaint_model::{Features, Preprocessing};
use complaint_trainer::config::Estimator;
use complaint_trainer::solve::estimator::fit;
use complaint_trainer::solve::logistic::objective;
use complaint_trainer::solve::{Coefficients, Effort, Problem};
use criterion::Criterion;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

const COMPLAINTS: &str = include_str!("../../examples/data/complaints.csv");
/// Inverse strength of the penalty.
const C: f64 = 1.0;
/// smartcore takes minutes for dense rows with more columns.
const TERMS: [usize; 3] = [100, 300, 1000];

struct Data {
    texts: Vec<String>,
    labels: Vec<u32>,
    classes: usize,
}

fn read() -> Result<Data, Box<dyn Error>> {
    let mut csv = csv::Reader::from_reader(COMPLAINTS.as_bytes());
    let rows: Vec<(String, String)> = csv
        .records()
        .map(|record| record.map(|record| (record[3].to_owned(), record[2].to_owned())))
        .collect::<Result<_, _>>()?;
    let mut names: Vec<&String> = rows.iter().map(|(_, label)| label).collect();
    names.sort();
    names.dedup();
    let labels = rows
        .iter()
        .map(|(_, label)| names.partition_point(|name| *name < label) as u32)
        .collect();
    let classes = names.len();
    Ok(Data {
        texts: rows.into_iter().map(|(text, _)| text).collect(),
        labels,
        classes,
    })
}

fn dense(rows: &CsrMatrix) -> Result<DenseMatrix<f64>, Box<dyn Error>> {
    let mut values = vec![vec![0.0; rows.cols]; rows.rows];
    for (row, out) in values.iter_mut().enumerate() {
        let (columns, found) = rows.row(row);
        columns
            .iter()
            .zip(found)
            .for_each(|(&column, &value)| out[column as usize] = f64::from(value));
    }
    Ok(DenseMatrix::from_2d_vec(&values)?)
}

type Dense = LogisticRegression<f64, u32, DenseMatrix<f64>, Vec<u32>>;

/// smartcore's coefficients in our order, feature-major.
fn coefficients(fitted: &Dense, terms: usize, classes: usize) -> Coefficients {
    let (weights, bias) = (fitted.coefficients(), fitted.intercept());
    Coefficients {
        weights: (0..terms * classes)
            .map(|at| *weights.get((at % classes, at / classes)) as f32)
            .collect(),
        bias: (0..classes).map(|class| *bias.get((class, 0)) as f32).collect(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Data { texts, labels, classes } = read()?;
    let corpus = TokenizedCorpus::build(&TextPipeline::new(&Preprocessing::default())?, &texts);
    let all: Vec<u32> = (0..texts.len() as u32).collect();
    let mut criterion = Criterion::default().configure_from_args();
    for max_features in TERMS {
        let features = Features {
            max_features,
            ..Features::default()
        };
        let (_, rows) = Vectorizer::fit_transform(&corpus, &all, &features);
        let dense_rows = dense(&rows)?;
        let problem = Problem {
            rows: &rows,
            dense: 0,
            labels: &labels,
            classes,
        };
        let estimator = Estimator::LogisticRegression {
            c: C,
            class_weight: ClassWeight::None,
        };
        let effort = Effort {
            tolerance: 1e-3,
            max_passes: 1000,
            seed: 1,
        };
        let theirs = LogisticRegressionParameters::default().with_alpha(1.0 / C);

        let (ours, smartcores) = (
            fit(problem, estimator, effort)?,
            Dense::fit(&dense_rows, &labels, theirs.clone())?,
        );
        let value = |at: &Coefficients| objective(&rows, &labels, &vec![C; classes], at);
        println!(
            "{} rows, {} terms, {classes} classes: objective {:.4} (ours), {:.4} (smartcore)",
            rows.rows,
            rows.cols,
            value(&ours),
            value(&coefficients(&smartcores, rows.cols, classes)),
        );

        let mut group = criterion.benchmark_group(format!("{} terms", rows.cols));
        group.sample_size(10);
        group.bench_function("sparse, ours", |bencher| {
            bencher.iter(|| fit(black_box(problem), estimator, effort));
        });
        group.bench_function("dense, smartcore", |bencher| {
            bencher.iter(|| Dense::fit(black_box(&dense_rows), &labels, theirs.clone()));
        });
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
