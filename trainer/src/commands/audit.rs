//! `audit`: lists the rows of a data set whose label is probably wrong.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use complaint_contract::{EvaluationSettings, Reach, ReviewRules, TrainingStage};
use complaint_model::Sha256Digest;
use complaint_report::{LabelAudit, SuspectedRow};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::data::{DataArgs, read_corrections};
use super::settings::{self, Choice};
use super::table::{
    Column::{Number, Words},
    bar, table,
};
use crate::cli::{OutputForm, PresetArg, SearchArgs, TextArgs};
use crate::config::ConfigError;
use crate::error::TrainError;
use crate::progress::{Plan, Progress};
use crate::training::{Inputs, audit_labels};

/// Share of held-out rows in the configuration. An audit holds out none.
const TEST_FRACTION: f64 = 0.2;
/// Lines of each table.
const LINES: usize = 10;

/// `audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The file for the suspected rows. An existing one is replaced.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Add the column `text`. WARNING: the file then contains the texts of complaints; protect it like the data set.
    #[arg(long)]
    texts: bool,
    /// Labels with fewer rows are left out.
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    min_samples_per_class: usize,
    /// Preset for the options below that are not given.
    #[arg(long, value_enum, default_value = "standard")]
    preset: PresetArg,
    /// More settings: a JSON file with the sections preprocessing, features and search of a TrainingRun's spec. Options
    /// given here override it.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(flatten)]
    text: TextArgs,
    #[command(flatten)]
    search: SearchArgs,
    /// Audit corrections too: the folder `feedback` of a classifier in its store, a directory or s3://bucket/path. A
    /// correction replaces the label of a row with the same text.
    #[arg(long, value_name = "PLACE")]
    feedback: Option<String>,
    /// Seed for folds and solvers.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Output format of the summary.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    format: OutputForm,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// The file with the suspected rows.
    out: PathBuf,
    dataset_sha256: Sha256Digest,
    #[serde(flatten)]
    audit: LabelAudit,
}

/// Audits, writes the suspected rows, and prints a summary.
pub(crate) fn execute(arguments: &AuditArgs) -> ExitCode {
    super::answer(arguments.format, || run(arguments), show)
}

fn run(arguments: &AuditArgs) -> Result<Found, TrainError> {
    let config = settings::config(&Choice {
        name: "audit",
        data: &arguments.data,
        min_samples_per_class: arguments.min_samples_per_class,
        preset: arguments.preset.into(),
        settings: arguments.settings.as_deref(),
        text: &arguments.text,
        search: &arguments.search,
        feedback: settings::feedback(arguments.feedback.as_deref()),
        evaluation: EvaluationSettings::by_hash(TEST_FRACTION, arguments.seed),
        review: ReviewRules::default(),
    })?;
    let file = Output::open(&arguments.out, arguments.data.file())?;
    let corrections = arguments.feedback.as_deref().map(read_corrections).transpose()?;
    let progress = Progress::for_people(Plan::Training);
    let location = arguments.data.location();
    let audited = audit_labels(
        &Inputs {
            word_vectors: None,
            config: &config,
            location: &location,
            holdout: None,
            champion: None,
            corrections: corrections.as_ref(),
            known: None,
            reach: Reach::Anywhere,
            include_texts: arguments.texts,
        },
        &progress,
    )?;
    let mut audit = audited.audit;
    progress.tell(
        TrainingStage::Writing,
        0.0,
        &format!("writing to {}", arguments.out.display()),
    );
    file.write(&audit.suspected_rows, arguments.texts)?;
    progress.tell(TrainingStage::Done, 1.0, "done");
    // The file has them.
    audit.suspected_rows = Vec::new();
    Ok(Found {
        out: arguments.out.clone(),
        dataset_sha256: audited.sha256,
        audit,
    })
}

/// The file of suspected rows. Until it is complete, it has a temporary name in the same directory.
struct Output<'p> {
    path: &'p Path,
    partial: NamedTempFile,
}

