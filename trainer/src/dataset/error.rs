//! The reasons why a data set can't be used.

use complaint_contract::{Sha256Digest, TrainerReason};

/// Why a data set can't be used. `name` is the path or address without its query.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file does not exist, or the server answers 404 or 410.
    #[error("there is no data set at {name}: {problem}. Check dataset.source, and that a volume holding it is mounted")]
    NotFound {
        /// Path or address.
        name: String,
        /// The error of the operating system or the server.
        problem: String,
    },
    /// The server or store denies access with these credentials, requires credentials, or refuses the request. The same
    /// pod would fail again.
    #[error("the data set at {name} can't be read: {problem}. {fix}")]
    Forbidden {
        /// Address without query.
        name: String,
        /// The server's response.
        problem: String,
        /// The fix, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The bytes don't have the configured digest.
    #[error(
        "the bytes of {name} have the SHA-256 {actual}, not {expected}. Restore the file, or set {setting} to its new digest"
    )]
    DigestMismatch {
        /// Path or address.
        name: String,
        /// Digest of the bytes.
        actual: Sha256Digest,
        /// Digest in the configuration.
        expected: Sha256Digest,
        /// The setting that contains it.
        setting: &'static str,
    },
    /// The bytes differ from those that a version was trained on.
    #[error(
        "the bytes of {name} have the SHA-256 {actual}, and the version was trained on {expected}: its held-out rows can't be \
         read any more. Set evaluation.holdout, restore the file, or pin the version"
    )]
    Changed {
        /// Path or address.
        name: String,
        /// Digest of the bytes.
        actual: Sha256Digest,
        /// Digest in the version's lineage.
        expected: Sha256Digest,
    },
    /// The text is not UTF-8.
    #[error("{place} of {name} is not UTF-8. Convert the file, for instance with `iconv -f WINDOWS-1252 -t UTF-8`")]
    InvalidEncoding {
        /// Path or address.
        name: String,
        /// The row, with its line or column.
        place: String,
    },
    /// The text has an encoding with two or four bytes per character.
    #[error("{name} is {encoding}, not UTF-8. Convert it, for instance with {fix}")]
    WideEncoding {
        /// Path or address.
        name: String,
        /// The encoding.
        encoding: &'static str,
        /// The command that converts it.
        fix: &'static str,
    },
    /// The bytes are neither CSV nor JSON.
    #[error("{name} is {kind}, which is not read as it is. {fix}")]
    OtherKind {
        /// Path or address.
        name: String,
        /// The kind of file.
        kind: &'static str,
        /// The fix, as a sentence without its full stop.
        fix: &'static str,
    },
    /// The bytes can't be unpacked.
    #[error("{name} can't be unpacked: {problem}")]
    Archive {
        /// Path or address.
        name: String,
        /// What is wrong and what to do, as a sentence without its full stop.
        problem: String,
    },
    /// The file has another format than the configured one.
    #[error("{name} looks like {looks}: set dataset.format to {format}")]
    WrongFormat {
        /// Path or address.
        name: String,
        /// The format that the file seems to have.
        looks: &'static str,
        /// The name of that format in the configuration.
        format: &'static str,
    },
    /// The fields of a CSV file are not separated by commas.
    #[error("{name} {problem}. Export it with commas between the fields, and text with commas in quotation marks")]
    WrongDelimiter {
        /// Path or address.
        name: String,
        /// What is wrong, as the rest of a sentence.
        problem: &'static str,
    },
    /// A label is longer than the maximum for a model.
    #[error(
        "row {row} of {name} has a label of {bytes} bytes, more than {most}, in {}. Name the field with the category in \
         {setting}, or shorten the label",
        columns(fields)
    )]
    LongLabel {
        /// Path or address.
        name: String,
        /// Number of the record, from 1.
        row: u64,
        /// Length of the label in UTF-8.
        bytes: usize,
        /// The maximum length.
        most: usize,
        /// The configured fields.
        fields: Vec<String>,
        /// The setting that names them.
        setting: &'static str,
    },
    /// A value of a level contains what separates levels.
    #[error(
        "row {row} of {name} has a value with ` > ` in `{field}`, which separates the levels of a label. Write it another way \
         there, such as with `/`"
    )]
    LevelSeparator {
        /// Path or address.
        name: String,
        /// Number of the record, from 1.
        row: u64,
        /// The configured field.
        field: String,
    },
    /// The file does not have the configured format.
    #[error("{name} can't be read at {place}: {problem}. Correct it there, or set dataset.format to the file's format")]
    Malformed {
        /// Path or address.
        name: String,
        /// Row and line.
        place: String,
        /// The parser's error.
        problem: String,
    },
    /// No record has a configured column or path.
    #[error("{name} has no column `{column}`; {available}. {}", column_fix(setting, nearest.as_deref()))]
    ColumnNotFound {
        /// Path or address.
        name: String,
        /// The configured column.
        column: String,
        /// The setting that names it.
        setting: &'static str,
        /// The columns of the source, or their number, as the rest of a sentence.
        available: String,
        /// The most similar of them.
        nearest: Option<String>,
    },
    /// The file has only a header, or nothing.
    #[error("{name} holds no rows. Check that the export that writes it ran")]
    Empty {
        /// Path or address.
        name: String,
    },
    /// There are rows, but none has both text and label.
    #[error(
        "none of the {records} rows of {name} can be used: {problem}. Check dataset.textField, {setting}, dataset.splitField and dataset.filter"
    )]
    NoUsableRows {
        /// Path or address.
        name: String,
        /// Number of rows read.
        records: u64,
        /// What the rows lack.
        problem: String,
        /// The setting that names the fields of the label.
        setting: &'static str,
    },
    /// Fewer than two labels remain.
    #[error("{name} has {left} left, and a classifier needs two or more. Rows per label: {counts}. {fix}")]
    TooFewClasses {
        /// Path or address.
        name: String,
        /// The remaining labels, such as `one label`.
        left: String,
        /// Labels with their rows.
        counts: String,
        /// The fix.
        fix: String,
    },
    /// The address can't be read at the moment.
    #[error(
        "the data set at {name} can't be downloaded: {problem}. The run will be retried; if it keeps failing, check the address and the network policy"
    )]
    Download {
        /// Address without query.
        name: String,
        /// The error.
        problem: String,
    },
    /// The file can't be read at the moment.
    #[error("reading {name} failed: {problem}. Check the volume and the file's permissions")]
    Unreadable {
        /// Path or address.
        name: String,
        /// The error of the operating system.
        problem: String,
    },
}

