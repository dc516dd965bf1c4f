//! Labels and column names in messages, and the map that renames labels.
//!
//! Messages reach logs, statuses and Events, and must not hold a value of a data row. A label is such a value, and so is the
//! header of a file that has none. So a message names one only if it looks like a name; otherwise it counts.

use std::collections::BTreeMap;

/// What joins the values of several label fields.
pub const LABEL_SEPARATOR: &str = " + ";
/// What joins the levels of a label, the coarsest first: `Credit card > Fees`.
pub const LEVEL_SEPARATOR: &str = " > ";
/// Longest label that a message names, in characters.
const LONGEST_LABEL: usize = 100;
/// Most labels that a message names, and most bytes of all their names.
const MOST_LABELS: usize = 5;
const MOST_BYTES: usize = 300;
/// Longest column name that a message shows, in characters and in words. What is longer is a text.
const LONGEST_COLUMN: usize = 40;
const MOST_WORDS: usize = 4;
/// A run of so many digits, or more digits than these in all, may be the number of a card, a phone or an account.
const DIGITS_IN_A_ROW: usize = 4;
const MOST_DIGITS: usize = 6;

/// Whether a text looks like a name: letters, digits, `_`, `-`, `.` and spaces, and no long number.
fn looks_like_a_name(text: &str) -> bool {
    let (mut run, mut digits) = (0, 0);
    let holds = text.chars().all(|letter| {
        let is_digit = letter.is_numeric();
        run = if is_digit { run + 1 } else { 0 };
        digits += usize::from(is_digit);
        run < DIGITS_IN_A_ROW
            && digits <= MOST_DIGITS
            && (letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ' '))
    });
    holds && text.chars().any(char::is_alphanumeric)
}

/// Whether a message may name this label. The values of several fields, joined with ` + `, and of levels are checked one by one.
///
/// ```
/// use complaint_contract::is_shown;
///
/// assert!(is_shown("Credit card") && is_shown("Card + Late fee") && is_shown("Card > Late fee"));
/// for hidden in ["jane@example.org", "4111 1111 1111 1111", "170 123 456", "", "\u{1b}[2J", &"a".repeat(101)] {
///     assert!(!is_shown(hidden));
/// }
/// ```
pub fn is_shown(label: &str) -> bool {
    let mut names = label
        .split(LEVEL_SEPARATOR)
        .flat_map(|name| name.split(LABEL_SEPARATOR));
    label.chars().count() <= LONGEST_LABEL && names.all(looks_like_a_name)
}

/// A label at a coarser level: its first `levels` parts. `None` if it has fewer parts than that.
///
/// ```
/// use complaint_contract::label_at;
///
/// assert_eq!(label_at("Card > Fees > Late fee", 2), Some("Card > Fees"));
/// assert_eq!(label_at("Card > Fees", 2), Some("Card > Fees"));
/// assert_eq!(label_at("Card", 2), None);
/// ```
pub fn label_at(label: &str, levels: usize) -> Option<&str> {
    let ends = label.match_indices(LEVEL_SEPARATOR).map(|(at, _)| at);
    let end = ends.chain([label.len()]).nth(levels.checked_sub(1)?)?;
    Some(&label[..end])
}

/// Number of parts of a label that has levels.
pub fn depth(label: &str) -> usize {
    label.matches(LEVEL_SEPARATOR).count() + 1
}

/// Whether a label is the path of at most so many levels, without an empty part.
///
/// ```
/// use complaint_contract::is_path;
///
/// assert!(is_path("Card > Fees", 2) && is_path("Card", 2));
/// assert!(!is_path("Card > Fees > Late", 2) && !is_path("Card > ", 2));
/// ```
pub fn is_path(label: &str, levels: usize) -> bool {
    depth(label) <= levels && label.split(LEVEL_SEPARATOR).all(|part| !part.trim().is_empty())
}

/// Names the labels that may be named, at most five, and counts the others: `` `Card` and 2 more``. `each` writes one.
pub fn list_labels<'l, T>(labels: impl IntoIterator<Item = (&'l str, T)>, each: impl Fn(&str, &T) -> String) -> String {
    let (mut named, mut bytes, mut others) = (Vec::new(), 0, 0);
    for (label, facts) in labels {
        let text = each(label, &facts);
        if named.len() < MOST_LABELS && bytes + text.len() <= MOST_BYTES && is_shown(label) {
            bytes += text.len();
            named.push(text);
        } else {
            others += 1;
        }
    }
    match (named.is_empty(), others) {
        (_, 0) => named.join(", "),
        (false, _) => format!("{} and {others} more", named.join(", ")),
        (true, 1) => "one whose name is not shown".into(),
        (true, _) => format!("{others} whose names are not shown"),
    }
}

