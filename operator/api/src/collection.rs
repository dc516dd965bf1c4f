//! `spec.serving.feedback` and `spec.serving.capture`: what the servers append to the store. Nothing else keeps texts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use complaint_contract::segments::CaptureMode;

use crate::SecretKeyRef;

/// Corrections that people send to the servers (`POST /feedback`), for the next training and the measured accuracy.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Feedback {
    /// The bearer tokens of those who may send corrections, one a line. Who has one decides what the next model learns.
    pub token_secret_ref: SecretKeyRef,
    /// Share of the complaints of which people check every answer, drawn by their texts. Their corrections measure the accuracy.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub random_share: f64,
    /// Whether a correction may name a category that the model does not have.
    #[serde(default)]
    pub allow_new_categories: bool,
    /// Days that corrections are kept. 0: for ever.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3650))]
    pub retention_days: i32,
}

/// Complaints that the servers keep with their answers, for people to review.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Capture {
    /// `NeedsReview`: answers marked needsReview, and the share. `All`: the share, by default every answer.
    pub mode: CaptureMode,
    /// Share of the complaints that is captured whatever the answer is, drawn by their texts. Unset: 1 with `All`, and
    /// feedback.randomShare with `NeedsReview`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: Option<f64>,
    /// Most bytes that each server pod writes in a day (UTC), compressed.
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_i64))]
    pub max_bytes_per_day: i64,
    /// Days that captured answers are kept. 0: for ever.
    #[schemars(range(min = 0, max = 3650))]
    pub retention_days: i32,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            mode: CaptureMode::Disabled,
            share: None,
            max_bytes_per_day: 100 << 20,
            retention_days: 30,
        }
    }
}
