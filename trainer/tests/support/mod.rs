//! A small data set in several formats, and the real binary.
#![allow(dead_code)] // every test program uses a part of it

pub mod corrections;
pub mod labelled;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor};
use serde_json::{Value, json};

/// The program under test.
pub fn trainer() -> Command {
    Command::new(env!("CARGO_BIN_EXE_complaint-trainer"))
}

/// One labelled text.
pub type Row = (String, &'static str);

/// 240 texts in three classes that share words, so a model is neither perfect nor useless.
pub fn rows() -> Vec<Row> {
    let own = [
        (
            "Card",
            [
                "card", "charged", "twice", "merchant", "refund", "limit", "stolen", "pin",
            ],
        ),
        (
            "Loan",
            [
                "loan",
                "rate",
                "mortgage",
                "interest",
                "payoff",
                "lender",
                "instalment",
                "late",
            ],
        ),
        (
            "Account",
            [
                "account",
                "branch",
                "closed",
                "overdraft",
                "deposit",
                "transfer",
                "teller",
                "statement",
            ],
        ),
    ];
    let common = [
        "bank", "money", "called", "waited", "service", "letter", "month", "asked", "refused", "fee", "payment", "paid",
    ];
    let mut draw = draws(1);
    (0..240)
        .map(|number| {
            let class = number % 3;
            let words: Vec<&str> = (0..14)
                .map(|_| match draw(10) {
                    0..=2 => own[class].1[draw(8)],
                    3 => own[draw(3)].1[draw(8)],
                    _ => common[draw(12)],
                })
                .collect();
            (format!("{}, case \"{number}\"", words.join(" ")), own[class].0)
        })
        .collect()
}

/// Numbers below a bound, the same ones each time.
pub fn draws(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |bound| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    }
}

