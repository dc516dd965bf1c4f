//! Rows of comma-separated values (RFC 4180) with a header.

use std::io::Read;

use complaint_contract::DatasetSettings;
use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::{DatasetError, Record, Sink, columns};

/// Positions of the configured columns.
struct Layout {
    text: usize,
    labels: Vec<usize>,
    split: Option<usize>,
    /// Columns that select records, with the values that are selected.
    filter: Vec<(usize, Vec<String>)>,
}

/// Reads a header and all records.
pub(super) fn read(
    config: &DatasetSettings,
    name: &str,
    reader: &mut dyn Read,
    sink: &mut Sink<'_>,
) -> Result<(), DatasetError> {
    let mut csv = ReaderBuilder::new().buffer_capacity(1 << 16).from_reader(reader);
    let header = csv.byte_headers().map_err(|error| fault(name, 0, &error))?.clone();
    if header.is_empty() || header.iter().all(<[u8]>::is_empty) {
        return Err(DatasetError::Empty { name: name.to_owned() });
    }
    let layout = Layout::find(config, name, &header)?;
    let mut record = ByteRecord::new();
    let mut label = String::new();
    let mut number = 0;
    while csv
        .read_byte_record(&mut record)
        .map_err(|error| fault(name, number + 1, &error))?
    {
        number += 1;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |index: usize| {
            let bytes = record.get(index).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| DatasetError::InvalidEncoding {
                name: name.to_owned(),
                row: number,
                place: format!(
                    " (line {line}, column `{}`)",
                    String::from_utf8_lossy(header.get(index).unwrap_or_default())
                ),
            })
        };
        if !layout.selects(&record) {
            sink(Record::left_out(number))?;
            continue;
        }
        label.clear();
        let mut complete = true;
        for &index in &layout.labels {
            let part = field(index)?.trim();
            complete &= !part.is_empty();
            if !label.is_empty() {
                label.push_str(" + ");
            }
            label.push_str(part);
        }
        let split = layout.split.map(field).transpose()?;
        sink(Record {
            number,
            text: Some(field(layout.text)?),
            label: complete.then_some(label.as_str()),
            split,
            selected: true,
        })?;
    }
    Ok(())
}

impl Layout {
    fn find(config: &DatasetSettings, name: &str, header: &ByteRecord) -> Result<Self, DatasetError> {
        let names: Vec<String> = header
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
            .collect();
        let position = |column: &str, setting| {
            names
                .iter()
                .position(|name| name == column.trim())
                .ok_or_else(|| columns::not_found(name, column, setting, &names))
        };
        Ok(Self {
            text: position(&config.text_field, "dataset.textField")?,
            labels: config
                .label_fields
                .iter()
                .map(|column| position(column, "dataset.labelFields"))
                .collect::<Result<_, _>>()?,
            split: config
                .split_field
                .as_ref()
                .map(|column| position(column, "dataset.splitField"))
                .transpose()?,
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

fn fault(name: &str, row: u64, error: &csv::Error) -> DatasetError {
    let place = |line: u64| {
        if row == 0 {
            "the header".to_owned()
        } else {
            format!("row {row} (line {line})")
        }
    };
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => DatasetError::Malformed {
            name: name.to_owned(),
            place: place(pos.as_ref().map_or(0, csv::Position::line)),
            problem: format!(
                "it has {len} fields, but the header has {expected_len}; a quotation mark or comma may be missing"
            ),
        },
        ErrorKind::Io(error) => super::source::read_fault(name, &place(0), error),
        other => DatasetError::Malformed {
            name: name.to_owned(),
            place: place(0),
            problem: format!("{other:?}"),
        },
    }
}
