//! Rows of comma-separated values (RFC 4180) with a header.

use std::cell::Cell;
use std::io::Read;

use complaint_contract::DatasetSettings;
use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::joined::{HoldsSeparator, JoinedLabel};
use super::quotes::{Position, Quotes, Unquoted};
use super::{DatasetError, Field, Record, Sink, columns};

/// Number of records to read when deciding whether the first row is a header.
const LOOKED_AT: usize = 1000;

/// Positions of the configured columns.
struct Layout {
    text: usize,
    labels: Vec<usize>,
    split: Option<usize>,
    time: Option<usize>,
    /// Columns to filter by, with the selected values.
    filter: Vec<(usize, Vec<String>)>,
}

/// Reads a header and all records.
pub(super) fn read(
    config: &DatasetSettings,
    name: &str,
    reader: &mut dyn Read,
    sink: &mut Sink<'_>,
) -> Result<(), DatasetError> {
    let position = Cell::new(Position::default());
    let mut csv = ReaderBuilder::new()
        .buffer_capacity(1 << 16)
        .from_reader(Quotes::new(reader, &position));
    let fault = |row: u64, error: &csv::Error| fault(name, row, position.get(), error);
    let header = csv.byte_headers().map_err(|error| fault(0, &error))?.clone();
    if header.is_empty() || header.iter().all(<[u8]>::is_empty) {
        return Err(DatasetError::Empty { name: name.to_owned() });
    }
    let layout = match Layout::find(config, name, &header) {
        Err(DatasetError::ColumnNotFound { .. }) if is_repeated(&mut csv, &header) => {
            Err(columns::without_header(config, name, header.len()))
        }
        found => found,
    }?;
    let mut record = ByteRecord::new();
    let mut label = JoinedLabel::new(config.has_levels());
    let mut number = 0;
    while csv
        .read_byte_record(&mut record)
        .map_err(|error| fault(number + 1, &error))?
    {
        number += 1;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |index: usize, column: &str| {
            let bytes = record.get(index).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| DatasetError::InvalidEncoding {
                name: name.to_owned(),
                place: format!("row {number} (line {line}, column `{column}`)"),
            })
        };
        if !layout.selects(&record) {
            sink(Record::left_out(number))?;
            continue;
        }
        label.clear();
        for (&index, column) in layout.labels.iter().zip(config.label_columns()) {
            label
                .push(field(index, column)?)
                .map_err(|HoldsSeparator| DatasetError::separator(name, number, column))?;
        }
        let optional = |index: Option<usize>, column: &Option<String>| match (index, column) {
            (Some(index), Some(column)) => field(index, column).map(Some),
            _ => Ok(None),
        };
        sink(Record {
            number,
            text: Field::Text(field(layout.text, &config.text_field)?),
            label: label.text().map_or(Field::Missing, Field::Text),
            split: optional(layout.split, &config.split_field)?,
            time: optional(layout.time, &config.time_field)?,
            selected: true,
        })?;
    }
    Ok(())
}

/// Whether a value of the first row occurs again in the same column. If so, the first row is data, not a header.
fn is_repeated<R: Read>(csv: &mut csv::Reader<R>, header: &ByteRecord) -> bool {
    let is_again = |record: &ByteRecord| {
        let mut pairs = header.iter().zip(record);
        pairs.any(|(name, value)| !name.trim_ascii().is_empty() && name.trim_ascii() == value.trim_ascii())
    };
    csv.byte_records()
        .take(LOOKED_AT)
        .map_while(Result::ok)
        .any(|record| is_again(&record))
}

impl Layout {
    fn find(config: &DatasetSettings, name: &str, header: &ByteRecord) -> Result<Self, DatasetError> {
        let names = header
            .iter()
            .map(|bytes| std::str::from_utf8(bytes).map(|name| name.trim().to_owned()))
            .collect::<Result<Vec<String>, _>>()
            .map_err(|_| DatasetError::InvalidEncoding {
                name: name.to_owned(),
                place: "the first row".into(),
            })?;
        let position = |column: &str, setting| {
            let mut found = (0..names.len()).filter(|&index| names[index] == column.trim());
            match (found.next(), found.next()) {
                (Some(index), None) => Ok(index),
                (Some(_), Some(_)) => Err(DatasetError::Malformed {
                    name: name.to_owned(),
                    place: "the header".into(),
                    problem: format!("it has the column `{column}` more than once, so it is unclear which one to read"),
                }),
                (None, _) => Err(columns::wrong_delimiter(name, &names)
                    .unwrap_or_else(|| columns::not_found(name, column, setting, &names))),
            }
        };
        let optional = |column: &Option<String>, setting| {
            let column = column.as_ref();
            column.map(|column| position(column, setting)).transpose()
        };
        Ok(Self {
            text: position(&config.text_field, "dataset.textField")?,
            labels: config
                .label_columns()
                .iter()
                .map(|column| position(column, config.label_setting()))
                .collect::<Result<_, _>>()?,
            split: optional(&config.split_field, "dataset.splitField")?,
            time: optional(&config.time_field, "dataset.timeField")?,
            filter: config
                .filter
                .iter()
                .map(|(column, values)| Ok((position(column, "dataset.filter")?, values.clone())))
                .collect::<Result<_, _>>()?,
        })
    }

    fn selects(&self, record: &ByteRecord) -> bool {
        self.filter.iter().all(|(index, values)| {
            let field = record.get(*index).unwrap_or_default().trim_ascii();
            values.iter().any(|value| value.as_bytes() == field)
        })
    }
}

/// The error of a record. `read` is the reader's position, which is at or after the record.
fn fault(name: &str, row: u64, read: Position, error: &csv::Error) -> DatasetError {
    let place = |row: u64, line: u64| match row {
        0 => "the header".to_owned(),
        _ => format!("row {row} (line {line})"),
    };
    let malformed = |place: String, problem: String| DatasetError::Malformed {
        name: name.to_owned(),
        place,
        problem,
    };
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(read.line, csv::Position::line);
            malformed(
                place(row, line),
                format!(
                    "it has {len} fields, but the header has {expected_len}; a quotation mark or comma may be missing"
                ),
            )
        }
        ErrorKind::Io(error) => match read.fault {
            Some(Unquoted::Open) => malformed(
                place(read.row, read.line),
                "the last record's quotation mark is never closed: the file is cut off, or a mark is missing before".into(),
            ),
            Some(Unquoted::Trailing) => malformed(
                place(read.row, read.line),
                "text follows a closing quotation mark: the mark that closes this field or one before it is missing, or one \
                 within it is not doubled"
                    .into(),
            ),
            Some(Unquoted::Delimiter(delimiter)) => columns::separated_by(name, delimiter),
            None => super::source::read_fault(name, &place(read.row, read.line), error),
        },
        _ => malformed(place(row, read.line), "it is no record of CSV".into()),
    }
}
