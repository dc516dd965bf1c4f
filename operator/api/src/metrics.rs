//! Metrics on the held-out part.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Metrics of one model on the test rows, rounded to four decimals.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Mean of the classes' F1 scores, each class counting the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_f1: Option<f64>,
    /// Mean of the classes' F1 scores weighted by their test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted_f1: Option<f64>,
    /// Share of test rows answered right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Mean negative logarithm (nats) of the probability given to the right class; less is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_loss: Option<f64>,
}

/// A metric that promotion can compare and gate.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Mean of the classes' F1 scores.
    #[default]
    MacroF1,
    /// Mean of the classes' F1 scores weighted by their rows.
    WeightedF1,
    /// Share of rows answered right.
    Accuracy,
    /// Mean negative log-likelihood; less is better.
    LogLoss,
}

impl Metric {
    /// The name in specs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::MacroF1 => "macroF1",
            Self::WeightedF1 => "weightedF1",
            Self::Accuracy => "accuracy",
            Self::LogLoss => "logLoss",
        }
    }

    /// The metric's value, if it was measured.
    pub fn of(self, metrics: &Metrics) -> Option<f64> {
        match self {
            Self::MacroF1 => metrics.macro_f1,
            Self::WeightedF1 => metrics.weighted_f1,
            Self::Accuracy => metrics.accuracy,
            Self::LogLoss => metrics.log_loss,
        }
    }
}

/// `value` rounded to four decimals, the precision of every number in a status.
pub fn round4(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
