//! `profile`: describes a data set before training.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use complaint_contract::{DatasetWarning, EvaluationSettings, Language, LanguageSetting, TrainingStage, round4};
use complaint_model::corpus::TokenizedCorpus;
use complaint_model::text::TextPipeline;
use complaint_model::{Preprocessing, Sha256Digest};
use complaint_report::{Profile, Quantiles};
use serde::Serialize;

use super::data::DataArgs;
use super::table::{
    Column::{Number, Words},
    bar, shortened, table,
};
use crate::cli::OutputForm;
use crate::config::ConfigError;
use crate::dataset::{self, Dataset};
use crate::error::TrainError;
use crate::language::{CommonWords, Languages};
use crate::profile;
use crate::progress::{Plan, Progress};
use crate::split::split;

/// Number of characters shown of a suspicious text.
const EXCERPT: usize = 160;
/// Number of row numbers listed per kind in the table.
const NUMBERS: usize = 8;
/// The share of the test part in the split whose parts are compared: the default of a training.
const TEST_FRACTION: f64 = 0.2;
const SEED: u64 = 42;

/// `profile`.
#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Mark labels with fewer rows, which a training drops.
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    min_samples_per_class: usize,
    /// Language of the texts: auto (that of most rows), or an ISO 639-1 code such as en, de or pt.
    #[arg(long, value_name = "AUTO-OR-CODE", default_value = "auto")]
    language: LanguageSetting,
    /// Show the beginnings of suspicious texts, not only their row numbers.
    #[arg(long)]
    include_texts: bool,
    /// Output format.
    #[arg(long, value_enum, default_value = "table", value_name = "FORM")]
    format: OutputForm,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DataProfile {
    source: String,
    sha256: Sha256Digest,
    /// Rows that can be used for training, including those of rare labels.
    rows: usize,
    distinct_words: usize,
    /// The language that words are treated as.
    language: Language,
    /// Classes, most rows first.
    classes: Vec<ClassProfile>,
    /// Warnings for the user.
    warnings: Vec<DatasetWarning>,
    #[serde(flatten)]
    profile: Profile,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClassProfile {
    label: String,
    rows: usize,
    /// Share of all rows.
    share: f64,
    median_words: usize,
    /// Whether the label has too few rows of its own, so that a training drops it; with levels, its rows count for the level above.
    rare: bool,
}

/// Inspects the data set and prints the result.
pub(crate) fn execute(arguments: &ProfileArgs) -> ExitCode {
    super::answer(arguments.format, || run(arguments), show)
}

fn run(arguments: &ProfileArgs) -> Result<DataProfile, TrainError> {
    let config = arguments.data.config(1);
    let progress = Progress::for_people(Plan::Profile);
    let source = arguments
        .data
        .open(|share, message| progress.tell(TrainingStage::Loading, 0.5 * share, message))?;
    let dataset = dataset::load_any(&config, &source, |rows| {
        progress.tell(
            TrainingStage::Loading,
            0.5 + 0.5 * source.share_read(),
            &format!("{rows} rows read"),
        );
    })?;
    progress.tell(
        TrainingStage::Preprocessing,
        0.0,
        &format!("{} rows", dataset.rows.len()),
    );
    let texts: Vec<&str> = dataset.rows.iter().map(|row| dataset.text(row)).collect();
    let languages = Languages::of(texts.len(), |row| texts[row]);
    let language = match arguments.language {
        LanguageSetting::Auto => languages.language(),
        LanguageSetting::Is(language) => language,
    };
    // Keep stop words: this is the vocabulary of the texts, not of a model.
    let steps = Preprocessing {
        remove_stop_words: false,
        character_runs: languages.is_unspaced(),
        ..Preprocessing::default()
    };
    let pipeline = TextPipeline::new(&steps.in_language(language)).map_err(ConfigError::from)?;
    let corpus = TokenizedCorpus::build(&pipeline, &texts);
    progress.tell(TrainingStage::Preprocessing, 0.7, "looking for near-twins");
    let split = split(&dataset, &EvaluationSettings::by_hash(TEST_FRACTION, SEED));
    let mut profile = profile::of_texts(&dataset, &split, &corpus, &languages, CommonWords::of(language));
    if arguments.include_texts {
        add_texts(&mut profile, &dataset);
    }
    progress.tell(TrainingStage::Done, 1.0, "done");
    Ok(DataProfile {
        source: source.name().to_owned(),
        sha256: source.sha256(),
        rows: dataset.rows.len(),
        distinct_words: corpus.distinct_tokens(),
        classes: classes(&dataset, arguments.min_samples_per_class),
        language,
        warnings: dataset.warnings.into_iter().chain(languages.several()).collect(),
        profile,
    })
}

fn add_texts(profile: &mut Profile, dataset: &Dataset) {
    let examples = profile.suspicious_rows.iter_mut().flat_map(|found| &mut found.examples);
    for example in examples {
        // Rows are sorted by number.
        if let Ok(place) = dataset.rows.binary_search_by_key(&example.row, |row| row.number) {
            let text = dataset.text(&dataset.rows[place]);
            example.text = Some(text.chars().take(EXCERPT).collect());
        }
    }
}

fn classes(dataset: &Dataset, minimum: usize) -> Vec<ClassProfile> {
    let mut words: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for row in &dataset.rows {
        let count = profile::word_count(dataset.text(row));
        words.entry(row.label).or_default().push(count);
    }
    let all = dataset.rows.len() as f64;
    let mut classes: Vec<ClassProfile> = words
        .into_iter()
        .map(|(label, words)| ClassProfile {
            label: dataset.labels[label as usize].clone(),
            rows: words.len(),
            share: round4(words.len() as f64 / all),
            rare: words.len() < minimum,
            median_words: Quantiles::of(words).median,
        })
        .collect();
    classes.sort_by_key(|class| std::cmp::Reverse(class.rows));
    classes
}

fn show(found: &DataProfile) -> String {
    let mut parts = vec![
        heading(found),
        languages(found),
        balance(found),
        lengths(found),
        vocabulary(found),
        copies(found),
    ];
    parts.push(suspicious(found));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn heading(found: &DataProfile) -> String {
    let records = &found.profile.records;
    let left_out = records.reasons();
    let mut text = format!(
        "{} (sha256:{})\n{} records, {} rows to train on, {} labels",
        found.source,
        found.sha256,
        records.records,
        found.rows,
        found.classes.len()
    );
    if !left_out.is_empty() {
        text.push_str(&format!("\nleft out: {left_out}"));
    }
    for warning in &found.warnings {
        text.push_str(&format!("\nwarning: {}", super::with_flags(&warning.message)));
    }
    text
}

fn languages(found: &DataProfile) -> String {
    let shares = found.profile.languages.iter().take(NUMBERS);
    let shares: Vec<String> = shares
        .map(|share| format!("{} {:.1} %", share.name, 100.0 * share.share))
        .collect();
    let rows: usize = found.profile.languages.iter().map(|share| share.rows).sum();
    format!(
        "languages of {rows} rows: {}; words are treated as {}",
        shares.join(", "),
        found.language.name()
    )
}

fn balance(found: &DataProfile) -> String {
    let largest = found.classes.first().map_or(1, |class| class.rows).max(1) as f64;
    let rows = found.classes.iter().map(|class| {
        [
            class.label.clone(),
            class.rows.to_string(),
            format!("{:.1} %", 100.0 * class.share),
            class.median_words.to_string(),
            bar(class.rows as f64 / largest, 20),
            if class.rare {
                "too few rows".into()
            } else {
                String::new()
            },
        ]
    });
    table(
        [
            Words("label"),
            Number("rows"),
            Number("share"),
            Number("median words"),
            Words(""),
            Words(""),
        ],
        rows,
    )
}

fn lengths(found: &DataProfile) -> String {
    let words = &found.profile.words;
    let bins = &found.profile.length_histogram;
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(1).max(1) as f64;
    let rows = bins.iter().map(|bin| {
        let range = match bin.to {
            Some(to) => format!("{} to {}", bin.from, to - 1),
            None => format!("{} and more", bin.from),
        };
        [range, bin.rows.to_string(), bar(bin.rows as f64 / most, 40)]
    });
    format!(
        "words in a text: {} to {}, median {}, half of the texts between {} and {}, 95 % up to {}\n{}",
        words.min,
        words.max,
        words.median,
        words.lower,
        words.upper,
        words.p95,
        table([Words("words"), Number("texts"), Words("")], rows)
    )
}

fn vocabulary(found: &DataProfile) -> String {
    let points = &found.profile.vocabulary_growth;
    let rows = points.iter().step_by((points.len() / 5).max(1)).chain(points.last());
    let mut shown: Vec<String> = rows
        .map(|point| format!("{} after {} rows", point.words, point.rows))
        .collect();
    shown.dedup();
    let kind = if found.language.is_english() { "lemmas" } else { "stems" };
    format!("distinct words ({kind}): {}", shown.join(", "))
}

fn copies(found: &DataProfile) -> String {
    let profile = &found.profile;
    let mut lines = Vec::new();
    if !profile.duplicate_examples.is_empty() {
        let pairs = profile
            .duplicate_examples
            .iter()
            .map(|pair| format!("{}={}", pair.first, pair.copy));
        lines.push(format!(
            "copies, by row: {}",
            numbers(pairs, profile.records.duplicates as usize)
        ));
    }
    for pair in profile.contradiction_examples.iter().take(NUMBERS) {
        let [first, second] = &pair.labels;
        lines.push(format!(
            "contradictory copies: row {} says {}, row {} says {}",
            pair.rows[0],
            shortened(first),
            pair.rows[1],
            shortened(second)
        ));
    }
    lines.push(format!(
        "near-twins: {} groups with {} rows; a training keeps a group on one side of its split",
        profile.near_twin_groups, profile.near_twin_rows
    ));
    for group in &profile.largest_near_twin_groups {
        let labels = if group.labels > 1 {
            format!(", {} labels", group.labels)
        } else {
            String::new()
        };
        let rows = numbers(group.examples.iter().map(u64::to_string), group.rows);
        lines.push(format!("  {} rows{labels}: {rows}", group.rows));
    }
    lines.join("\n")
}

fn suspicious(found: &DataProfile) -> String {
    let mut lines = Vec::new();
    for suspicion in &found.profile.suspicious_rows {
        let rows = numbers(
            suspicion.examples.iter().map(|example| example.row.to_string()),
            suspicion.rows,
        );
        lines.push(format!(
            "{} rows: {} ({rows})",
            suspicion.rows,
            suspicion.reason.describe()
        ));
        for example in suspicion.examples.iter().take(NUMBERS) {
            if let Some(text) = &example.text {
                lines.push(format!("  {}: {}", example.row, text.replace(['\n', '\r'], " ")));
            }
        }
    }
    if lines.is_empty() {
        return "no row looks wrong".into();
    }
    format!("rows to look at:\n{}", lines.join("\n"))
}

/// Lists the first of `all` numbers, and says how many more there are.
fn numbers(shown: impl Iterator<Item = String>, all: usize) -> String {
    let listed: Vec<String> = shown.take(NUMBERS).collect();
    let more = all.saturating_sub(listed.len());
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", listed.join(", "))
}
