//! Data set arguments, shared by all commands that read one.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Args, ValueEnum};
use complaint_contract::{DatasetFormat, DatasetSettings, Reach};
use complaint_model::Sha256Digest;

use crate::config::{ConfigError, format_of_name};
use crate::dataset::{DatasetError, Location, Purpose, Source};
use crate::error::TrainError;
use crate::feedback::Corrections;
use crate::store::Store;

/// The data set and the selection of its rows.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// The data set: a file, an http:// or https:// address, or an object (s3://, gs://, az://); .gz, .zst and .zip are unpacked.
    #[arg(long, value_name = "PATH-OR-URL")]
    data: String,
    /// Column or dotted path of the text.
    #[arg(long, value_name = "FIELD")]
    text_field: String,
    /// Column or dotted path of the label; several labels are joined with " + ".
    #[arg(long = "label-field", value_name = "FIELD", required_unless_present = "label_levels")]
    label_fields: Vec<String>,
    /// Column or dotted path of a level of the label, the coarsest first, instead of --label-field: --label-level product
    /// --label-level issue. One model answers all levels.
    #[arg(long = "label-level", value_name = "FIELD", conflicts_with = "label_fields")]
    label_levels: Vec<String>,
    /// Column with a published split. Its values are `train` and `test`.
    #[arg(long, value_name = "FIELD")]
    split_field: Option<String>,
    /// Column with the time of the complaint: a date, a date with a time (RFC 3339), or seconds since 1970. The report shows the
    /// accuracy by month; see --split.
    #[arg(long, value_name = "FIELD")]
    pub(crate) time_field: Option<String>,
    /// Use only records with this value: --where split=test. Several values of one field are alternatives; conditions
    /// on different fields must all hold.
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = parse_condition)]
    conditions: Vec<(String, String)>,
    /// Format of the records. By default, the file's name decides.
    #[arg(long, value_enum, value_name = "FORM")]
    data_format: Option<RecordForm>,
    /// Rename or merge a label: --label-map "old=new". Can be repeated.
    #[arg(long = "label-map", value_name = "OLD=NEW", value_parser = parse_renaming)]
    label_map: Vec<(String, String)>,
    /// Required SHA-256 of the file.
    #[arg(long, value_name = "HEX")]
    sha256: Option<Sha256Digest>,
}

/// Format of a data set's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RecordForm {
    /// Comma-separated values.
    Csv,
    /// One JSON object per line.
    JsonLines,
    /// One JSON array.
    Json,
}

impl From<RecordForm> for DatasetFormat {
    fn from(form: RecordForm) -> Self {
        match form {
            RecordForm::Csv => Self::Csv,
            RecordForm::JsonLines => Self::JsonLines,
            RecordForm::Json => Self::Json,
        }
    }
}

impl DataArgs {
    /// The configuration for these arguments.
    pub(crate) fn config(&self, min_samples_per_class: usize) -> DatasetSettings {
        let mut filter: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (field, value) in &self.conditions {
            filter.entry(field.clone()).or_default().push(value.clone());
        }
        DatasetSettings {
            format: self.format_of(&self.data),
            text_field: self.text_field.clone(),
            label_fields: self.label_fields.clone(),
            label_levels: self.label_levels.clone(),
            split_field: self.split_field.clone(),
            time_field: self.time_field.clone(),
            min_samples_per_class,
            label_map: self.label_map.iter().cloned().collect(),
            filter,
            sha256: self.sha256,
        }
    }

    /// The format in which a source is read.
    pub(super) fn format_of(&self, source: &str) -> DatasetFormat {
        self.data_format
            .map_or_else(|| format_of_name(source), DatasetFormat::from)
    }

    /// The location of the data set.
    pub(crate) fn location(&self) -> Location {
        Location::parse(&self.data)
    }

    /// The data set, if it is a file.
    pub(super) fn file(&self) -> Option<&Path> {
        Some(Path::new(&self.data)).filter(|path| path.is_file())
    }

    /// Opens or downloads the data set. `tell` gets the downloaded share.
    pub(super) fn open(&self, tell: impl Fn(f64, &str) + Sync) -> Result<Source, DatasetError> {
        let location = self.location();
        tell(0.0, &format!("opening {}", location.name()));
        Source::open(
            &location,
            self.sha256,
            Purpose::DataSet,
            Reach::Anywhere,
            |done, total| {
                let share = total.map_or(0.0, |total| done as f64 / total.max(1) as f64);
                tell(share, &format!("{} MiB downloaded", done >> 20));
            },
        )
    }
}

/// Reads corrections that a user names: a place without any is a mistake.
pub(super) fn read_corrections(place: &str) -> Result<Corrections, TrainError> {
    let corrections = Corrections::read(&Store::open(place, Reach::Anywhere)?, "")?;
    if corrections.segments() == 0 {
        let error = ConfigError::Invalid {
            field: "--feedback".into(),
            problem: format!("names {place}, which has no file YYYY-MM-DD/NAME.jsonl.gz"),
            fix: "Name the folder `feedback` of a classifier in its store".into(),
        };
        return Err(error.into());
    }
    Ok(corrections)
}

fn parse_renaming(text: &str) -> Result<(String, String), String> {
    parse_pair(text).ok_or_else(|| "write the old and the new label, such as \"Payday loan=Loan\"".to_owned())
}

fn parse_condition(text: &str) -> Result<(String, String), String> {
    parse_pair(text)
        .filter(|(field, _)| !field.is_empty())
        .ok_or_else(|| "write a field and its value, such as split=test".to_owned())
}

fn parse_pair(text: &str) -> Option<(String, String)> {
    let (left, right) = text.split_once('=')?;
    Some((left.trim().to_owned(), right.trim().to_owned()))
}
