//! `adapt`: moves a model's intercepts towards another mix of categories.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::{AdaptResult, AdaptedAccuracy, MAX_LOSS, Reach, is_shown, round4};
use complaint_drift::{Row, Rows, mix};
use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor, Sha256Digest};
use serde_json::Value;

use super::answer::model_and_digest;
use super::table::{
    Column::{Number, Words},
    table,
};
use crate::adapt::{adapt, adaptable, shares as shares_of, without_bias};
use crate::cli::OutputForm;
use crate::config::ConfigError;
use crate::dataset::{DatasetError, Location, Purpose, Source, Unpacked};
use crate::error::TrainError;
use crate::rng::Rng;
use crate::store::{MODEL, Store};

/// Fewest texts for an estimated mix.
const FEWEST_TEXTS: usize = 100;
/// Texts that the mix is estimated from, and their probabilities; of more, a uniform sample.
const MOST_TEXTS: usize = 20_000;
const MOST_PROBABILITIES: usize = 4_000_000;
/// Seed of the sample.
const SEED: u64 = 42;

/// `adapt`.
#[derive(Debug, Args)]
pub(crate) struct AdaptArgs {
    /// The model, trained or adapted before.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The mix: a JSON object with the share of every category, such as {"Cards": 0.7, "Loans": 0.3}.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "texts",
        conflicts_with = "texts"
    )]
    mix: Option<PathBuf>,
    /// Texts of today, from which the mix is estimated, one per line: as they are, as JSON strings, or as JSON objects with the text
    /// in `text`. A file or an http:// or https:// address; .gz, .zst and .zip are unpacked.
    #[arg(long, value_name = "PATH-OR-URL")]
    texts: Option<String>,
    /// Directory for the new model.safetensors.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How much of the accuracy on the held-out rows as they are may be lost.
    #[arg(long, value_name = "SHARE", default_value_t = MAX_LOSS)]
    max_loss: f64,
    /// Output format.
    #[arg(long, value_enum, default_value = "json", value_name = "FORM")]
    format: OutputForm,
}

/// Adapts, writes and prints.
pub(crate) fn execute(arguments: &AdaptArgs) -> ExitCode {
    super::answer(arguments.format, || run(arguments), show)
}

fn run(arguments: &AdaptArgs) -> Result<AdaptResult, TrainError> {
    if !(0.0..=1.0).contains(&arguments.max_loss) {
        return Err(invalid("--max-loss", "is no share", "Pass a number from 0 to 1").into());
    }
    let (artifact, sha256) = model_and_digest(&arguments.model)?;
    adaptable(&artifact)?;
    let (artifact, mix) = match (&arguments.mix, &arguments.texts) {
        (Some(path), _) => {
            let mix = read_mix(path, artifact.labels())?;
            (artifact, mix)
        }
        (None, Some(texts)) => {
            let predictor = Predictor::new(artifact);
            let mix = estimate_mix(&predictor, texts)?;
            (predictor.artifact().clone(), mix)
        }
        (None, None) => return Err(invalid("--mix", "is missing", "Pass --mix or --texts").into()),
    };
    write(arguments, &artifact, sha256, &mix)
}

fn write(
    arguments: &AdaptArgs,
    artifact: &Artifact,
    sha256: Sha256Digest,
    mix: &[f64],
) -> Result<AdaptResult, TrainError> {
    let adapted = adapt(artifact, sha256, mix, arguments.max_loss)?;
    Store::directory(&arguments.out).write_file(MODEL, adapted.bytes.into())?;
    let mut result = adapted.result;
    MODEL.clone_into(&mut result.artifact.path);
    Ok(result)
}

fn invalid(field: &str, problem: &str, fix: &str) -> ConfigError {
    ConfigError::Invalid {
        field: field.into(),
        problem: problem.into(),
        fix: fix.into(),
    }
}

/// Reads the shares of the classes `labels`.
fn read_mix(path: &std::path::Path, labels: &[String]) -> Result<Vec<f64>, ConfigError> {
    let fix = "Pass a JSON object with the share of every category of the model";
    let bytes = std::fs::read(path).map_err(|error| {
        invalid(
            "--mix",
            &format!("names {}, which can't be read: {error}", path.display()),
            fix,
        )
    })?;
    // The parser's message may quote the file.
    let mut shares: BTreeMap<String, f64> =
        serde_json::from_slice(&bytes).map_err(|_| invalid("--mix", "is no JSON object of numbers", fix))?;
    let mut mix = Vec::with_capacity(labels.len());
    for (label, number) in labels.iter().zip(1..) {
        // A label may be a person's data.
        let category = if is_shown(label) {
            format!("`{label}`")
        } else {
            format!("number {number} of the model")
        };
        let share = shares
            .remove(label)
            .ok_or_else(|| invalid("--mix", &format!("has no share of the category {category}"), fix))?;
        if !(0.0..=1.0).contains(&share) {
            let problem = format!("has {share} for the category {category}, which is no share from 0 to 1");
            return Err(invalid("--mix", &problem, fix));
        }
        mix.push(share);
    }
    if !shares.is_empty() {
        let problem = format!("has {} categories that the model doesn't have", shares.len());
        return Err(invalid("--mix", &problem, fix));
    }
    shares_of(&mix).map_err(|sum| {
        let problem = format!("has shares that sum to {}, not to 1", round4(sum));
        invalid("--mix", &problem, fix)
    })
}