impl<'p> Output<'p> {
    /// Makes the temporary file, so that a directory without write access is told before the search.
    fn open(path: &'p Path, data: Option<&Path>) -> Result<Self, ConfigError> {
        if path.is_dir() {
            return Err(unusable(path, "is a directory"));
        }
        let place = |path: &Path| path.canonicalize().ok();
        if place(path).is_some_and(|out| data.and_then(place) == Some(out)) {
            return Err(unusable(path, "is the data set itself"));
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let partial = tempfile::Builder::new()
            .prefix(".partial-")
            .tempfile_in(directory)
            .map_err(|error| unusable(path, &format!("can't be written: {error}")))?;
        Ok(Self { path, partial })
    }

    /// Writes the rows and gives the file its name.
    fn write(self, rows: &[SuspectedRow], texts: bool) -> Result<(), ConfigError> {
        let failed = |error: std::io::Error| unusable(self.path, &format!("can't be written: {error}"));
        let mut file = self.partial;
        file.write_all(&csv(rows, texts)).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

fn unusable(path: &Path, problem: &str) -> ConfigError {
    ConfigError::Invalid {
        field: "--out".into(),
        problem: format!("names {}, which {problem}", path.display()),
        fix: "Name a file in a directory that exists and that you may write to".into(),
    }
}

/// The rows as CSV (RFC 4180).
fn csv(rows: &[SuspectedRow], texts: bool) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let columns = if texts { 6 } else { 5 };
    let header = ["row", "given", "suspected", "confidence", "margin", "text"];
    let mut write = |cells: [Cow<'_, str>; 6]| {
        let cells = cells.iter().take(columns).map(|cell| cell.as_bytes());
        writer.write_record(cells).expect("memory takes all bytes");
    };
    write(header.map(Cow::Borrowed));
    for row in rows {
        write([
            row.row
                .map_or_else(|| "correction".to_owned(), |row| row.to_string())
                .into(),
            plain(&row.given),
            plain(&row.suspected),
            format!("{:.4}", row.confidence).into(),
            format!("{:.4}", row.margin).into(),
            plain(row.text.as_deref().unwrap_or_default()),
        ]);
    }
    writer.into_inner().expect("memory takes all bytes")
}

/// The cell with an apostrophe in front if a spreadsheet would take it for a formula (CSV injection; OWASP).
fn plain(cell: &str) -> Cow<'_, str> {
    // A spreadsheet skips blanks before a formula.
    let first = cell.trim_start().chars().next();
    match first {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') => format!("'{cell}").into(),
        _ if cell.starts_with(['\t', '\r', '\n']) => format!("'{cell}").into(),
        _ => cell.into(),
    }
}

/// The summary for people.
fn show(found: &Found) -> String {
    let audit = &found.audit;
    let heading = format!(
        "{} rows audited; estimated wrong labels: {:.1} % ± {:.1} %\n{} suspected rows, written to {}",
        audit.rows,
        100.0 * audit.noise,
        100.0 * audit.standard_error,
        audit.suspects,
        found.out.display()
    );
    let parts = [heading, classes(audit), look_alikes(audit), confused(audit)];
    let shown: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    shown.join("\n\n")
}

fn classes(audit: &LabelAudit) -> String {
    if audit.suspects == 0 {
        return String::new();
    }
    let rows = audit.noisiest().into_iter().take(LINES).map(|class| {
        [
            class.label.clone(),
            class.rows.to_string(),
            class.suspects.to_string(),
            format!("{:.1} %", 100.0 * class.noise),
            bar(class.noise, 20),
        ]
    });
    table(
        [
            Words("label"),
            Number("rows"),
            Number("suspected"),
            Number("wrong"),
            Words(""),
        ],
        rows,
    )
}

fn look_alikes(audit: &LabelAudit) -> String {
    if audit.look_alikes.is_empty() {
        return String::new();
    }
    let rows = audit.look_alikes.iter().take(LINES).map(|pair| {
        let [first, second] = pair.labels.clone();
        let [there, back] = pair.shares.map(|share| format!("{:.1} %", 100.0 * share));
        [first, second, there, back, format!("{:.2}", pair.separation)]
    });
    let columns = [
        Words("might be one"),
        Words(""),
        Number("taken for the other"),
        Number("and back"),
        Number("separation (0.5 is chance)"),
    ];
    table(columns, rows)
}

fn confused(audit: &LabelAudit) -> String {
    if audit.confused.is_empty() {
        return String::new();
    }
    let rows = audit.confused.iter().take(LINES).map(|pair| {
        [
            pair.given.clone(),
            pair.suspected.clone(),
            pair.rows.to_string(),
            format!("{:.1} %", 100.0 * pair.share),
        ]
    });
    let columns = [
        Words("labelled"),
        Words("confidently of"),
        Number("rows"),
        Number("of the label"),
    ];
    table(columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(row: Option<u64>, given: &str, text: &str) -> SuspectedRow {
        SuspectedRow {
            row,
            given: given.into(),
            suspected: "Loan".into(),
            confidence: 0.91234,
            margin: 0.9,
            text: Some(text.into()),
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for formula in [
            "=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1", "\u{a0}=1", "\n@x", "＝1+1", "\rx",
        ] {
            let file = csv(&[row(Some(3), formula, formula)], true);
            let mut reader = ::csv::Reader::from_reader(&file[..]);
            let record = reader.records().next().unwrap().unwrap();
            assert_eq!(record[1], format!("'{formula}"));
            assert_eq!(record[5], format!("'{formula}"));
        }
        assert_eq!(plain("Late fee - again"), "Late fee - again");
    }

    #[test]
    fn texts_are_written_only_on_request() {
        let rows = [row(Some(3), "Card, or \"not\"", "my\ntext"), row(None, "Card", "x")];
        let told = |texts| String::from_utf8(csv(&rows, texts)).unwrap();
        assert_eq!(
            told(false),
            "row,given,suspected,confidence,margin\n3,\"Card, or \"\"not\"\"\",Loan,0.9123,0.9000\ncorrection,Card,Loan,0.9123,0.9000\n"
        );
        assert!(told(true).contains("margin,text\n") && told(true).contains("\"my\ntext\""));
    }
}
