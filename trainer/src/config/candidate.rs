//! Algorithms, the values to try, and the trials they make.

use complaint_model::report::{Algorithm, ClassWeight, Parameters};
use serde::{Deserialize, Serialize};

/// One algorithm with the values to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Candidate {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Values to try; a parameter that is left out keeps its default.
    #[serde(default)]
    pub grid: Grid,
}

/// Values a parameter may take. An absent list means the parameter's default: `C` 1, `alpha` 1, `classWeight` none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grid {
    /// Inverse strength of the penalty, as in scikit-learn and LIBLINEAR: it multiplies the sum of the rows' losses.
    #[serde(rename = "C", default, skip_serializing_if = "Vec::is_empty")]
    pub c: Vec<f64>,
    /// Additive smoothing of naive Bayes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alpha: Vec<f64>,
    /// Class weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_weight: Vec<ClassWeight>,
}

/// One algorithm at one point of its grid. Serialises as the `parameters` object of status and report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trial {
    /// Multinomial logistic regression.
    LogisticRegression {
        /// Inverse strength of the penalty.
        c: f64,
        /// Class weights.
        class_weight: ClassWeight,
    },
    /// Linear support vector machine.
    LinearSvm {
        /// Inverse strength of the penalty.
        c: f64,
        /// Class weights.
        class_weight: ClassWeight,
    },
    /// Complement naive Bayes.
    ComplementNaiveBayes {
        /// Additive smoothing.
        alpha: f64,
    },
}

impl Candidate {
    /// The grid's points: class weights outside, penalties inside in ascending order, so that neighbours in a row are
    /// neighbours on the regularisation path.
    pub fn trials(&self) -> Vec<Trial> {
        let c = or_default(&self.grid.c, 1.0);
        let class_weights = or_default(&self.grid.class_weight, ClassWeight::None);
        match self.algorithm {
            Algorithm::ComplementNaiveBayes => or_default(&self.grid.alpha, 1.0)
                .into_iter()
                .map(|alpha| Trial::ComplementNaiveBayes { alpha })
                .collect(),
            Algorithm::LogisticRegression => cross(&class_weights, &c, |c, class_weight| Trial::LogisticRegression {
                c,
                class_weight,
            }),
            Algorithm::LinearSvm => cross(&class_weights, &c, |c, class_weight| Trial::LinearSvm {
                c,
                class_weight,
            }),
        }
    }
}

fn or_default<T: Copy>(values: &[T], default: T) -> Vec<T> {
    if values.is_empty() {
        vec![default]
    } else {
        values.to_vec()
    }
}

fn cross(class_weights: &[ClassWeight], c: &[f64], trial: impl Fn(f64, ClassWeight) -> Trial) -> Vec<Trial> {
    let mut ascending = c.to_vec();
    ascending.sort_by(f64::total_cmp);
    class_weights
        .iter()
        .flat_map(|&weight| ascending.iter().map(move |&c| (c, weight)))
        .map(|(c, weight)| trial(c, weight))
        .collect()
}

impl Trial {
    /// The trial's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::LogisticRegression { .. } => Algorithm::LogisticRegression,
            Self::LinearSvm { .. } => Algorithm::LinearSvm,
            Self::ComplementNaiveBayes { .. } => Algorithm::ComplementNaiveBayes,
        }
    }

    /// `parameters` in status and report.
    pub fn parameters(&self) -> Parameters {
        match *self {
            Self::LogisticRegression { c, class_weight } | Self::LinearSvm { c, class_weight } => Parameters {
                c: Some(c),
                class_weight: Some(class_weight),
                alpha: None,
            },
            Self::ComplementNaiveBayes { alpha } => Parameters {
                alpha: Some(alpha),
                ..Parameters::default()
            },
        }
    }
}

/// `linearSvm C=1 classWeight=balanced`, as progress lines and tables show it.
impl std::fmt::Display for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.algorithm(), self.parameters())
    }
}
