//! The command line.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use complaint_contract::{Algorithm, ClassWeight, LanguageSetting, Loss, Metric, MinDocumentFrequency, SplitBy};
use complaint_contract::{ExitKind, Preset, Reach, Strategy, hide_panic_messages, parse_threshold};
use complaint_model::{Normalizer, Sha256Digest};

use crate::commands::{
    self, adapt::AdaptArgs, adapt_champion::AdaptChampionArgs, audit::AuditArgs, compare::CompareArgs, data::DataArgs,
    dossier::DossierArgs, evaluate::EvaluateArgs, explain::ExplainArgs, job::StoreArgs, predict::PredictArgs,
    profile::ProfileArgs, report_schema::ReportSchemaArgs, show::ShowArgs, sign::SignArgs, verify::VerifyArgs,
};

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
    /// Train on the command line.
    Train(Box<TrainArgs>),
    /// Evaluate a model on labelled rows.
    Evaluate(EvaluateArgs),
    /// Answer texts, one per line.
    Predict(PredictArgs),
    /// Show why a text gets its class: what each term adds to the winner compared with the runner-up.
    Explain(ExplainArgs),
    /// Inspect a data set before training: balance, lengths, copies, near-twins, vocabulary, suspicious rows.
    Profile(ProfileArgs),
    /// Find rows whose label is probably wrong, and categories that are confused.
    ///
    /// Every row of the data set is judged by models that did not see it. Suspected rows are written as CSV with the columns row, given,
    /// suspected, confidence and margin, the least probable label first. Rows are counted from 1, without the header.
    Audit(Box<AuditArgs>),
    /// Print the schema of report.json.
    ReportSchema(ReportSchemaArgs),
    /// Adapt a model to another mix of categories: the same weights, moved intercepts, no data set.
    Adapt(AdaptArgs),
    /// Adapt a classifier's model to the mix of its traffic and store it as a version, as a Job.
    AdaptChampion(AdaptChampionArgs),
    /// Compare a finished version with the champion on the rows that its training held out, as a Job.
    Compare(CompareArgs),
    /// Delete a classifier's artifacts from its store, as a Job.
    Delete(StoreArgs),
    /// Delete a classifier's old corrections and captured answers from its store, as a Job.
    Expire(StoreArgs),
    /// Record a promotion in a classifier's store, as a Job.
    Record(StoreArgs),
    /// Log versions to an MLflow tracking server, as a Job.
    Track(StoreArgs),
    /// Show the contents of a store: a training's result, the promotions, or manifests of its versions.
    Show(ShowArgs),
    /// Sign the files of a version that exists.
    Sign(SignArgs),
    /// Write what has to be known about a stored version: data, method, evaluation, software, how to make it again.
    Dossier(DossierArgs),
    /// Verify the signature of a version: which files it covers, and which key made it; or, with --dossier, train the version again and
    /// compare the bytes (exit code 1 if they differ).
    Verify(VerifyArgs),
}

/// `run`, as described in `docs/contracts.md`.
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
    /// The addresses that may be reached: same-host (no redirect to another host, no loopback or link-local address, no
    /// metadata service of a cloud), any-host (redirects are followed), or anywhere.
    #[arg(long, value_name = "REACH", default_value_t = Reach::Anywhere)]
    pub(crate) reach: Reach,
    /// The rows of the configuration's `evaluation.holdout`: a file or an address, as for --dataset.
    #[arg(long, value_name = "PATH-OR-URL")]
    pub(crate) holdout: Option<String>,
    /// The word vectors of the configuration's `features.wordVectors`: a file or an address, as for --dataset.
    #[arg(long, value_name = "PATH-OR-URL")]
    pub(crate) word_vectors: Option<String>,
    /// The current champion's model.safetensors: a file, or an s3:// object.
    #[arg(long, value_name = "FILE-OR-URL")]
    pub(crate) champion: Option<String>,
    /// SHA-256 of a data set for which the same settings have already made a version. If the data set has this digest, and
    /// the corrections are those of --known-feedback, nothing is trained.
    #[arg(long, value_name = "HEX")]
    pub(crate) known_dataset: Option<Sha256Digest>,
    /// Digest of the corrections that were known then. Without it there were none.
    #[arg(long, value_name = "HEX", requires = "known_dataset")]
    pub(crate) known_feedback: Option<Sha256Digest>,
    /// The TrainingRun's metadata.uid, which is stored with the result.
    #[arg(long, value_name = "UID")]
    pub(crate) run_uid: Option<String>,
    /// The private key that signs what is written: ECDSA P-256 in PEM, without a password.
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    /// File for the result, or for the reason of a failure.
    #[arg(long, value_name = "FILE")]
    pub(crate) termination_log: Option<PathBuf>,
}

