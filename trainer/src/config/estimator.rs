//! The estimator and the text pipeline of a trial.

use complaint_contract::{Algorithm, ClassWeight, Loss, Parameters};

/// One algorithm at one point of its grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimator {
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
        /// The loss.
        loss: Loss,
    },
    /// Linear support vector machine (squared hinge) over terms weighted by naive Bayes.
    NbSvm {
        /// Inverse strength of the penalty.
        c: f64,
        /// Class weights.
        class_weight: ClassWeight,
        /// Additive smoothing of the naive Bayes ratios.
        alpha: f64,
    },
    /// Complement naive Bayes.
    ComplementNaiveBayes {
        /// Additive smoothing.
        alpha: f64,
    },
    /// Multinomial naive Bayes.
    MultinomialNaiveBayes {
        /// Additive smoothing.
        alpha: f64,
    },
}

impl Estimator {
    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::LogisticRegression { .. } => Algorithm::LogisticRegression,
            Self::LinearSvm { .. } => Algorithm::LinearSvm,
            Self::NbSvm { .. } => Algorithm::NbSvm,
            Self::ComplementNaiveBayes { .. } => Algorithm::ComplementNaiveBayes,
            Self::MultinomialNaiveBayes { .. } => Algorithm::MultinomialNaiveBayes,
        }
    }

    /// The parameters as in statuses and reports. The loss is left out if it is the default.
    pub fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::default();
        match *self {
            Self::LogisticRegression { c, class_weight } => {
                (parameters.c, parameters.class_weight) = (Some(c), Some(class_weight));
            }
            Self::LinearSvm { c, class_weight, loss } => {
                (parameters.c, parameters.class_weight) = (Some(c), Some(class_weight));
                parameters.loss = (loss != Loss::default()).then_some(loss);
            }
            Self::NbSvm { c, class_weight, alpha } => {
                (parameters.c, parameters.class_weight) = (Some(c), Some(class_weight));
                parameters.alpha = Some(alpha);
            }
            Self::ComplementNaiveBayes { alpha } | Self::MultinomialNaiveBayes { alpha } => {
                parameters.alpha = Some(alpha);
            }
        }
        parameters
    }
}

/// `LinearSvm C=1 classWeight=Balanced`, as in progress lines and messages.
impl std::fmt::Display for Estimator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.algorithm(), self.parameters())
    }
}

/// One trial: an estimator on the rows of one text pipeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Index in [`super::RunConfig::pipelines`].
    pub pipeline: usize,
    /// The estimator.
    pub estimator: Estimator,
}