/// The setting that names the fields of the label, where it is not known which of two it is.
pub(crate) const FIELDS_OF_THE_LABEL: &str = "the fields of the label";

fn columns(fields: &[String]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| format!("column `{field}`")).collect();
    quoted.join(" and ")
}

fn column_fix(setting: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(column) => format!("Set {setting} to one of them, perhaps `{column}`"),
        None => format!("Set {setting} to one of them"),
    }
}

impl DatasetError {
    /// The error for a value of a level that looks like several levels.
    pub(super) fn separator(name: &str, row: u64, field: &str) -> Self {
        Self::LevelSeparator {
            name: name.to_owned(),
            row,
            field: field.to_owned(),
        }
    }

    /// The error for an unreadable line of plain text.
    pub(crate) fn of_line(name: &str, row: u64, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::InvalidData => Self::InvalidEncoding {
                name: name.to_owned(),
                place: format!("line {row}"),
            },
            _ => super::source::read_fault(name, &format!("line {row}"), error),
        }
    }

    /// The reason in the status and the termination message.
    pub fn reason(&self) -> TrainerReason {
        match self {
            Self::NotFound { .. } => TrainerReason::DatasetNotFound,
            Self::Forbidden { .. } => TrainerReason::DatasetForbidden,
            Self::DigestMismatch { .. } => TrainerReason::DigestMismatch,
            Self::Changed { .. } => TrainerReason::DatasetChanged,
            Self::InvalidEncoding { .. } | Self::WideEncoding { .. } => TrainerReason::InvalidEncoding,
            Self::Malformed { .. }
            | Self::OtherKind { .. }
            | Self::Archive { .. }
            | Self::WrongFormat { .. }
            | Self::WrongDelimiter { .. }
            | Self::LongLabel { .. }
            | Self::LevelSeparator { .. } => TrainerReason::MalformedDataset,
            Self::ColumnNotFound { .. } => TrainerReason::ColumnNotFound,
            Self::Empty { .. } => TrainerReason::EmptyDataset,
            Self::NoUsableRows { .. } => TrainerReason::NoUsableRows,
            Self::TooFewClasses { .. } => TrainerReason::TooFewClasses,
            Self::Download { .. } | Self::Unreadable { .. } => TrainerReason::DownloadFailed,
        }
    }
}
