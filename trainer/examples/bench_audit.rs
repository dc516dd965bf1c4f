//! How many wrong labels the audit finds: `cargo run --release --example bench_audit -p complaint-trainer -- DATA.csv.gz [TEXT LABEL]`,
//! a file with the columns `text` and `label`, or others.
//!
//! Audits the data set as it is, then with a tenth of its labels replaced by another one, drawn uniformly, with three seeds. Prints the share
//! of the replaced labels that are among as many suspects.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use complaint_contract::{DatasetFormat, DatasetSettings, Reach};
use complaint_report::LabelAudit;
use complaint_trainer::config::{RunConfig, format_of_name};
use complaint_trainer::dataset::{self, Location, Purpose, Source};
use complaint_trainer::progress::Progress;
use complaint_trainer::rng::Rng;
use complaint_trainer::training::{Inputs, audit_labels};
use serde_json::json;

type Rows = Vec<(String, String)>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, [text, label]) = match &arguments[..] {
        [path] => (path, ["text", "label"]),
        [path, text, label] => (path, [text.as_str(), label.as_str()]),
        _ => panic!("pass the path of a data set, and its columns if they are not text and label"),
    };
    let rows = read(path, text, label);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("data.csv");
    let clean = audit(&file, &rows);
    println!("as it is: {}", told(&clean));
    for seed in 1..=3 {
        let (rows, flipped) = flip(rows.clone(), seed);
        let audit = audit(&file, &rows);
        let numbers: Vec<u64> = audit.suspected_rows.iter().filter_map(|suspect| suspect.row).collect();
        let share = |among: usize| {
            let found = numbers.iter().take(among).filter(|row| flipped.contains(row)).count();
            100.0 * found as f64 / among.max(1) as f64
        };
        println!(
            "seed {seed}: {:.1} % of {} replaced labels among as many suspects, {:.1} % right among half as many, {:.1} % among all; {}",
            share(flipped.len()),
            flipped.len(),
            share(flipped.len() / 2),
            share(numbers.len()),
            told(&audit)
        );
    }
}

fn told(audit: &LabelAudit) -> String {
    let pairs = audit.look_alikes.len();
    format!(
        "noise {:.2} % ± {:.2} %, {} suspects of {} rows, {pairs} look-alikes",
        100.0 * audit.noise,
        100.0 * audit.standard_error,
        audit.suspects,
        audit.rows
    )
}

/// The rows that a training uses, so that copies and rare labels are out of the way.
fn read(path: &str, text: &str, label: &str) -> Rows {
    let config = DatasetSettings {
        format: format_of_name(path),
        text_field: text.into(),
        label_fields: vec![label.into()],
        label_levels: Vec::new(),
        split_field: None,
        time_field: None,
        min_samples_per_class: 20,
        label_map: Default::default(),
        filter: Default::default(),
        sha256: None,
    };
    let location = Location::parse(path);
    let source =
        Source::open(&location, None, Purpose::DataSet, Reach::Anywhere, |_, _| ()).expect("the file can be read");
    let dataset = dataset::load(&config, &source, Default::default(), |_| ()).expect("the rows can be read");
    let rows = dataset.rows.iter();
    rows.map(|row| (dataset.text(row).to_owned(), dataset.labels[row.label as usize].clone()))
        .collect()
}

/// Replaces the labels of a tenth of the rows. Also returns the numbers of these rows.
fn flip(mut rows: Rows, seed: u64) -> (Rows, BTreeSet<u64>) {
    let labels: BTreeSet<String> = rows.iter().map(|row| row.1.clone()).collect();
    let labels: Vec<String> = labels.into_iter().collect();
    let mut rng = Rng::new(seed, 0);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    rng.shuffle(&mut order);
    order.truncate(rows.len() / 10);
    for &row in &order {
        let place = labels.binary_search(&rows[row].1).expect("a label of the rows");
        rows[row].1 = labels[(place + 1 + rng.below(labels.len() - 1)) % labels.len()].clone();
    }
    (rows, order.into_iter().map(|row| row as u64 + 1).collect())
}

fn audit(file: &Path, rows: &Rows) -> LabelAudit {
    let mut writer = csv::Writer::from_path(file).expect("the file can be written");
    writer.write_record(["text", "label"]).expect("the file can be written");
    for (text, label) in rows {
        writer.write_record([text, label]).expect("the file can be written");
    }
    drop(writer);
    let config = json!({
        "name": "bench", "namespace": "default", "classifier": "bench", "specHash": "", "preset": "Standard",
        "dataset": {
            "format": DatasetFormat::Csv, "textField": "text", "labelFields": ["label"], "minSamplesPerClass": 2, "labelMap": {},
        },
        "evaluation": { "testFraction": 0.2, "seed": 42, "metric": "macroF1" },
    });
    let config = RunConfig::parse(config.to_string().as_bytes()).expect("a valid configuration");
    let start = Instant::now();
    let audited = audit_labels(
        &Inputs {
            word_vectors: None,
            config: &config,
            location: &Location::parse(&file.to_string_lossy()),
            holdout: None,
            champion: None,
            corrections: None,
            known: None,
            reach: Reach::Anywhere,
            include_texts: false,
        },
        &Progress::silent(),
    );
    let audit = audited.expect("the rows can be audited").audit;
    eprintln!("{:.1} s", start.elapsed().as_secs_f64());
    audit
}
