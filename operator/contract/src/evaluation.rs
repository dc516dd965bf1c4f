//! What was measured of a version on held-out rows, and the numbers that gates ask for.

use serde::{Deserialize, Serialize};

use crate::{Metric, PartialMetrics, WeakClass, decimals};

/// The evaluation of a version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionEvaluation {
    /// Metrics on the test rows.
    pub metrics: PartialMetrics,
    /// Number of test rows.
    pub rows: usize,
    /// The classes with the lowest recall; the report has all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 5)))]
    pub weakest_classes: Vec<WeakClass>,
    /// Name of the split whose test part these rows are; for rows of the classifier's own, `holdout/sha256:HEX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 128)))]
    pub split: Option<String>,
    /// Expected calibration error: mean distance between the answers' probabilities and the share of right ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub calibration_error: Option<f64>,
    /// The lowest recall of a class with at least 30 test rows; absent where no class has so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_class_recall: Option<ClassRecall>,
    /// How many answers are right if the least probable ones are left to people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 3)))]
    pub coverage: Vec<Coverage>,
    /// The levels of the categories, the coarsest first, if they have levels. All other numbers are those of the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 5)))]
    pub levels: Vec<LevelEvaluation>,
}

/// The evaluation of the answers at one level.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LevelEvaluation {
    /// The level: a field of `dataset.labelLevels`.
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    pub level: String,
    /// Metrics on the test rows with a category of this level.
    pub metrics: PartialMetrics,
    /// Number of these rows.
    pub rows: usize,
    /// Expected calibration error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub calibration_error: Option<f64>,
}

/// The answers to test rows whose probability is high enough.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// The share of the test rows that they are.
    #[serde(serialize_with = "decimals::four")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub answered: f64,
    /// Their least probability: `serving.abstainBelow` of this number leaves all other answers to people.
    #[serde(serialize_with = "decimals::four")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub abstain_below: f64,
    /// The share of right ones among them.
    #[serde(serialize_with = "decimals::four")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub accuracy: f64,
    /// Its 95 % interval (Wilson 1927).
    #[serde(serialize_with = "decimals::four_pair")]
    pub confidence_interval: [f64; 2],
}

/// The recall of one class.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassRecall {
    /// The share of its test rows that were predicted correctly.
    #[serde(serialize_with = "decimals::four")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub recall: f64,
    /// Number of its test rows.
    pub support: usize,
    /// The category, if it may be shown in messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 100)))]
    pub label: Option<String>,
}

/// A number that a gate bounds: a lower bound for shares of right answers, an upper bound for `logLoss` and
/// `calibrationError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum GateMetric {
    /// Mean of the classes' F1 scores.
    MacroF1,
    /// Mean of the classes' F1 scores, weighted by their rows.
    WeightedF1,
    /// Share of right answers.
    Accuracy,
    /// Mean negative log-probability of the correct class; lower is better.
    LogLoss,
    /// Mean distance between the answers' probabilities and the share of right ones; lower is better.
    CalibrationError,
}

impl GateMetric {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::MacroF1,
        Self::WeightedF1,
        Self::Accuracy,
        Self::LogLoss,
        Self::CalibrationError,
    ];

    /// The metric that it is, unless it is the calibration error.
    fn metric(self) -> Option<Metric> {
        match self {
            Self::MacroF1 => Some(Metric::MacroF1),
            Self::WeightedF1 => Some(Metric::WeightedF1),
            Self::Accuracy => Some(Metric::Accuracy),
            Self::LogLoss => Some(Metric::LogLoss),
            Self::CalibrationError => None,
        }
    }

    /// The name in specs.
    pub fn name(self) -> &'static str {
        self.metric().map_or("calibrationError", Metric::name)
    }

    /// The measured value, if there is one: that of a level, or of the categories as they are answered.
    pub fn of(self, evaluation: &VersionEvaluation, level: Option<&str>) -> Option<f64> {
        let (metrics, calibration_error) = match level {
            None => (&evaluation.metrics, evaluation.calibration_error),
            Some(level) => {
                let found = evaluation.levels.iter().find(|found| found.level == level)?;
                (&found.metrics, found.calibration_error)
            }
        };
        match self.metric() {
            Some(metric) => metric.of(metrics),
            None => calibration_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metrics;

    #[test]
    fn a_gate_may_read_the_number_of_a_level() {
        let level = |level: &str, accuracy| LevelEvaluation {
            level: level.into(),
            metrics: Metrics {
                accuracy,
                ..Metrics::default()
            }
            .into(),
            rows: 10,
            calibration_error: Some(0.02),
        };
        let evaluation = VersionEvaluation {
            levels: vec![level("product", 0.9), level("issue", 0.5)],
            ..VersionEvaluation::default()
        };
        let of = |metric: GateMetric, level| metric.of(&evaluation, Some(level));
        assert_eq!(of(GateMetric::Accuracy, "product"), Some(0.9));
        assert_eq!(of(GateMetric::Accuracy, "issue"), Some(0.5));
        assert_eq!(of(GateMetric::CalibrationError, "issue"), Some(0.02));
        assert_eq!(of(GateMetric::Accuracy, "sub-issue"), None);
    }

    #[test]
    fn each_gate_reads_the_number_of_its_name() {
        let evaluation = VersionEvaluation {
            metrics: Metrics {
                macro_f1: 0.1,
                weighted_f1: 0.2,
                accuracy: 0.3,
                log_loss: 0.4,
            }
            .into(),
            calibration_error: Some(0.5),
            ..VersionEvaluation::default()
        };
        let json = serde_json::to_value(&evaluation).unwrap();
        for metric in GateMetric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
            let field = json["metrics"].get(metric.name()).or(json.get(metric.name()));
            assert_eq!(
                field.and_then(serde_json::Value::as_f64),
                metric.of(&evaluation, None),
                "{metric:?}"
            );
        }
    }
}
