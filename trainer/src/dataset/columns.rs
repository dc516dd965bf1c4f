//! Messages about columns that are not there.

use super::DatasetError;

/// Columns that a message lists at most.
const LISTED: usize = 30;

/// The error for a column that is not among `available`.
pub(super) fn not_found(name: &str, column: &str, setting: &'static str, available: &[String]) -> DatasetError {
    let mut listed: Vec<String> = available.iter().take(LISTED).cloned().collect();
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

/// The name that is spelt most alike, if it differs in no more than a third of its letters.
fn nearest(column: &str, available: &[String]) -> Option<String> {
    let wanted = column.to_lowercase();
    available
        .iter()
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(edits, name)| *edits <= name.chars().count().max(wanted.chars().count()).div_ceil(3))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name.clone())
}

/// Levenshtein's edit distance, in characters.
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
    }
}