/// RFC 4180.
pub fn csv(rows: &[Row]) -> String {
    let mut text = String::from("id,narrative,product\n");
    for (number, (narrative, product)) in rows.iter().enumerate() {
        text.push_str(&format!("{number},\"{}\",{product}\n", narrative.replace('"', "\"\"")));
    }
    text
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Asserts that the model answers texts of two classes correctly, with valid probabilities.
pub fn assert_answers(model: &[u8]) {
    let predictor = Predictor::new(Artifact::from_bytes(model).unwrap());
    let mut scratch = Scratch::default();
    for (text, label) in [
        ("My card was charged twice by the merchant", "Card"),
        ("The lender raised the interest rate on my mortgage", "Loan"),
    ] {
        let answer = predictor.predict(text, &mut scratch);
        assert_eq!(predictor.labels()[answer.class], label);
        assert!((answer.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

/// A directory with configuration, store and termination log.
pub struct Job {
    pub directory: tempfile::TempDir,
    pub config: Value,
}

/// Variables with these prefixes hold credentials for an object store.
const CREDENTIALS: [&str; 6] = ["AWS_", "AZURE_", "GOOGLE_", "HOLDOUT_", "STORE_", "VECTORS_"];

/// How a run ended.
pub struct Ended {
    pub code: i32,
    pub message: Value,
    pub stdout: String,
    pub stderr: String,
}

impl Job {
    pub fn new() -> Self {
        let config = json!({
            "name": "cards-1", "namespace": "default", "classifier": "cards", "specHash": "ab".repeat(32),
            "dataset": { "format": "Csv", "textField": "narrative", "labelFields": ["product"], "minSamplesPerClass": 5, "labelMap": {} },
            "evaluation": { "testFraction": 0.25, "seed": 42, "metric": "macroF1" },
            "preprocessing": { "expandContractions": true, "removeStopWords": true, "normalizer": "Lemma", "minTokenLength": 2, "redactionPattern": "x{2,}" },
            "features": { "wordNgrams": [1, 2], "minDocumentFrequency": 2, "maxDocumentFraction": 1.0, "maxFeatures": 100000, "sublinearTf": true },
            "search": {
                "folds": 4, "scoring": "macroF1", "maxTrialCount": 100, "maxFailedTrialCount": 3,
                "candidates": [
                    { "algorithm": "LogisticRegression", "grid": { "C": [1, 10] } },
                    { "algorithm": "LinearSvm", "grid": { "C": [0.1, 1], "classWeight": ["Balanced"] } },
                    { "algorithm": "ComplementNaiveBayes", "grid": { "alpha": [0.5] } }
                ]
            }
        });
        Self {
            directory: tempfile::tempdir().unwrap(),
            config,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Runs the job on a data set with further arguments.
    pub fn run_with(&self, dataset: &Path, arguments: &[&str], threads: &str) -> Ended {
        self.run_as(dataset, &self.store(), arguments, &[("RAYON_NUM_THREADS", threads)])
    }

    /// Runs the job on a data set with these environment variables, without anyone's credentials.
    #[allow(dead_code)] // only objects need credentials
    pub fn run_in(&self, dataset: &Path, variables: &[(&str, &str)]) -> Ended {
        self.run_as(dataset, &self.store(), &[], variables)
    }

    fn store(&self) -> String {
        self.path("store").display().to_string()
    }

    /// A file of its own for each Job, as each pod has: Jobs run at the same time.
    fn termination_log(&self) -> PathBuf {
        static JOBS: AtomicUsize = AtomicUsize::new(0);
        self.path(&format!("termination-log-{}", JOBS.fetch_add(1, Ordering::Relaxed)))
    }

    /// Runs the job with any store, such as `s3://bucket`.
    pub fn run_as(&self, dataset: &Path, store: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let inherited = std::env::vars()
            .map(|(name, _)| name)
            .filter(|name| CREDENTIALS.iter().any(|provider| name.starts_with(provider)));
        let mut command = trainer();
        inherited.for_each(|name| {
            command.env_remove(name);
        });
        let config = self.file("run.json", self.config.to_string());
        let log = self.termination_log();
        let output: Output = command
            .arg("run")
            .arg("--config")
            .arg(config)
            .arg("--dataset")
            .arg(dataset)
            .arg("--store")
            .arg(store)
            .arg("--termination-log")
            .arg(&log)
            .args(arguments)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let message = std::fs::read(&log).unwrap_or_default();
        assert!(message.len() <= 4000, "{} bytes", message.len());
        Ended {
            code: output.status.code().unwrap(),
            message: serde_json::from_slice(&message).unwrap_or(Value::Null),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a short Job. Its result must be on standard output too.
    pub fn short(&self, arguments: &[&str]) -> Ended {
        self.short_in(arguments, &[])
    }

    /// Runs a short Job with these environment variables.
    pub fn short_in(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let log = self.termination_log();
        let output = trainer()
            .args(arguments)
            .arg("--termination-log")
            .arg(&log)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let message = std::fs::read(&log).unwrap_or_default();
        assert!(message.len() <= 4000, "{} bytes", message.len());
        let ended = Ended {
            code: output.status.code().unwrap(),
            message: serde_json::from_slice(&message).unwrap_or(Value::Null),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        if ended.code == 0 {
            assert_eq!(ended.stdout.trim_end(), String::from_utf8(message).unwrap());
        }
        ended
    }

    pub fn run(&self, dataset: &Path) -> Ended {
        self.run_with(dataset, &[], "2")
    }
}

impl Ended {
    /// Asserts a failure's exit code, reason and parts of its message.
    pub fn fails(&self, code: i32, reason: &str, parts: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert_eq!(self.message["error"]["reason"], reason, "{}", self.stderr);
        let message = self.message["error"]["message"].as_str().unwrap();
        for part in parts {
            assert!(message.contains(part), "`{part}` is missing in: {message}");
        }
        assert!(
            self.stderr.contains(message),
            "the log must say the same: {}",
            self.stderr
        );
    }
}