/// `train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Directory for the model, the report and the record.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Name of the model in the report and the record.
    #[arg(long, default_value = "local")]
    pub(crate) name: String,
    /// Labels with fewer rows are dropped.
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    pub(crate) min_samples_per_class: usize,
    /// Preset for the options below that are not given.
    #[arg(long, value_enum, default_value = "standard")]
    pub(crate) preset: PresetArg,
    /// More settings: a JSON file with the sections preprocessing, features and search of a TrainingRun's spec. Options
    /// given here override it.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    /// Which rows are held out: drawn by a hash of their words, or the newest ones by --time-field.
    #[arg(long, value_enum, default_value_t = SplitArg::Hash, value_name = "BY")]
    pub(crate) split: SplitArg,
    /// Share of the rows that are held out.
    #[arg(long, default_value_t = 0.2)]
    pub(crate) test_fraction: f64,
    /// Evaluate on the rows of this data set instead, with the same fields. All of --data is then used for training, except
    /// rows that are nearly equal to one of these.
    #[arg(long, value_name = "PATH-OR-URL", conflicts_with = "test_fraction")]
    pub(crate) holdout: Option<String>,
    /// Required SHA-256 of the holdout.
    #[arg(long, value_name = "HEX", requires = "holdout")]
    pub(crate) holdout_sha256: Option<Sha256Digest>,
    /// Train on corrections too: the folder `feedback` of a classifier in its store, a directory or s3://bucket/path. A
    /// correction replaces the label of a training row with the same text.
    #[arg(long, value_name = "PLACE")]
    pub(crate) feedback: Option<String>,
    #[command(flatten)]
    pub(crate) review: ReviewArgs,
    /// Seed for split, folds, solvers and bootstrap.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Allow the report to contain texts of complaints.
    #[arg(long)]
    pub(crate) include_texts: bool,
    /// The private key that signs what is written: ECDSA P-256 in PEM, without a password.
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    /// Output format.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    pub(crate) format: OutputForm,
}

/// Which answers are to be left to people. The report says what that gives; the model is the same.
#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// Answers with a lower probability need review.
    #[arg(long, value_name = "PROBABILITY")]
    pub(crate) abstain_below: Option<f64>,
    /// Of this category's answers without review, this share is to be right, such as `Credit card=0.95`; repeat it for others.
    #[arg(long, value_name = "CATEGORY=SHARE", value_parser = parse_threshold)]
    pub(crate) min_precision: Vec<(String, f64)>,
    /// Of this category's complaints, this share is to be answered without review; repeat it for others.
    #[arg(long, value_name = "CATEGORY=SHARE", value_parser = parse_threshold)]
    pub(crate) min_recall: Vec<(String, f64)>,
}

