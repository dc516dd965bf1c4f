//! The output tensors of the Open Inference Protocol.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::ApiError;
use super::json::Object;
use crate::core::engine::{Answer, Engine};
use crate::core::refusal::shorten;

/// An output that a client requests by name.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object with `name`")]
pub(super) struct RequestedOutput {
    name: String,
}

/// One output tensor.
#[derive(Serialize, ToSchema)]
#[schema(as = OutputTensor)]
pub(super) struct Tensor<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    data: Data<'a>,
}

/// A tensor's elements, row-major.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = TensorData)]
enum Data<'a> {
    Bytes(Vec<&'a str>),
    Numbers(Vec<f32>),
    Flags(Vec<bool>),
}

/// The output tensors. `N` is the number of texts, `K` the number of categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// `[N]` BYTES: the most probable category.
    Category,
    /// `[N]` FP32: its probability.
    Probability,
    /// `[N, K]` FP32: all probabilities, in the order of the metadata's `categories`.
    Probabilities,
    /// `[N]` BOOL: whether the probability is below the category's threshold, or the server's `--abstain-below`.
    NeedsReview,
    /// `[N]` FP32: the share of words that the model does not know.
    UnknownWordShare,
}

impl Output {
    pub(super) const ALL: [Self; 5] = [
        Self::Category,
        Self::Probability,
        Self::Probabilities,
        Self::NeedsReview,
        Self::UnknownWordShare,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Probability => "probability",
            Self::Probabilities => "probabilities",
            Self::NeedsReview => "needs_review",
            Self::UnknownWordShare => "unknown_word_share",
        }
    }

    fn datatype(self) -> &'static str {
        match self {
            Self::Category => "BYTES",
            Self::NeedsReview => "BOOL",
            Self::Probability | Self::Probabilities | Self::UnknownWordShare => "FP32",
        }
    }

    /// The output's entry in the model's metadata.
    pub(super) fn metadata(self, categories: usize) -> Value {
        let shape = if self == Self::Probabilities {
            json!([-1, categories])
        } else {
            json!([-1])
        };
        json!({ "name": self.name(), "datatype": self.datatype(), "shape": shape })
    }

    /// The outputs that the client requests. All outputs if it names none.
    pub(super) fn requested(names: &[Object<RequestedOutput>]) -> Result<Vec<Self>, ApiError> {
        if names.is_empty() {
            return Ok(Self::ALL.to_vec());
        }
        let find = |Object(name): &Object<RequestedOutput>| {
            Self::ALL
                .into_iter()
                .find(|output| output.name() == name.name)
                .ok_or_else(|| {
                    let known = Self::ALL.map(Self::name).join(", ");
                    ApiError::InvalidRequest(format!(
                        "there is no output `{}`; the outputs are {known}",
                        shorten(&name.name)
                    ))
                })
        };
        names.iter().map(find).collect()
    }

    /// The tensor of this output for these answers.
    pub(super) fn tensor<'a>(self, engine: &'a Engine, answers: &'a [Answer]) -> Tensor<'a> {
        let categories = engine.labels().len();
        let answered = answers.iter();
        let data = match self {
            Self::Category => Data::Bytes(answered.map(|a| engine.label(a.ranking[0].category)).collect()),
            Self::Probability => Data::Numbers(answered.map(|a| a.ranking[0].probability).collect()),
            Self::Probabilities => Data::Numbers(answered.flat_map(|a| in_label_order(a, categories)).collect()),
            Self::NeedsReview => Data::Flags(answered.map(|a| a.needs_review).collect()),
            Self::UnknownWordShare => Data::Numbers(answered.map(|a| a.unknown_word_share).collect()),
        };
        let shape = if self == Self::Probabilities {
            vec![answers.len(), categories]
        } else {
            vec![answers.len()]
        };
        Tensor {
            name: self.name(),
            datatype: self.datatype(),
            shape,
            data,
        }
    }
}

fn in_label_order(answer: &Answer, categories: usize) -> Vec<f32> {
    let mut row = vec![0.0; categories];
    for ranked in &answer.ranking {
        row[ranked.category] = ranked.probability;
    }
    row
}
