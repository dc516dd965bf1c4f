//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use complaint_model::Normalizer;
use complaint_model::report::{Algorithm, ClassWeight, Loss, Metric};

use crate::commands::{
    self, data::DataArgs, evaluate::EvaluateArgs, explain::ExplainArgs, predict::PredictArgs, profile::ProfileArgs,
    report_schema::ReportSchemaArgs,
};
use crate::config::{Preset, Strategy};
use crate::error::ExitKind;

/// Train classifiers for customer complaints.
#[derive(Debug, Parser)]
#[command(name = "complaint-trainer", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train as a Job: configuration from a file, progress as JSON lines, result in the termination log.
    Run(RunArgs),
    /// Train at the command line.
    Train(Box<TrainArgs>),
    /// Evaluate a model on labelled rows.
    Evaluate(EvaluateArgs),
    /// Answer texts, one a line.
    Predict(PredictArgs),
    /// Show why a text gets its class: what each term adds to the winner over the runner-up.
    Explain(ExplainArgs),
    /// Look at a data set before training: balance, lengths, copies, near-twins, vocabulary, suspicious rows.
    Profile(ProfileArgs),
    /// Print the schema of report.json.
    ReportSchema(ReportSchemaArgs),
}

/// `run`, as `docs/contracts.md` gives it.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The data set: a file, an http:// or https:// address, or an object (s3://, gs://, az://).
    #[arg(long, value_name = "PATH-OR-URL")]
    pub(crate) dataset: String,
    /// Root of the artifact store: a directory, or s3://bucket/prefix.
    #[arg(long, value_name = "PLACE")]
    pub(crate) store: String,
    /// The present champion's model.safetensors: a file, or an s3:// object.
    #[arg(long, value_name = "FILE-OR-URL")]
    pub(crate) champion: Option<String>,
    /// Where the result, or the reason of a failure, is written.
    #[arg(long, value_name = "FILE")]
    pub(crate) termination_log: Option<PathBuf>,
}

/// `train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Directory for model, report and record.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Name of the model in report and record.
    #[arg(long, default_value = "local")]
    pub(crate) name: String,
    /// Labels with fewer rows are dropped.
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    pub(crate) min_samples_per_class: usize,
    /// What stands behind the options below that are left out.
    #[arg(long, value_enum, default_value = "standard")]
    pub(crate) preset: PresetArg,
    /// Further settings: a JSON file with the sections preprocessing, features and search of a TrainingRun's spec. Options
    /// given here go before it.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    /// Share of the rows held out.
    #[arg(long, default_value_t = 0.2)]
    pub(crate) test_fraction: f64,
    /// Seed of split, folds, solvers and bootstrap.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// The report may hold texts of complaints.
    #[arg(long)]
    pub(crate) include_texts: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    pub(crate) format: OutputForm,
}

/// From text to numbers. What is left out comes from the preset.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    /// How words are reduced.
    #[arg(long, value_enum)]
    pub(crate) normalizer: Option<NormalizerArg>,
    /// Whether contractions are expanded.
    #[arg(long, value_name = "TRUE-OR-FALSE")]
    pub(crate) expand_contractions: Option<bool>,
    /// Whether stop words are left out; to keep them is better for short texts.
    #[arg(long, value_name = "TRUE-OR-FALSE")]
    pub(crate) remove_stop_words: Option<bool>,
    /// Whether numbers of up to four digits are words; otherwise they only separate words.
    #[arg(long, value_name = "TRUE-OR-FALSE")]
    pub(crate) keep_numbers: Option<bool>,
    /// Shorter words are left out.
    #[arg(long, value_name = "LETTERS")]
    pub(crate) min_token_length: Option<usize>,
    /// What stands over personal data, as a regular expression.
    #[arg(long, value_name = "REGEX")]
    pub(crate) redaction_pattern: Option<String>,
    /// Shortest and longest word n-gram, such as 1,2.
    #[arg(long, value_name = "LOW,HIGH", value_parser = parse_range)]
    pub(crate) word_ngrams: Option<[usize; 2]>,
    /// Shortest and longest character n-gram, such as 3,5.
    #[arg(long, value_name = "LOW,HIGH", value_parser = parse_range)]
    pub(crate) char_ngrams: Option<[usize; 2]>,
    /// Terms in fewer documents are left out; under 5 a model may hold words of one person.
    #[arg(long, value_name = "ROWS")]
    pub(crate) min_document_frequency: Option<usize>,
    /// Terms in a greater share of the documents are left out.
    #[arg(long, value_name = "SHARE")]
    pub(crate) max_document_fraction: Option<f64>,
    /// Terms kept at most.
    #[arg(long, value_name = "TERMS")]
    pub(crate) max_features: Option<usize>,
    /// Whether counts are dampened, 1 + ln(count).
    #[arg(long, value_name = "TRUE-OR-FALSE")]
    pub(crate) sublinear_tf: Option<bool>,
    /// Count n-grams by hash in 2^BITS buckets instead of by a vocabulary, 10 to 24.
    #[arg(long, value_name = "BITS")]
    pub(crate) hashing_bits: Option<u8>,
}

