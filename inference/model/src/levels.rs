//! Levels of categories: products and their issues.
//!
//! A model with levels knows the finest one. Its labels are paths, joined with [`LEVEL_SEPARATOR`]: `Credit card > Fees`. A category
//! of a coarser level is a beginning of these paths, and its probability is the sum over the classes below it. A path may end
//! early: then the label is a category of all finer levels too.

use std::ops::Range;

use complaint_contract::{LEVEL_SEPARATOR, is_path, label_at};

use crate::model::argmax;

/// Most levels of a model.
const MOST_LEVELS: usize = *complaint_contract::limits::LABEL_LEVELS.end();

/// The levels of a model's categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    names: Vec<String>,
    coarser: Vec<Level>,
    /// For each category of the last of `coarser`, the classes below it.
    finest: Vec<Range<usize>>,
}

/// An answer's category at a level above the finest.
#[derive(Debug, Clone, Copy)]
pub struct CoarserCategory<'l> {
    /// The level's name.
    pub name: &'l str,
    /// The level.
    pub level: &'l Level,
    /// The place of its first category where the categories of coarser levels count on after the classes.
    pub first: usize,
    /// The category, an index into those of the level.
    pub category: usize,
    /// Its probability.
    pub probability: f32,
}

impl CoarserCategory<'_> {
    /// The place of the category where the categories of coarser levels count on after the classes.
    pub fn place(&self) -> usize {
        self.first + self.category
    }
}

/// A level above the finest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    levels: usize,
    categories: Vec<String>,
    of_class: Vec<u32>,
    /// For each category, whether it is a class too.
    is_class: Vec<bool>,
    /// For each category, its classes.
    classes: Vec<Range<usize>>,
    /// For each category of the level above, or once for all, the categories below it.
    siblings: Vec<Range<usize>>,
}

impl Levels {
    /// The levels with these names, the coarsest first, of classes with these labels, which are sorted.
    ///
    /// # Errors
    /// A text that says which label or name does not fit.
    pub fn new(names: &[String], labels: &[String]) -> Result<Self, String> {
        if !(2..=MOST_LEVELS).contains(&names.len()) || names.iter().any(|name| name.trim().is_empty()) {
            return Err(format!("its levels are not 2 to {MOST_LEVELS} names"));
        }
        if !labels.is_sorted_by(|a, b| a < b) {
            return Err("labels with levels are not sorted".into());
        }
        for (place, label) in labels.iter().enumerate() {
            let below = format!("{label}{LEVEL_SEPARATOR}");
            // What lies below a label follows it, perhaps after other continuations of its text.
            let first = place + labels[place..].partition_point(|other| *other < below);
            if labels.get(first).is_some_and(|other| other.starts_with(&below)) {
                return Err("a label is a level above another label".into());
            }
            if !is_path(label, names.len()) {
                return Err("a label has more parts than levels, or an empty one".into());
            }
        }
        let mut coarser: Vec<Level> = Vec::new();
        for levels in 1..names.len() {
            coarser.push(Level::new(labels, levels, coarser.last()));
        }
        let finest = coarser.last().map(|level| level.classes.clone()).unwrap_or_default();
        Ok(Self {
            names: names.to_vec(),
            coarser,
            finest,
        })
    }

    /// The names of all levels, the coarsest first.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The name of the finest level.
    pub fn finest(&self) -> &str {
        &self.names[self.names.len() - 1]
    }

    /// The levels above the finest, the coarsest first, with their names.
    pub fn coarser(&self) -> impl DoubleEndedIterator<Item = (&str, &Level)> + ExactSizeIterator {
        self.names.iter().map(String::as_str).zip(&self.coarser)
    }

