//! Metrics of a model on held-out rows.

use serde::{Deserialize, Serialize};

/// A metric of searches, comparisons and gates. `logLoss` is minimised, the others are maximised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Mean of the classes' F1 scores.
    #[default]
    MacroF1,
    /// Mean of the classes' F1 scores, weighted by their rows.
    WeightedF1,
    /// Share of right answers.
    Accuracy,
    /// Mean negative log-probability of the correct class; lower is better.
    LogLoss,
}

impl Metric {
    /// The name of the metric in specs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::MacroF1 => "macroF1",
            Self::WeightedF1 => "weightedF1",
            Self::Accuracy => "accuracy",
            Self::LogLoss => "logLoss",
        }
    }

    /// The value, negated for `logLoss`, so that higher is better.
    pub fn as_gain(self, value: f64) -> f64 {
        if self == Self::LogLoss { -value } else { value }
    }

    /// The metric's value, if present.
    pub fn of(self, metrics: &PartialMetrics) -> Option<f64> {
        match self {
            Self::MacroF1 => metrics.macro_f1,
            Self::WeightedF1 => metrics.weighted_f1,
            Self::Accuracy => metrics.accuracy,
            Self::LogLoss => metrics.log_loss,
        }
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Metrics of one model on its held-out rows, serialised with four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Unweighted mean of the classes' F1 scores.
    #[serde(serialize_with = "decimals::four")]
    pub macro_f1: f64,
    /// Mean of the classes' F1 scores, weighted by their rows.
    #[serde(serialize_with = "decimals::four")]
    pub weighted_f1: f64,
    /// Share of right answers.
    #[serde(serialize_with = "decimals::four")]
    pub accuracy: f64,
    /// Mean negative natural logarithm of the correct class's probability; lower is better.
    #[serde(serialize_with = "decimals::four")]
    pub log_loss: f64,
}

impl Metrics {
    /// The metric's value.
    pub fn get(&self, metric: Metric) -> f64 {
        match metric {
            Metric::MacroF1 => self.macro_f1,
            Metric::WeightedF1 => self.weighted_f1,
            Metric::Accuracy => self.accuracy,
            Metric::LogLoss => self.log_loss,
        }
    }

    /// Whether every value is one that its metric can have: shares from 0 to 1, and a loss of at least 0.
    pub fn are_possible(&self) -> bool {
        let shares = [self.macro_f1, self.weighted_f1, self.accuracy];
        shares.iter().all(|share| (0.0..=1.0).contains(share)) && self.log_loss.is_finite() && self.log_loss >= 0.0
    }
}

/// [`Metrics`] with optional fields, as a manifest may claim them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PartialMetrics {
    /// Unweighted mean of the classes' F1 scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub macro_f1: Option<f64>,
    /// Mean of the classes' F1 scores weighted by their test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub weighted_f1: Option<f64>,
    /// Share of correct predictions on the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub accuracy: Option<f64>,
    /// Mean negative natural logarithm of the correct class's probability on the test rows; lower is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub log_loss: Option<f64>,
}

impl PartialMetrics {
    /// Whether every value that is there is one that its metric can have.
    pub fn are_possible(&self) -> bool {
        let complete = Metrics {
            macro_f1: self.macro_f1.unwrap_or_default(),
            weighted_f1: self.weighted_f1.unwrap_or_default(),
            accuracy: self.accuracy.unwrap_or_default(),
            log_loss: self.log_loss.unwrap_or_default(),
        };
        complete.are_possible()
    }
}

/// Rounds to four decimals.
impl From<Metrics> for PartialMetrics {
    fn from(metrics: Metrics) -> Self {
        Self {
            macro_f1: Some(round4(metrics.macro_f1)),
            weighted_f1: Some(round4(metrics.weighted_f1)),
            accuracy: Some(round4(metrics.accuracy)),
            log_loss: Some(round4(metrics.log_loss)),
        }
    }
}

/// Rounds to four decimals; `-0` becomes `0`.
pub fn round4(value: f64) -> f64 {
    let rounded = (value * 1e4).round() / 1e4;
    if rounded.is_finite() { rounded + 0.0 } else { value }
}

/// Serialises numbers with four decimals, the precision of every status, result and report (`serialize_with`).
pub mod decimals {
    use serde::{Serialize, Serializer};

    use super::round4;

    /// One number.
    ///
    /// # Errors
    /// The serializer's.
    pub fn four<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(round4(*value))
    }

    /// One number, where there is one.
    ///
    /// # Errors
    /// The serializer's.
    pub fn four_if_any<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(round4).serialize(serializer)
    }

    /// Each number of a list.
    ///
    /// # Errors
    /// The serializer's.
    pub fn four_each<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| round4(*value)))
    }

    /// Both ends of an interval.
    ///
    /// # Errors
    /// The serializer's.
    pub fn four_pair<S: Serializer>(value: &[f64; 2], serializer: S) -> Result<S::Ok, S::Error> {
        value.map(round4).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_four_decimals() {
        let metrics = Metrics {
            macro_f1: 0.812_345,
            weighted_f1: 0.8,
            accuracy: 1.0,
            log_loss: -0.000_01,
        };
        let json = r#"{"macroF1":0.8123,"weightedF1":0.8,"accuracy":1.0,"logLoss":0.0}"#;
        assert_eq!(serde_json::to_string(&metrics).unwrap(), json);
        assert_eq!(serde_json::to_string(&PartialMetrics::from(metrics)).unwrap(), json);
    }

    #[test]
    fn each_metric_is_named_like_its_field() {
        let fields = serde_json::to_value(Metrics::default()).unwrap();
        for metric in [Metric::MacroF1, Metric::WeightedF1, Metric::Accuracy, Metric::LogLoss] {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
            assert!(fields.get(metric.name()).is_some(), "{metric}");
        }
    }
}
