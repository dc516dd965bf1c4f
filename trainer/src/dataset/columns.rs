//! Messages about missing columns.

use super::DatasetError;

/// Maximum number of columns in a message.
const LISTED: usize = 30;

/// Maximum number of characters, and of words, in a column's name. Anything longer is a text, from a file without a
/// header row.
const LONGEST_NAME: usize = 40;
const MOST_WORDS: usize = 4;

/// A column's name, safe to show in a message: texts must not reach a log.
fn shown(name: &str) -> String {
    let characters = name.chars().count();
    if characters <= LONGEST_NAME && name.split_whitespace().count() <= MOST_WORDS {
        name.to_owned()
    } else {
        format!("(a text of {characters} characters: is the header row missing?)")
    }
}

/// The error for a column that is not among `available`.
pub(super) fn not_found(name: &str, column: &str, setting: &'static str, available: &[String]) -> DatasetError {
    let mut listed: Vec<String> = available.iter().take(LISTED).map(|name| shown(name)).collect();
    if available.len() > LISTED {
        listed.push(format!("… and {} more", available.len() - LISTED));
    }
    DatasetError::ColumnNotFound {
        name: name.to_owned(),
        column: column.to_owned(),
        setting,
        available: listed,
        nearest: nearest(column, available),
    }
}

/// The most similar name, if it differs in at most a third of its letters. For a dotted path the last part is compared
/// too, because users often leave out the rest.
fn nearest(column: &str, available: &[String]) -> Option<String> {
    let wanted = column.to_lowercase();
    available
        .iter()
        .flat_map(|name| [(name.as_str(), name), (name.rsplit('.').next().unwrap_or(name), name)])
        .map(|(spelling, name)| (distance(&wanted, &spelling.to_lowercase()), spelling, name))
        .filter(|(edits, spelling, _)| *edits <= spelling.chars().count().max(wanted.chars().count()).div_ceil(3))
        .min_by_key(|(edits, _, _)| *edits)
        .map(|(_, _, name)| shown(name))
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