/// Options for the steps from text to numbers. The preset sets the missing ones.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    /// Language of the texts: auto (that of most training rows), or an ISO 639-1 code such as en, de or pt.
    #[arg(long, value_name = "AUTO-OR-CODE")]
    pub(crate) language: Option<LanguageSetting>,
    /// How words are reduced.
    #[arg(long, value_enum)]
    pub(crate) normalizer: Option<NormalizerArg>,
    /// Whether contractions are expanded; for English only.
    #[arg(long, value_name = "TRUE-OR-FALSE")]
    pub(crate) expand_contractions: Option<bool>,
    /// Whether stop words are removed. Keeping them is better for short texts.
    #[arg(long, value_name = "TRUE-OR-FALSE")]
    pub(crate) remove_stop_words: Option<bool>,
    /// Whether numbers of up to four digits are words. Otherwise they only separate words.
    #[arg(long, value_name = "TRUE-OR-FALSE")]
    pub(crate) keep_numbers: Option<bool>,
    /// Drop words with fewer characters.
    #[arg(long, value_name = "LETTERS")]
    pub(crate) min_token_length: Option<usize>,
    /// A regular expression that matches redactions of personal data.
    #[arg(long, value_name = "REGEX")]
    pub(crate) redaction_pattern: Option<String>,
    /// Shortest and longest word n-gram, such as 1,2.
    #[arg(long, value_name = "LOW,HIGH", value_parser = parse_range)]
    pub(crate) word_ngrams: Option<[usize; 2]>,
    /// Shortest and longest character n-gram, such as 3,5.
    #[arg(long, value_name = "LOW,HIGH", value_parser = parse_range)]
    pub(crate) char_ngrams: Option<[usize; 2]>,
    /// Drop terms in fewer documents. With less than 5, a model may contain words of a single person.
    #[arg(long, value_name = "ROWS")]
    pub(crate) min_document_frequency: Option<MinDocumentFrequency>,
    /// Drop terms in a larger share of the documents.
    #[arg(long, value_name = "SHARE")]
    pub(crate) max_document_fraction: Option<f64>,
    /// Maximum number of terms.
    #[arg(long, value_name = "TERMS")]
    pub(crate) max_features: Option<usize>,
    /// Whether counts are dampened to 1 + ln(count).
    #[arg(long, value_name = "TRUE-OR-FALSE")]
    pub(crate) sublinear_tf: Option<bool>,
    /// Count n-grams by hash in 2^BITS buckets instead of with a vocabulary, 10 to 24.
    #[arg(long, value_name = "BITS")]
    pub(crate) hashing_bits: Option<u8>,
    #[command(flatten)]
    pub(crate) vectors: VectorArgs,
}

/// Options for word vectors.
#[derive(Debug, Args)]
pub(crate) struct VectorArgs {
    /// Learn from word vectors too, in text form (GloVe, fastText .vec, word2vec): a file, an http:// or https:// address, or an
    /// object (s3://, gs://, az://); .gz, .zst and .zip are unpacked. How much they count is chosen on the folds.
    #[arg(long, value_name = "PATH-OR-URL")]
    pub(crate) word_vectors: Option<String>,
    /// Required SHA-256 of the word vectors.
    #[arg(long, value_name = "HEX", requires = "word_vectors")]
    pub(crate) word_vectors_sha256: Option<Sha256Digest>,
    /// Their licence, for the report.
    #[arg(long, value_name = "TEXT", requires = "word_vectors")]
    pub(crate) word_vectors_license: Option<String>,
    /// The model knows this many of their first words, even if no training row has them; by default 50000.
    #[arg(long, value_name = "WORDS", requires = "word_vectors")]
    pub(crate) word_vectors_max_words: Option<usize>,
}

/// Options for the search. The preset sets the missing ones.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Algorithms to try. By default, the preset's candidates.
    #[arg(long = "algorithm", value_enum, value_delimiter = ',')]
    pub(crate) algorithms: Vec<AlgorithmArg>,
    /// Values of C to try, for those algorithms in --algorithm that have it.
    #[arg(long = "c", value_name = "C", value_delimiter = ',', requires = "algorithms")]
    pub(crate) c: Vec<f64>,
    /// Values of alpha to try, for those algorithms in --algorithm that have it.
    #[arg(long, value_name = "ALPHA", value_delimiter = ',', requires = "algorithms")]
    pub(crate) alpha: Vec<f64>,
    /// Class weights to try, for those algorithms in --algorithm that have them.
    #[arg(long = "class-weight", value_enum, value_delimiter = ',', requires = "algorithms")]
    pub(crate) class_weights: Vec<ClassWeightArg>,
    /// Losses to try, for the linear support vector machine.
    #[arg(long = "loss", value_enum, value_delimiter = ',', requires = "algorithms")]
    pub(crate) losses: Vec<LossArg>,
    /// Number of folds for cross-validation.
    #[arg(long)]
    pub(crate) folds: Option<usize>,
    /// How often the rows are divided into folds anew.
    #[arg(long)]
    pub(crate) repeats: Option<usize>,
    /// Metric that ranks trials.
    #[arg(long, value_enum)]
    pub(crate) scoring: Option<MetricArg>,
    /// Try all points of the grid, or a random sample.
    #[arg(long, value_enum)]
    pub(crate) strategy: Option<StrategyArg>,
    /// Maximum number of models to average; 1 for only the best.
    #[arg(long, value_name = "MODELS")]
    pub(crate) ensemble: Option<usize>,
    /// Whether trials that the first folds show to be behind are stopped.
    #[arg(long, value_name = "BOOL")]
    pub(crate) early_stopping: Option<bool>,
    /// Maximum number of trials.
    #[arg(long)]
    pub(crate) max_trial_count: Option<usize>,
    /// Maximum number of failed trials.
    #[arg(long)]
    pub(crate) max_failed_trial_count: Option<usize>,
}

