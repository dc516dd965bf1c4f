//! Labels with levels: those with too few rows count for the level above.

use complaint_contract::{depth, label_at};
use rustc_hash::{FxHashMap, FxHashSet};

/// A label whose rows count for the level above, with their number.
pub(super) type RolledUp = (String, usize);

/// The rows of each label, as all rows and those that are not published test rows.
pub(super) type RowsOf = Vec<(usize, usize)>;

/// The result of [`roll_up`].
pub(super) struct Rolling {
    /// The new number of each label. Numbers from the old count on are [`Rolling::added`].
    pub(super) to: Vec<u32>,
    /// Labels that no row had before.
    pub(super) added: Vec<String>,
    /// The rows of all labels now.
    pub(super) rows_of: RowsOf,
    /// The labels that have no rows any more, by name.
    pub(super) rolled_up: Vec<RolledUp>,
}

/// Gives rows of labels with fewer than `minimum` rows, or without training rows, the label one level above, from the finest of
/// `levels` levels up. A label that has one with enough rows below it stays. `names` are the labels by number. Rows of the coarsest level stay as they are.
pub(super) fn roll_up(names: &[&str], rows_of: RowsOf, minimum: usize, levels: usize) -> Rolling {
    let mut all: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut number: FxHashMap<String, usize> = all.iter().cloned().zip(0..).collect();
    let mut rows_of = rows_of;
    let mut to: Vec<u32> = (0..all.len() as u32).collect();
    let mut rolled_up = Vec::new();
    // Labels above one with enough rows, which are categories of their levels whatever their own rows.
    let mut kept: FxHashSet<String> = FxHashSet::default();
    let has_enough = |(rows, train): (usize, usize)| rows >= minimum && train > 0;
    for level in (2..=levels).rev() {
        let mut rare = Vec::new();
        for label in (0..all.len()).filter(|&label| depth(&all[label]) == level) {
            if has_enough(rows_of[label]) || kept.contains(&all[label]) {
                let above = (1..level).filter_map(|levels| label_at(&all[label], levels));
                kept.extend(above.map(str::to_owned));
            } else if rows_of[label].0 > 0 {
                rare.push(label);
            }
        }
        rare.sort_by(|a, b| all[*a].cmp(&all[*b]));
        for label in rare {
            let above = label_at(&all[label], level - 1)
                .expect("it has as many levels")
                .to_owned();
            let place = *number.entry(above.clone()).or_insert_with(|| {
                to.push(all.len() as u32);
                rows_of.push((0, 0));
                all.push(above);
                all.len() - 1
            });
            let (rows, train) = std::mem::take(&mut rows_of[label]);
            rows_of[place].0 += rows;
            rows_of[place].1 += train;
            to[label] = place as u32;
            if label < names.len() {
                rolled_up.push((all[label].clone(), rows));
            }
        }
    }
    // What was rolled up twice goes all the way.
    for label in (0..to.len()).rev() {
        let mut end = to[label];
        while to[end as usize] != end {
            end = to[end as usize];
        }
        to[label] = end;
    }
    rolled_up.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Rolling {
        to,
        added: all.split_off(names.len()),
        rows_of,
        rolled_up,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_labels_count_for_the_level_above() {
        let names = ["A > x > 1", "A > x > 2", "A > y", "B", "A > x > 3", "C > z"];
        let rows = vec![(30, 20), (9, 9), (4, 4), (3, 3), (25, 0), (50, 40)];
        let rolled = roll_up(&names, rows, 20, 3);
        assert_eq!(rolled.added, ["A > x", "A"]);
        // 2 and 3 make `A > x` one of 34 rows; y goes to A; B has no level above.
        assert_eq!(rolled.to, [0, 6, 7, 3, 6, 5, 6, 7]);
        let of = |label: usize| rolled.rows_of[label];
        assert_eq!((of(0), of(6), of(7), of(3)), ((30, 20), (34, 9), (4, 4), (3, 3)));
        let named: Vec<&str> = rolled.rolled_up.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(named, ["A > x > 3", "A > x > 2", "A > y"]);
    }

    #[test]
    fn what_lies_above_a_category_stays() {
        let rolled = roll_up(
            &["A > x > 1", "A > x > 2", "A > y > 1"],
            vec![(30, 30), (9, 9), (3, 3)],
            20,
            3,
        );
        assert_eq!(rolled.added, ["A > x", "A > y", "A"]);
        // The second has too few rows, but `A > x` is a category by the first.
        assert_eq!(rolled.to, [0, 3, 5, 3, 5, 5]);
        assert_eq!(rolled.rows_of[3], (9, 9));
    }

    #[test]
    fn what_is_still_too_few_goes_up_again() {
        let rolled = roll_up(
            &["A > x > 1", "A > x > 2", "A > y"],
            vec![(3, 3), (4, 4), (30, 30)],
            20,
            3,
        );
        assert_eq!(rolled.added, ["A > x", "A"]);
        assert_eq!(rolled.to, [4, 4, 2, 4, 4]);
        assert_eq!(rolled.rows_of[4], (7, 7));
    }
}