/// Estimates the mix of the texts of a file.
fn estimate_mix(predictor: &Predictor, texts: &str) -> Result<Vec<f64>, TrainError> {
    let location = Location::parse(texts);
    let source = Source::open(&location, None, Purpose::DataSet, Reach::Anywhere, |_, _| ())?;
    let mut sample = Sample::new(predictor.labels().len());
    let without_text = source.read(|unpacked: Unpacked<'_>| {
        let lines = BufReader::with_capacity(1 << 16, unpacked.reader).lines();
        let mut scratch = Scratch::default();
        for (number, line) in lines.enumerate() {
            let number = number as u64 + 1;
            let line = line.map_err(|error| DatasetError::of_line(source.name(), number, &error))?;
            if line.trim().is_empty() {
                continue;
            }
            let Some(text) = text_of(line) else {
                return Ok(Some(number));
            };
            sample.take(|| answered(predictor, &text, &mut scratch));
        }
        Ok(None)
    })?;
    if let Some(line) = without_text {
        let problem = format!("has a JSON object without a text in `text` in line {line}");
        return Err(invalid("--texts", &problem, "Pass one text per line").into());
    }
    if sample.seen < FEWEST_TEXTS {
        let problem = format!("has {} texts; fewer than {FEWEST_TEXTS} tell no mix", sample.seen);
        return Err(invalid("--texts", &problem, "Pass more texts of today, or the mix with --mix").into());
    }
    let trained = &adaptable(predictor.artifact())?.trained_mix;
    let estimated = mix::estimate(trained, &Rows::new(sample.rows, trained.len()));
    Ok(without_bias(predictor.artifact(), &estimated)?)
}

/// The text of a line: the line itself, unless it is a JSON string, or a JSON object with `text`. `None` for another object.
fn text_of(line: String) -> Option<String> {
    if !line.trim_start().starts_with(['"', '{']) {
        return Some(line);
    }
    match serde_json::from_str(&line) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Object(mut fields)) => match fields.remove("text") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => Some(line),
    }
}

fn answered(predictor: &Predictor, text: &str, scratch: &mut Scratch) -> Row {
    let prediction = predictor.predict(text, scratch);
    let probabilities = prediction.estimating.unwrap_or(prediction.probabilities);
    Row {
        answer: prediction.class,
        probabilities: probabilities.iter().map(|p| f64::from(*p)).collect(),
        weight: 1.0,
    }
}

/// A uniform sample of answers (reservoir; Vitter 1985).
struct Sample {
    rows: Vec<Row>,
    most: usize,
    seen: usize,
    rng: Rng,
}

impl Sample {
    fn new(classes: usize) -> Self {
        Self {
            rows: Vec::new(),
            most: (MOST_PROBABILITIES / classes.max(1)).clamp(FEWEST_TEXTS, MOST_TEXTS),
            seen: 0,
            rng: Rng::new(SEED, 0x6164_6170),
        }
    }

    fn take(&mut self, row: impl FnOnce() -> Row) {
        self.seen += 1;
        if self.rows.len() < self.most {
            self.rows.push(row());
            return;
        }
        let place = self.rng.below(self.seen);
        if place < self.most {
            self.rows[place] = row();
        }
    }
}

fn show(result: &AdaptResult) -> String {
    let shares = result.mix.iter().map(|share| {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        [share.label.clone(), percent(share.trained), percent(share.adapted)]
    });
    let accuracy = |what: &str, accuracy: &AdaptedAccuracy| {
        [
            what.to_owned(),
            format!("{:.0}", accuracy.rows),
            format!("{:.4}", accuracy.trained),
            format!("{:.4}", accuracy.given),
            format!("{:.4}", accuracy.adapted),
        ]
    };
    let adaptation = &result.adaptation;
    let rows = [
        accuracy("as they are", &adaptation.held_out),
        accuracy("weighed to the new mix", &adaptation.reweighted),
    ];
    [
        table([Words("category"), Number("trained"), Number("now")], shares),
        table(
            [
                Words("held-out rows"),
                Number("rows"),
                Number("trained"),
                Number("given"),
                Number("adapted"),
            ],
            rows,
        ),
        format!(
            "written: {} (sha256:{}), adapted from sha256:{}",
            result.artifact.path, result.artifact.sha256, adaptation.parent_sha256
        ),
    ]
    .join("\n\n")
}