/// Output format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// A table for people.
    Table,
    /// The result as JSON, for scripts.
    Json,
}

/// Defines a command-line version of an enum of the configuration.
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

value_enum!(SplitArg => SplitBy { Hash = "Rows drawn by a hash of their words.", Time = "The newest rows." });
value_enum!(NormalizerArg => Normalizer { Lemma = "WordNet's base form; for English only.", Stem = "Snowball's stem in the language of the texts.", None = "Unchanged." });
value_enum!(AlgorithmArg => Algorithm {
    LogisticRegression = "Multinomial logistic regression.", LinearSvm = "Linear support vector machine.",
    NbSvm = "Linear support vector machine over terms weighted by naive Bayes.",
    ComplementNaiveBayes = "Complement naive Bayes.", MultinomialNaiveBayes = "Multinomial naive Bayes.",
});
value_enum!(ClassWeightArg => ClassWeight { None = "Each row has the same weight.", Balanced = "Each class has the same weight." });
value_enum!(LossArg => Loss { SquaredHinge = "The square of a row's shortfall from the margin.", Hinge = "A row's shortfall from the margin." });
value_enum!(StrategyArg => Strategy { Grid = "All points.", Random = "A sample of --max-trial-count points." });
value_enum!(PresetArg => Preset {
    Reference = "The search of the scikit-learn stack.", Standard = "Recommended.",
    Thorough = "More text pipelines and models, with an average of the best.",
});

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricArg {
    /// Mean F1 of the classes.
    #[value(name = "macro-f1")]
    MacroF1,
    /// Mean F1 weighted by rows.
    #[value(name = "weighted-f1")]
    WeightedF1,
    /// Share of correct answers.
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
    let number = |part: &str| part.trim().parse().map_err(|_| format!("`{part}` is not a number"));
    Ok([number(low)?, number(high)?])
}

/// Runs the program on its arguments, including the program's name, and returns its exit code.
pub fn main_from(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::stop::on_signal();
    hide_panic_messages(|place| {
        // If nobody reads standard error, the exit code and the failure's message remain.
        let _ = writeln!(std::io::stderr(), "panic at {place}");
    });
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // If nobody reads the output, the message is lost.
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
        Command::Audit(arguments) => commands::audit::execute(&arguments),
        Command::ReportSchema(arguments) => commands::report_schema::execute(&arguments),
        Command::Adapt(arguments) => commands::adapt::execute(&arguments),
        Command::AdaptChampion(arguments) => commands::adapt_champion::execute(&arguments),
        Command::Compare(arguments) => commands::compare::execute(&arguments),
        Command::Delete(arguments) => commands::delete::execute(&arguments),
        Command::Expire(arguments) => commands::expire::execute(&arguments),
        Command::Record(arguments) => commands::record::execute(&arguments),
        Command::Track(arguments) => commands::track::execute(&arguments),
        Command::Show(arguments) => commands::show::execute(&arguments),
        Command::Sign(arguments) => commands::sign::execute(&arguments),
        Command::Dossier(arguments) => commands::dossier::execute(&arguments),
        Command::Verify(arguments) => commands::verify::execute(&arguments),
    }
}
