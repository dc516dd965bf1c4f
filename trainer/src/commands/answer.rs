//! A model's answer, with the field names of the inference server.

use std::path::Path;

use complaint_contract::round4;
use complaint_model::predict::{Prediction, Scratch};
use complaint_model::{Artifact, Predictor, Sha256Digest};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::error::ModelError;

/// Opens a model that the user named.
pub(super) fn open_model(path: &Path) -> Result<Predictor, ModelError> {
    Ok(Predictor::new(model_and_digest(path)?.0))
}

/// Reads a model that the user named, and the digest of its file.
pub(super) fn model_and_digest(path: &Path) -> Result<(Artifact, Sha256Digest), ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let artifact = Artifact::from_bytes(&bytes).map_err(|source| ModelError::Unusable {
        path: path.to_owned(),
        source,
    })?;
    Ok((artifact, Sha256Digest::of_bytes(&bytes)))
}

/// The answer to one text.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'m> {
    /// The class that is the answer.
    pub(super) category: &'m str,
    /// Its probability.
    pub(super) probability: f64,
    /// The most probable classes, if more than one was requested.
    #[serde(skip_serializing_if = "Ranking::is_empty")]
    pub(super) probabilities: Ranking<'m>,
    /// The answer at each level of the categories, the coarsest first. Absent if they have no levels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) levels: Vec<LevelAnswer<'m>>,
    /// Share of the text's words that the model does not know.
    pub(super) unknown_word_share: f64,
}

/// The answer at one level. No rules about reviews are known here.
#[derive(Debug, Serialize)]
pub(super) struct LevelAnswer<'m> {
    level: &'m str,
    category: &'m str,
    /// The sum over the categories below it.
    probability: f64,
}

/// Classes with their probabilities: the answer, then the most probable ones. In JSON, an object.
#[derive(Debug)]
pub(super) struct Ranking<'m>(pub(super) Vec<(&'m str, f64)>);

impl Ranking<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Ranking<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (category, probability) in &self.0 {
            map.serialize_entry(category, probability)?;
        }
        map.end()
    }
}

impl<'m> Answer<'m> {
    /// Answers `text`, with the `top` most probable classes.
    pub(super) fn of(predictor: &'m Predictor, text: &str, top: usize, scratch: &mut Scratch) -> Self {
        let prediction = predictor.predict(text, scratch);
        let labels = predictor.labels();
        Self {
            category: &labels[prediction.class],
            probability: round4(f64::from(prediction.probability)),
            probabilities: Ranking(ranking(labels, &prediction, top)),
            levels: levels(predictor, &prediction),
            unknown_word_share: round4(f64::from(prediction.unknown_word_share)),
        }
    }
}

fn levels<'m>(predictor: &'m Predictor, prediction: &Prediction<'_>) -> Vec<LevelAnswer<'m>> {
    let Some(models) = predictor.artifact().levels() else {
        return Vec::new();
    };
    let above = models.levels().above(prediction.class, prediction.probabilities);
    let answers = above.map(|found| LevelAnswer {
        level: found.name,
        category: &found.level.categories()[found.category],
        probability: round4(f64::from(found.probability)),
    });
    let finest = LevelAnswer {
        level: models.levels().finest(),
        category: &predictor.labels()[prediction.class],
        probability: round4(f64::from(prediction.probability)),
    };
    answers.chain([finest]).collect()
}

fn ranking<'m>(labels: &'m [String], prediction: &Prediction<'_>, top: usize) -> Vec<(&'m str, f64)> {
    let mut classes: Vec<usize> = (0..labels.len()).collect();
    // The answer comes first: with levels, another class may be more probable.
    classes.sort_by(|&a, &b| {
        let order = (b == prediction.class).cmp(&(a == prediction.class));
        order.then(prediction.probabilities[b].total_cmp(&prediction.probabilities[a]))
    });
    let probability = |class: usize| round4(f64::from(prediction.probabilities[class]));
    classes
        .into_iter()
        .take(top)
        .map(|class| (labels[class].as_str(), probability(class)))
        .collect()
}
