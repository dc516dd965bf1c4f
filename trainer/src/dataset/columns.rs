//! Messages about columns. If the first row may be data instead of a header, messages give the number of columns, not
//! their names.

use complaint_contract::{DatasetSettings, is_header};

use super::DatasetError;

/// Maximum number of columns in a message.
const LISTED: usize = 10;
/// Delimiters of files that are not separated by commas.
const DELIMITERS: [(char, &str); 3] = [
    (';', "has a header that seems to be separated by semicolons (;)"),
    ('\t', "has a header that seems to be separated by tabs"),
    ('|', "has a header that seems to be separated by vertical bars (|)"),
];

/// The error for a path that is not among the `available` ones of a JSON object.
pub(super) fn path_not_found(name: &str, path: &str, setting: &'static str, available: &[String]) -> DatasetError {
    let counted = format!(
        "its first object has {} paths that don't look like names",
        available.len()
    );
    missing(name, path, setting, available, counted)
}

/// The error for a column that is not among `available`.
pub(super) fn not_found(name: &str, column: &str, setting: &'static str, available: &[String]) -> DatasetError {
    missing(name, column, setting, available, counted(available.len()))
}

fn missing(name: &str, column: &str, setting: &'static str, available: &[String], counted: String) -> DatasetError {
    let is_header = is_header(available);
    DatasetError::ColumnNotFound {
        name: name.to_owned(),
        column: column.to_owned(),
        setting,
        available: if is_header { listed(available) } else { counted },
        nearest: nearest(column, available).filter(|_| is_header),
    }
}

/// The error for a file whose first row is data instead of a header.
pub(super) fn without_header(config: &DatasetSettings, name: &str, columns: usize) -> DatasetError {
    DatasetError::ColumnNotFound {
        name: name.to_owned(),
        column: config.text_field.clone(),
        setting: "dataset.textField",
        available: counted(columns),
        nearest: None,
    }
}

fn listed(columns: &[String]) -> String {
    let more = format!("and {} more", columns.len().saturating_sub(LISTED));
    let mut listed: Vec<&str> = columns.iter().take(LISTED).map(String::as_str).collect();
    if columns.len() > LISTED {
        listed.push(&more);
    }
    format!("its columns are: {}", listed.join(", "))
}

fn counted(columns: usize) -> String {
    let noun = if columns == 1 { "column" } else { "columns" };
    format!("it has {columns} {noun} that don't look like names: is the header row missing?")
}

/// The error for a header with another delimiter than commas. `None` if the delimiter is a comma.
pub(super) fn wrong_delimiter(name: &str, header: &[String]) -> Option<DatasetError> {
    if header.first().is_some_and(|first| first.starts_with("sep=")) {
        return Some(DatasetError::WrongDelimiter {
            name: name.to_owned(),
            problem: "begins with the line `sep=`, which only Excel reads",
        });
    }
    // A header without commas is a single field. With a few commas, most fields still contain several names.
    let has = |delimiter: char| header.iter().filter(|field| field.contains(delimiter)).count();
    DELIMITERS
        .iter()
        .find(|(delimiter, _)| 2 * has(*delimiter) > header.len())
        .map(|(delimiter, _)| separated_by(name, *delimiter))
}

/// The error for fields that are separated by `delimiter`.
pub(super) fn separated_by(name: &str, delimiter: char) -> DatasetError {
    let found = DELIMITERS.iter().find(|(known, _)| *known == delimiter);
    DatasetError::WrongDelimiter {
        name: name.to_owned(),
        problem: found.map_or("has fields that are not separated by commas", |(_, problem)| *problem),
    }
}

/// The most similar name, if at most a third of its letters differ. For a dotted path the last part is compared too,
/// because users often omit the rest.
fn nearest(column: &str, available: &[String]) -> Option<String> {
    let wanted = column.to_lowercase();
    available
        .iter()
        .flat_map(|name| [(name.as_str(), name), (name.rsplit('.').next().unwrap_or(name), name)])
        .map(|(spelling, name)| (distance(&wanted, &spelling.to_lowercase()), spelling, name))
        .filter(|(edits, spelling, _)| *edits <= spelling.chars().count().max(wanted.chars().count()).div_ceil(3))
        .min_by_key(|(edits, _, _)| *edits)
        .map(|(_, _, name)| name.clone())
}

/// Levenshtein distance, in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, l) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, r) in right.iter().enumerate() {
            let substitute = diagonal + usize::from(l != *r);
            diagonal = row[column + 1];
            row[column + 1] = substitute.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        assert_eq!(distance("narative", "narrative"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn the_nearest_name_is_near() {
        let columns = ["id", "narrative", "product"].map(str::to_owned);
        assert_eq!(nearest("narative", &columns), Some("narrative".into()));
        assert_eq!(nearest("Product", &columns), Some("product".into()));
        assert_eq!(nearest("category", &columns), None);
        let nested = ["_id", "_source.narrative"].map(str::to_owned);
        assert_eq!(nearest("narrative", &nested), Some("_source.narrative".into()));
    }
}