    /// The categories above a class, the coarsest first, with their probabilities.
    ///
    /// # Panics
    /// If there is no such class, or not one probability a class.
    pub fn above<'l>(&'l self, class: usize, probabilities: &[f32]) -> impl Iterator<Item = CoarserCategory<'l>> {
        let mut first = probabilities.len();
        self.coarser().map(move |(name, level)| {
            let category = level.of_class[class] as usize;
            let found = CoarserCategory {
                name,
                level,
                first,
                category,
                probability: level.probability(category, probabilities),
            };
            first += level.categories.len();
            found
        })
    }

    /// Number of categories of all levels above the finest.
    pub fn coarser_categories(&self) -> usize {
        self.coarser.iter().map(|level| level.categories.len()).sum()
    }

    /// Whether a label is a category of a coarser level, and not a class: it ends above the finest level.
    pub fn ends_above(&self, label: &str) -> bool {
        self.coarser.iter().any(|level| {
            let category = level
                .categories
                .binary_search_by(|category| category.as_str().cmp(label));
            category.is_ok_and(|category| !level.is_class[category])
        })
    }

    /// The ranges of classes that lie below the same category of the level above, by that category.
    pub fn siblings(&self) -> &[Range<usize>] {
        &self.finest
    }

    /// The answer: from the coarsest level down, the most probable category below the one before. So the answer's category at
    /// the coarsest level is the most probable one there.
    ///
    /// # Panics
    /// If there is not one probability a class.
    pub fn answer(&self, probabilities: &[f32]) -> usize {
        let mut above = 0;
        for level in &self.coarser {
            let mut best = (f32::MIN, 0);
            for category in level.siblings[above].clone() {
                let sum = level.sum(category, probabilities);
                if sum > best.0 {
                    best = (sum, category);
                }
            }
            above = best.1;
        }
        let classes = self.finest[above].clone();
        classes.start + argmax(&probabilities[classes])
    }
}

impl Level {
    fn new(labels: &[String], levels: usize, above: Option<&Self>) -> Self {
        let of = |label: &String| label_at(label, levels).unwrap_or(label).to_owned();
        let mut categories: Vec<String> = labels.iter().map(of).collect();
        categories.sort();
        categories.dedup();
        let place = |label: &String| categories.binary_search(&of(label)).expect("it is one of them") as u32;
        let of_class: Vec<u32> = labels.iter().map(place).collect();
        let mut classes = vec![labels.len()..0; categories.len()];
        for (class, category) in of_class.iter().enumerate() {
            extend(&mut classes[*category as usize], class);
        }
        let siblings = match above {
            None => std::iter::once(0..categories.len()).collect(),
            Some(above) => {
                let mut siblings = vec![categories.len()..0; above.categories.len()];
                for (category, above) in of_class.iter().zip(&above.of_class) {
                    extend(&mut siblings[*above as usize], *category as usize);
                }
                siblings
            }
        };
        let is_class = (0..categories.len()).map(|category| labels[classes[category].start] == categories[category]);
        Self {
            levels,
            is_class: is_class.collect(),
            categories,
            of_class,
            classes,
            siblings,
        }
    }

    /// The categories, sorted.
    pub fn categories(&self) -> &[String] {
        &self.categories
    }

    /// For each class of the model, its category here.
    pub fn of_class(&self) -> &[u32] {
        &self.of_class
    }

    /// The ranges of categories that lie below the same category of the level above, by that category; all categories, if this is
    /// the coarsest level.
    pub fn siblings(&self) -> &[Range<usize>] {
        &self.siblings
    }

    /// The probability of a category: the sum over its classes.
    ///
    /// # Panics
    /// If there is not one probability a class.
    pub fn probability(&self, category: usize, probabilities: &[f32]) -> f32 {
        self.sum(category, probabilities).min(1.0)
    }

    fn sum(&self, category: usize, probabilities: &[f32]) -> f32 {
        assert_eq!(probabilities.len(), self.of_class.len());
        probabilities[self.classes[category].clone()].iter().sum()
    }