/// Whether a message may show a header: each column looks like a name, and no two are equal. Otherwise it may be the first
/// row of a file without a header.
pub fn is_header(columns: &[impl AsRef<str>]) -> bool {
    let mut names: Vec<&str> = columns.iter().map(AsRef::as_ref).collect();
    let plain = names.iter().all(|name| {
        looks_like_a_name(name)
            && name.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && name.chars().count() <= LONGEST_COLUMN
            && name.split_whitespace().count() <= MOST_WORDS
    });
    names.sort_unstable();
    plain && names.windows(2).all(|pair| pair[0] != pair[1])
}

/// The first entry of a `labelMap` whose target is renamed in turn, as (source, target). A target that maps to itself is a
/// merge: `A: B` beside `B: B`.
pub fn renamed_twice(label_map: &BTreeMap<String, String>) -> Option<(&str, &str)> {
    label_map.iter().find_map(|(from, to)| {
        let next = label_map.get(to)?;
        // `A: A` renames nothing.
        (next != to && from != to).then_some((from.as_str(), to.as_str()))
    })
}

/// The characters that a label of a row never begins or ends with, because they are trimmed: Unicode's White_Space. An entry
/// of a `labelMap` must not either, or it names a label that no row has.
pub const SPACES: [char; 25] = [
    '\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{85}', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}', '\u{2002}',
    '\u{2003}', '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}', '\u{200a}', '\u{2028}',
    '\u{2029}', '\u{202f}', '\u{205f}', '\u{3000}',
];

/// The first label of a `labelMap`, old or new, that begins or ends with one of [`SPACES`].
pub fn untrimmed(label_map: &BTreeMap<String, String>) -> Option<&str> {
    let mut labels = label_map.iter().flat_map(|(from, to)| [from, to]);
    labels.find(|label| label.trim() != label.as_str()).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_rows_are_counted_and_not_named() {
        let labels = [
            "Card",
            "jane@example.org",
            "Card + Late fee",
            "4111111111111111",
            "Ä b-c_1.2",
        ];
        let listed = list_labels(labels.map(|label| (label, 3)), |label, rows| {
            format!("{label} ({rows} rows)")
        });
        assert_eq!(
            listed,
            "Card (3 rows), Card + Late fee (3 rows), Ä b-c_1.2 (3 rows) and 2 more"
        );
        let hidden =
            |labels: &[&str]| list_labels(labels.iter().map(|label| (*label, ())), |label, ()| label.to_owned());
        assert_eq!(hidden(&["a@b"]), "one whose name is not shown");
        assert_eq!(hidden(&["a@b", "12345"]), "2 whose names are not shown");
        assert_eq!(hidden(&["a"; 9]), "a, a, a, a, a and 4 more");
    }

    #[test]
    fn a_list_of_long_labels_stays_short() {
        let long = "ä".repeat(100);
        let listed = list_labels([(long.as_str(), ()); 9], |label, ()| label.to_owned());
        assert!(listed.len() < 400, "{}", listed.len());
    }

    #[test]
    fn a_header_is_told_from_a_row() {
        assert!(is_header(&[
            "id",
            "_source.narrative",
            "Sub-product",
            "Company response to consumer"
        ]));
        for row in [
            &["1", "card"] as &[&str],
            &["id", "id"],
            &["id", "jane@example.org"],
            &["id", "DE89 3704 0044"],
            &["id", "my card was charged twice by them"],
            &["id", ""],
            &["[{\"name\": \"Jane", "a"],
        ] {
            assert!(!is_header(row), "{row:?}");
        }
    }

    #[test]
    fn a_target_that_is_renamed_in_turn_is_found() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
                .collect()
        };
        assert_eq!(renamed_twice(&map(&[("A", "B"), ("B", "B")])), None);
        assert_eq!(renamed_twice(&map(&[("A", "C"), ("B", "C"), ("D", "D")])), None);
        assert_eq!(renamed_twice(&map(&[("A", "B"), ("B", "A")])), Some(("A", "B")));
        assert_eq!(renamed_twice(&map(&[("A", "B"), ("B", "C")])), Some(("A", "B")));
        assert_eq!(untrimmed(&map(&[("A", "B"), ("a b", "c d")])), None);
        assert_eq!(untrimmed(&map(&[("A", "B"), (" C", "D")])), Some(" C"));
        assert_eq!(untrimmed(&map(&[("A", "B\u{a0}")])), Some("B\u{a0}"));
    }

    #[test]
    fn trimming_takes_away_the_spaces() {
        let all: Vec<char> = (char::MIN..=char::MAX)
            .filter(|letter| letter.is_whitespace())
            .collect();
        assert_eq!(all, SPACES);
    }
}