/// What is tried. What is left out comes from the preset.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Algorithms to try; without it, the preset's candidates.
    #[arg(long = "algorithm", value_enum, value_delimiter = ',')]
    pub(crate) algorithms: Vec<AlgorithmArg>,
    /// Values of C to try, for the algorithms named with --algorithm that have it.
    #[arg(long = "c", value_name = "C", value_delimiter = ',', requires = "algorithms")]
    pub(crate) c: Vec<f64>,
    /// Values of alpha to try, for the algorithms named with --algorithm that have it.
    #[arg(long, value_name = "ALPHA", value_delimiter = ',', requires = "algorithms")]
    pub(crate) alpha: Vec<f64>,
    /// Class weights to try, for the algorithms named with --algorithm that have them.
    #[arg(long = "class-weight", value_enum, value_delimiter = ',', requires = "algorithms")]
    pub(crate) class_weights: Vec<ClassWeightArg>,
    /// Losses to try, for the linear support vector machine.
    #[arg(long = "loss", value_enum, value_delimiter = ',', requires = "algorithms")]
    pub(crate) losses: Vec<LossArg>,
    /// Folds of the cross-validation.
    #[arg(long)]
    pub(crate) folds: Option<usize>,
    /// What trials are judged by.
    #[arg(long, value_enum)]
    pub(crate) scoring: Option<MetricArg>,
    /// All points of the grid, or a random draw.
    #[arg(long, value_enum)]
    pub(crate) strategy: Option<StrategyArg>,
    /// Models averaged at most; 1 for the best alone.
    #[arg(long, value_name = "MODELS")]
    pub(crate) ensemble: Option<usize>,
    /// Trials at most.
    #[arg(long)]
    pub(crate) max_trial_count: Option<usize>,
    /// Failed trials at most.
    #[arg(long)]
    pub(crate) max_failed_trial_count: Option<usize>,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// A table for people.
    Table,
    /// The result as JSON, for scripts.
    Json,
}

/// Defines a command-line twin of an enum of the configuration.
macro_rules! value_enum {
    ($name:ident => $target:ident { $($variant:ident = $doc:literal),+ $(,)? }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $name { $(#[doc = $doc] $variant),+ }
        impl From<$name> for $target {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant),+ }
            }
        }
    };
}

value_enum!(NormalizerArg => Normalizer { Lemma = "WordNet's base form.", Stem = "Snowball's stem.", None = "As they stand." });
value_enum!(AlgorithmArg => Algorithm {
    LogisticRegression = "Multinomial logistic regression.", LinearSvm = "Linear support vector machine.",
    NbSvm = "Linear support vector machine over terms weighted by naive Bayes.",
    ComplementNaiveBayes = "Complement naive Bayes.", MultinomialNaiveBayes = "Multinomial naive Bayes.",
});
value_enum!(ClassWeightArg => ClassWeight { None = "Each row the same.", Balanced = "Each class the same." });
value_enum!(LossArg => Loss { SquaredHinge = "The square of what a row lacks to the margin.", Hinge = "What a row lacks to the margin." });
value_enum!(StrategyArg => Strategy { Grid = "All points.", Random = "As many as --max-trial-count says." });
value_enum!(PresetArg => Preset {
    Reference = "The search of the scikit-learn stack.", Standard = "What we recommend.",
    Thorough = "More text pipelines and models, the best of them averaged.",
});

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricArg {
    /// Mean F1 of the classes.
    #[value(name = "macro-f1")]
    MacroF1,
    /// Mean F1 weighted by rows.
    #[value(name = "weighted-f1")]
    WeightedF1,
    /// Share of right answers.
    Accuracy,
    /// Mean log loss.
    LogLoss,
}

impl From<MetricArg> for Metric {
    fn from(value: MetricArg) -> Self {
        match value {
            MetricArg::MacroF1 => Self::MacroF1,
            MetricArg::WeightedF1 => Self::WeightedF1,
            MetricArg::Accuracy => Self::Accuracy,
            MetricArg::LogLoss => Self::LogLoss,
        }
    }
}

fn parse_range(text: &str) -> Result<[usize; 2], String> {
    let (low, high) = text.split_once([',', '-']).ok_or("write two lengths, such as 1,2")?;
    let number = |part: &str| part.trim().parse().map_err(|_| format!("`{part}` is no number"));
    Ok([number(low)?, number(high)?])
}

/// Runs the program on its arguments, the program's name first, and returns how it ends.
pub fn main_from(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::stop::on_signal();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Without a reader there is nobody left to tell.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitKind::BadConfiguration.into(),
            };
        }
    };
    match cli.command {
        Command::Run(arguments) => commands::run::execute(&arguments),
        Command::Train(arguments) => commands::train::execute(&arguments),
        Command::Evaluate(arguments) => commands::evaluate::execute(&arguments),
        Command::Predict(arguments) => commands::predict::execute(&arguments),
        Command::Explain(arguments) => commands::explain::execute(&arguments),
        Command::Profile(arguments) => commands::profile::execute(&arguments),
        Command::ReportSchema(arguments) => commands::report_schema::execute(&arguments),
    }
}