    /// The category of a path that may end above the finest level, or have a class that the model does not know. `None` if it ends
    /// above this level, or the category is not known.
    pub fn find(&self, path: &str) -> Option<usize> {
        let find = |name: &str| {
            self.categories
                .binary_search_by(|category| category.as_str().cmp(name))
                .ok()
        };
        find(label_at(path, self.levels).unwrap_or(path))
    }
}

/// Makes a range end after a place, and begin at it if it was empty. What lies below one category has only its own between.
fn extend(range: &mut Range<usize>, place: usize) {
    *range = range.start.min(place)..range.end.max(place + 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_coarser_category_has_the_sum_of_its_classes() {
        let labels = strings(&["Card > Fees > Late", "Card > Fees > Other", "Card > Theft", "Loan"]);
        let levels = Levels::new(&strings(&["product", "issue", "sub-issue"]), &labels).unwrap();
        let found: Vec<(&str, &[String])> = levels
            .coarser()
            .map(|(name, level)| (name, level.categories()))
            .collect();
        assert_eq!(found[0], ("product", &strings(&["Card", "Loan"])[..]));
        assert_eq!(
            found[1],
            ("issue", &strings(&["Card > Fees", "Card > Theft", "Loan"])[..])
        );
        assert_eq!((levels.finest(), levels.coarser_categories()), ("sub-issue", 5));
        let (_, product) = levels.coarser().next().unwrap();
        let (_, issue) = levels.coarser().nth(1).unwrap();
        let probabilities = [0.25, 0.25, 0.125, 0.375];
        assert_eq!(product.probability(0, &probabilities), 0.625);
        assert_eq!(issue.probability(0, &probabilities), 0.5);
        assert_eq!(issue.of_class(), [0, 0, 1, 2]);
        assert_eq!(product.find("Card > Unheard of"), Some(0));
        assert_eq!(issue.find("Card > Unheard of"), None);
        assert_eq!(issue.find("Card"), None);
        let above = ["Card", "Card > Fees", "Card > Theft", "Loan", "Travel"].map(|label| levels.ends_above(label));
        assert_eq!(above, [true, true, false, false, false]);
        assert_eq!(issue.find("Loan"), Some(2));
        assert_eq!(
            (
                product.siblings().to_vec(),
                issue.siblings().to_vec(),
                levels.siblings().to_vec()
            ),
            (
                std::iter::once(0..2).collect(),
                vec![0..2, 2..3],
                vec![0..2, 2..3, 3..4]
            )
        );
    }

    #[test]
    fn the_answer_is_the_most_probable_path() {
        let labels = strings(&["A ! > z", "A > x", "A > y", "B > x"]);
        let levels = Levels::new(&strings(&["product", "issue"]), &labels).unwrap();
        // `A` sorts before `A !`, its classes after.
        let (_, product) = levels.coarser().next().unwrap();
        assert_eq!(product.categories(), ["A", "A !", "B"]);
        assert_eq!(levels.siblings(), [1..3, 0..1, 3..4]);
        // B > x is the most probable class, and A the most probable product.
        assert_eq!(levels.answer(&[0.1, 0.2, 0.3, 0.4]), 2);
        assert_eq!(levels.answer(&[0.1, 0.1, 0.2, 0.6]), 3);
    }

    #[test]
    fn labels_that_are_no_paths_are_refused() {
        let two = strings(&["product", "issue"]);
        for labels in [
            &["Card", "Card > Fees"][..],
            &["Card", "Card-like", "Card > Fees"],
            &["A > b > c", "B"],
            &["A > ", "B"],
            &["B > x", "A > y"],
        ] {
            assert!(Levels::new(&two, &strings(labels)).is_err(), "{labels:?}");
        }
        assert!(Levels::new(&two, &strings(&["Card", "Card-like", "Cards > Fees"])).is_ok());
        for names in [&["one"][..], &["a", " "], &["a"; 6]] {
            assert!(
                Levels::new(&strings(names), &strings(&["A", "B"])).is_err(),
                "{names:?}"
            );
        }
    }
}
