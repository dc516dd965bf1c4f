//! `predict`: reads texts and writes answers, one per line.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::Reach;
use complaint_model::Predictor;
use complaint_model::predict::Scratch;

use super::answer::{Answer, open_model};
use crate::cli::OutputForm;
use crate::dataset::{DatasetError, Location, Purpose, Source, Unpacked};
use crate::error::TrainError;
use crate::terminal::visible;

/// `predict`.
#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// The model.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Texts, one per line: a file or an http:// or https:// address, .gz, .zst and .zip are unpacked; `-` is standard
    /// input.
    #[arg(value_name = "TEXTS", default_value = "-")]
    texts: String,
    /// Add this many of the most probable classes to each answer.
    #[arg(long, value_name = "CLASSES", default_value_t = 0, hide_default_value = true)]
    top_k: usize,
    /// Output format. JSON is one object per line.
    #[arg(long, value_enum, default_value = "json", value_name = "FORM")]
    format: OutputForm,
}

/// Answers every line.
pub(crate) fn execute(arguments: &PredictArgs) -> ExitCode {
    match super::guarded(|| run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => super::refuse(arguments.format, &error),
    }
}

fn run(arguments: &PredictArgs) -> Result<(), TrainError> {
    let predictor = open_model(&arguments.model)?;
    if arguments.texts == "-" {
        let stdin = std::io::stdin().lock();
        if stdin.is_terminal() {
            let _ = writeln!(std::io::stderr(), "type complaints, one per line; Ctrl-D ends");
        }
        return Ok(answer_all(arguments, &predictor, "standard input", stdin)?);
    }
    let source = Source::open(
        &Location::parse(&arguments.texts),
        None,
        Purpose::DataSet,
        Reach::Anywhere,
        |_, _| (),
    )?;
    let answer = |unpacked: Unpacked<'_>| {
        let lines = BufReader::with_capacity(1 << 16, unpacked.reader);
        answer_all(arguments, &predictor, source.name(), lines)
    };
    Ok(source.read(answer)?)
}

fn answer_all(
    arguments: &PredictArgs,
    predictor: &Predictor,
    name: &str,
    texts: impl BufRead,
) -> Result<(), DatasetError> {
    let mut scratch = Scratch::default();
    let mut out = std::io::stdout().lock();
    for (number, line) in texts.lines().enumerate() {
        let line = line.map_err(|error| DatasetError::of_line(name, number as u64 + 1, &error))?;
        let answer = Answer::of(predictor, &line, arguments.top_k, &mut scratch);
        let written = match arguments.format {
            OutputForm::Json => writeln!(out, "{}", super::to_json(&answer)),
            OutputForm::Table => writeln!(out, "{}", visible(&row(&answer))),
        };
        if written.is_err() {
            // The reader has closed the pipe.
            break;
        }
    }
    // Ignore a closed pipe here too.
    let _ = out.flush();
    Ok(())
}

fn row(answer: &Answer<'_>) -> String {
    let one = |(category, probability): (&str, f64)| format!("{probability:.4} {category}");
    if answer.probabilities.0.is_empty() {
        return one((answer.category, answer.probability));
    }
    let ranking: Vec<String> = answer.probabilities.0.iter().copied().map(one).collect();
    ranking.join("   ")
}
