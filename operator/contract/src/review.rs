//! When an answer is left to a person.

use serde::{Deserialize, Serialize};

use crate::limits;

/// Which answers are marked `needsReview`: `serving.abstainBelow` and `serving.thresholds` of a classifier.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ReviewRules {
    /// Those with a lower probability. A category with a threshold of its own does not follow this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abstain_below: Option<f64>,
    /// Thresholds of categories, each at most once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<CategoryThreshold>,
}

impl ReviewRules {
    /// Whether no answer is left to a person.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what the schema of a ComplaintClassifier checks.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validate(&self) -> Result<(), String> {
        if self.abstain_below.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err("abstainBelow is no number from 0 to 1".into());
        }
        if self.thresholds.len() > limits::THRESHOLDS {
            return Err(format!("there are more than {} thresholds", limits::THRESHOLDS));
        }
        for (place, threshold) in self.thresholds.iter().enumerate() {
            threshold.validate()?;
            let before = &self.thresholds[..place];
            if before.iter().any(|other| other.category == threshold.category) {
                return Err(format!("`{}` has two thresholds", threshold.category));
            }
        }
        Ok(())
    }

    /// The rules of the arguments `--abstain-below`, `--min-precision` and `--min-recall`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn of_arguments(
        abstain_below: Option<f64>,
        min_precision: &[(String, f64)],
        min_recall: &[(String, f64)],
    ) -> Result<Self, String> {
        let precise = min_precision.iter().map(|(category, share)| CategoryThreshold {
            category: category.clone(),
            min_precision: Some(*share),
            min_recall: None,
        });
        let complete = min_recall.iter().map(|(category, share)| CategoryThreshold {
            category: category.clone(),
            min_precision: None,
            min_recall: Some(*share),
        });
        let rules = Self {
            abstain_below,
            thresholds: precise.chain(complete).collect(),
        };
        rules.validate().map(|()| rules)
    }
}

/// The threshold of a category, by what its answers must reach. The probability that this takes is read off each model's own
/// answers to training rows that it had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.minPrecision) != has(self.minRecall)",
    "message": "set exactly one of minPrecision and minRecall",
}])))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CategoryThreshold {
    /// The category. Only its own answers follow the threshold.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = limits::LABEL)))]
    pub category: String,
    /// The share of right ones among its answers that need no review. The lowest probability that reaches it is the threshold; where
    /// none does, all its answers need review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *limits::MIN_PRECISION.start(), max = *limits::MIN_PRECISION.end())))]
    pub min_precision: Option<f64>,
    /// The share of the category's complaints that get this answer without review. The highest probability that leaves so many is
    /// the threshold; where none does, none of its answers needs review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = *limits::MIN_RECALL.start(), max = *limits::MIN_RECALL.end())))]
    pub min_recall: Option<f64>,
}

impl CategoryThreshold {
    /// What the category's answers must reach. `None` if the threshold names none or two; schema and [`ReviewRules::validate`] refuse
    /// both.
    pub fn target(&self) -> Option<ReviewTarget> {
        match (self.min_precision, self.min_recall) {
            (Some(share), None) => Some(ReviewTarget::Precision(share)),
            (None, Some(share)) => Some(ReviewTarget::Recall(share)),
            _ => None,
        }
    }

    fn validate(&self) -> Result<(), String> {
        let category = &self.category;
        if !(1..=limits::LABEL).contains(&category.chars().count()) {
            return Err(format!(
                "a threshold's category is empty or longer than {} characters",
                limits::LABEL
            ));
        }
        let (share, name, range) = match self.target() {
            Some(ReviewTarget::Precision(share)) => (share, "minPrecision", limits::MIN_PRECISION),
            Some(ReviewTarget::Recall(share)) => (share, "minRecall", limits::MIN_RECALL),
            None => {
                return Err(format!(
                    "the threshold of `{category}` sets not exactly one of minPrecision and minRecall"
                ));
            }
        };
        if !range.contains(&share) {
            let (low, high) = (range.start(), range.end());
            return Err(format!("the {name} of `{category}` is not within {low} to {high}"));
        }
        Ok(())
    }
}

/// What a category's answers without review must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReviewTarget {
    /// This share of them must be right.
    Precision(f64),
    /// They must be right answers to this share of the category's complaints.
    Recall(f64),
}

impl ReviewTarget {
    /// The share.
    pub fn share(self) -> f64 {
        match self {
            Self::Precision(share) | Self::Recall(share) => share,
        }
    }
}

/// A threshold as `CATEGORY=SHARE`, the form of command lines. The last `=` divides, so a category may contain one.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_threshold(text: &str) -> Result<(String, f64), String> {
    let (category, share) = text.rsplit_once('=').unwrap_or((text, ""));
    match share.trim().parse() {
        Ok(share) if !category.is_empty() => Ok((category.to_owned(), share)),
        _ => Err("write it as CATEGORY=SHARE, such as `Credit card=0.95`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(category: &str, min_precision: Option<f64>, min_recall: Option<f64>) -> CategoryThreshold {
        CategoryThreshold {
            category: category.into(),
            min_precision,
            min_recall,
        }
    }

    #[test]
    fn a_threshold_has_one_target_and_a_category_one_threshold() {
        let problem = |thresholds: Vec<CategoryThreshold>| {
            let rules = ReviewRules {
                abstain_below: Some(0.5),
                thresholds,
            };
            rules.validate().err()
        };
        assert_eq!(
            problem(vec![threshold("A", Some(0.9), None), threshold("B", None, Some(1.0))]),
            None
        );
        for (bad, part) in [
            (vec![threshold("A", None, None)], "exactly one"),
            (vec![threshold("A", Some(0.9), Some(0.9))], "exactly one"),
            (
                vec![threshold("A", Some(1.0), None)],
                "minPrecision of `A` is not within",
            ),
            (vec![threshold("A", None, Some(0.0))], "minRecall of `A` is not within"),
            (vec![threshold("", Some(0.9), None)], "category is empty"),
            (
                vec![threshold("A", Some(0.9), None), threshold("A", None, Some(0.9))],
                "`A` has two thresholds",
            ),
        ] {
            let told = problem(bad).expect("it is refused");
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn arguments_become_rules() {
        assert_eq!(parse_threshold("Card=fees=0.9"), Ok(("Card=fees".into(), 0.9)));
        for bad in ["Card", "Card=", "=0.9", "Card=high"] {
            assert!(parse_threshold(bad).is_err(), "{bad}");
        }
        let rules = ReviewRules::of_arguments(Some(0.4), &[("A".into(), 0.9)], &[("B".into(), 0.8)]).expect("valid");
        assert_eq!(
            rules.thresholds,
            [threshold("A", Some(0.9), None), threshold("B", None, Some(0.8))]
        );
        let told = ReviewRules::of_arguments(None, &[("A".into(), 9.0)], &[]).expect_err("9 is no share");
        assert!(told.starts_with("the minPrecision of `A`"), "{told}");
    }
}
