//! `spec.monitoring`: how the operator watches what the champion answers in production.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use complaint_contract::{MAX_LOSS, decimals};

use crate::schema::terse;

/// How the operator watches what the champion answers in production. It reads counts and probabilities from the server pods, and
/// no text.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Monitoring {
    /// The length of a window, at the end of which its answers are judged: hours, minutes and seconds, such as `24h` or `90m`.
    #[schemars(length(max = 20))]
    pub window: String,
    /// A window with fewer answers is not judged.
    #[schemars(range(min = 50, max = 1_000_000))]
    pub min_answers: u32,
    /// How far the categories of the answers may be from those of the held-out rows: Jensen–Shannon distance beyond chance.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub max_category_distance: f64,
    /// How far the probabilities of the answers may be from those of the held-out rows: population stability index beyond chance.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub max_probability_shift: f64,
    /// How far the shares of unknown words may be from those of the held-out rows: population stability index beyond chance.
    #[schemars(range(min = 0.01, max = 10.0))]
    pub max_unknown_word_shift: f64,
    /// How far the estimated accuracy may be below that of the held-out rows.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub max_accuracy_drop: f64,
    /// What happens once the traffic has drifted.
    pub on_drift: OnDrift,
    /// With `onDrift: Adapt`: how much of the trained model's accuracy on the held-out rows as they are an adapted version may lose.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_loss: f64,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            window: "24h".into(),
            min_answers: 500,
            max_category_distance: 0.05,
            max_probability_shift: 0.2,
            max_unknown_word_shift: 0.2,
            max_accuracy_drop: 0.05,
            on_drift: OnDrift::None,
            max_loss: MAX_LOSS,
        }
    }
}

/// What happens once the traffic has drifted.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub enum OnDrift {
    /// The condition and an Event say so.
    #[default]
    None,
    /// One TrainingRun is made from `retraining.template`, too.
    Retrain,
    /// Where the mix of categories has shifted, a version of the champion for the new mix is made, too: the same weights, other
    /// intercepts. It is judged like any other.
    Adapt,
}

/// What the last windows show.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitoringStatus {
    /// Digest of the model that these figures are about. Another champion begins anew.
    #[schemars(length(max = 64))]
    pub sha256: String,
    /// The length of these windows.
    #[schemars(length(max = 20))]
    pub window: String,
    /// The last windows, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub windows: Vec<WindowVerdict>,
    /// The end of the window that showed the last drift: one episode has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "terse::<Time>")]
    pub drift_time: Option<Time>,
    /// The share of right answers in the last window that was judged, estimated without labels. It is blind to a change of what
    /// complaints of a category look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_accuracy: Option<EstimatedShare>,
    /// The share of answers that people say to be right, among corrections that were drawn before anybody looked
    /// (`serving.feedback.randomShare`), in the last windows with 50 of them together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_accuracy: Option<EstimatedShare>,
    /// Corrections in all windows that were looked at, of all champions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub feedback_rows: u64,
    /// The share of right answers on the held-out rows.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "decimals::four_if_any"
    )]
    pub reference_accuracy: Option<f64>,
    /// Jensen–Shannon distance of the answers' categories, beyond chance.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "decimals::four_if_any"
    )]
    pub category_distance: Option<f64>,
    /// Population stability index of the answers' probabilities, beyond chance.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "decimals::four_if_any"
    )]
    pub probability_shift: Option<f64>,
    /// Population stability index of the shares of unknown words, beyond chance.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "decimals::four_if_any"
    )]
    pub unknown_word_shift: Option<f64>,
    /// The categories whose share has changed most since the training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub categories: Vec<CategoryShift>,
}

/// What a window showed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowVerdict {
    /// When it ended.
    #[schemars(schema_with = "terse::<Time>")]
    pub end_time: Time,
    /// Its answers.
    pub answers: u64,
    /// Whether it was judged: it had enough answers.
    pub judged: bool,
    /// Corrections that were drawn before anybody looked, and how many of them say that the answer was right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<DrawnCorrections>,
    /// Why it has drifted; empty: it has not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub reasons: Vec<String>,
}

/// Corrections that were drawn before anybody looked.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DrawnCorrections {
    /// How many there are.
    pub rows: u64,
    /// How many name the answer of the model.
    pub correct: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A share that was estimated or measured.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize, JsonSchema)]
pub struct EstimatedShare {
    /// The share.
    #[serde(serialize_with = "decimals::four")]
    pub value: f64,
    /// Lower end of its 95 % interval.
    #[serde(serialize_with = "decimals::four")]
    pub lower: f64,
    /// Upper end.
    #[serde(serialize_with = "decimals::four")]
    pub upper: f64,
}

/// How the share of a category has changed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryShift {
    /// The category.
    pub label: String,
    /// Its share in the training rows.
    #[serde(serialize_with = "decimals::four")]
    pub trained_share: f64,
    /// Its share among the complaints of the window, estimated.
    #[serde(serialize_with = "decimals::four")]
    pub estimated_share: f64,
    /// Its F1 score in the window, estimated.
    #[serde(serialize_with = "decimals::four")]
    pub estimated_f1: f64,
}
