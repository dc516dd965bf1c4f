//! `explain`: why a text gets its class.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use complaint_model::predict::{Contribution, Scratch};
use complaint_model::vectorize::TermKind;
use serde::Serialize;

use super::answer::{Answer, open_model};
use super::table::{
    Column::{Number, Words},
    bar, table,
};
use crate::cli::OutputForm;
use crate::dataset::DatasetError;
use crate::error::TrainError;

/// Number of terms in the table by default.
const SHOWN: usize = 25;

/// `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The model.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The text; `-` reads it from standard input.
    #[arg(value_name = "TEXT")]
    text: String,
    /// Show only this many terms, those with the largest contributions. By default 25 in a table, all in JSON.
    #[arg(long, value_name = "TERMS")]
    top: Option<usize>,
    /// Output format.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    format: OutputForm,
}

/// An explanation, with the field names of the inference server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    category: String,
    probability: f64,
    unknown_word_share: f64,
    runner_up: String,
    runner_up_probability: f64,
    /// The level at which the paths of both part, whose scores are explained. Absent if the categories have no levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    explained_level: Option<String>,
    /// The winner's score minus the runner-up's without any term.
    bias: f32,
    /// The winner's score minus the runner-up's: `bias` plus all contributions.
    margin: f32,
    /// Number of terms in the text that the model knows, shown or not.
    term_count: usize,
    terms: Vec<Term>,
}

#[derive(Serialize)]
struct Term {
    term: String,
    kind: &'static str,
    contribution: f32,
    /// Half-open ranges in characters of the text.
    ranges: Vec<[usize; 2]>,
}

/// Explains a text and prints the explanation.
pub(crate) fn execute(arguments: &ExplainArgs) -> ExitCode {
    super::answer(arguments.format, || run(arguments), show)
}

fn run(arguments: &ExplainArgs) -> Result<Explained, TrainError> {
    let predictor = open_model(&arguments.model)?;
    let text = match arguments.text.as_str() {
        "-" => from_stdin()?,
        text => text.to_owned(),
    };
    let mut scratch = Scratch::default();
    let answer = Answer::of(&predictor, &text, predictor.labels().len(), &mut scratch);
    let explanation = predictor.explain(&text, &mut scratch);
    let runner_up = predictor.labels()[explanation.runner_up].clone();
    let runner_up_probability = answer
        .probabilities
        .0
        .iter()
        .find(|(label, _)| *label == runner_up)
        .map_or(0.0, |(_, probability)| *probability);
    let shown = arguments.top.unwrap_or(match arguments.format {
        OutputForm::Table => SHOWN,
        OutputForm::Json => usize::MAX,
    });
    Ok(Explained {
        category: answer.category.to_owned(),
        probability: answer.probability,
        unknown_word_share: answer.unknown_word_share,
        runner_up,
        runner_up_probability,
        explained_level: explanation.level,
        bias: explanation.bias,
        margin: explanation.margin,
        term_count: explanation.contributions.len(),
        terms: explanation
            .contributions
            .into_iter()
            .take(shown)
            .map(|part| Term::of(part, &text))
            .collect(),
    })
}

fn from_stdin() -> Result<String, DatasetError> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| DatasetError::of_line("standard input", 1, &error))?;
    Ok(text)
}

impl Term {
    fn of(part: Contribution, text: &str) -> Self {
        let characters = |byte: usize| text[..byte].chars().count();
        Self {
            term: part.term,
            kind: match part.kind {
                TermKind::Words => "words",
                TermKind::Characters => "characters",
            },
            contribution: part.contribution,
            ranges: part
                .ranges
                .iter()
                .map(|range| [characters(range.start), characters(range.end)])
                .collect(),
        }
    }
}

fn show(explained: &Explained) -> String {
    let largest = explained
        .terms
        .iter()
        .map(|term| term.contribution.abs())
        .fold(f32::MIN_POSITIVE, f32::max);
    let rows = explained.terms.iter().map(|term| {
        let bar = bar(f64::from(term.contribution.abs() / largest), 20);
        let (against, in_favour) = match term.contribution < 0.0 {
            true => (bar, String::new()),
            false => (String::new(), bar),
        };
        let name = match term.kind {
            "characters" => format!("…{}…", term.term),
            _ => term.term.clone(),
        };
        [name, format!("{:+.4}", term.contribution), against, in_favour]
    });
    let shown: f32 = explained.terms.iter().map(|term| term.contribution).sum();
    let hidden = explained.term_count - explained.terms.len();
    let mut sum = format!("bias {:+.4}, terms {shown:+.4}", explained.bias);
    if hidden > 0 {
        let rest = explained.margin - explained.bias - shown;
        sum.push_str(&format!(", {hidden} further terms {rest:+.4}"));
    }
    let level = explained.explained_level.as_ref();
    let level = level.map_or_else(String::new, |level| format!(", at the level `{level}`,"));
    format!(
        "{} (probability {:.4}), ahead of {} ({:.4}){} by a score of {:.4}: {sum}\n{:.0} % of the words are unknown to the model\n\n{}",
        explained.category,
        explained.probability,
        explained.runner_up,
        explained.runner_up_probability,
        level,
        explained.margin,
        100.0 * explained.unknown_word_share,
        table(
            [Words("term"), Number("adds"), Number("against"), Words("in favour")],
            rows
        )
    )
}
