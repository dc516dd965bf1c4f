//! Text pipelines to try: choices of preprocessing and features.

use complaint_model::report::{CharNgrams, Parameters};
use complaint_model::{Features, Normalizer, Preprocessing};
use serde::{Deserialize, Serialize};

/// Values to try for steps of the text pipeline; every combination is tried with every candidate. A step that is left out
/// stays as `preprocessing` and `features` say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipelineGrid {
    /// Ways to reduce words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub normalizer: Vec<Normalizer>,
    /// Without stop words, or with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_stop_words: Vec<bool>,
    /// Shortest and longest word n-grams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub word_ngrams: Vec<[usize; 2]>,
    /// Shortest and longest character n-grams; `[]` is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub char_ngrams: Vec<CharNgrams>,
    /// Dampened counts, or plain ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sublinear_tf: Vec<bool>,
}

/// One text pipeline of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// From text to words.
    pub preprocessing: Preprocessing,
    /// From words to numbers.
    pub features: Features,
    /// The steps that the search varies, with their values here.
    pub varied: Parameters,
}

impl PipelineGrid {
    /// Whether nothing is varied.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A step that is varied and changes which terms a text has; without one, only their weights differ.
    pub(super) fn first_step_before_counting(&self) -> Option<&'static str> {
        let steps = [
            ("normalizer", self.normalizer.is_empty()),
            ("removeStopWords", self.remove_stop_words.is_empty()),
            ("wordNgrams", self.word_ngrams.is_empty()),
            ("charNgrams", self.char_ngrams.is_empty()),
        ];
        steps.into_iter().find(|(_, absent)| !absent).map(|(step, _)| step)
    }

    /// All combinations, preprocessing outside, so that neighbours share their words.
    pub(super) fn pipelines(&self, preprocessing: &Preprocessing, features: &Features) -> Vec<Pipeline> {
        let mut all = vec![Pipeline {
            preprocessing: preprocessing.clone(),
            features: features.clone(),
            varied: Parameters::default(),
        }];
        vary(&mut all, &self.normalizer, |pipeline, value| {
            pipeline.preprocessing.normalizer = value;
            pipeline.varied.normalizer = Some(value);
        });
        vary(&mut all, &self.remove_stop_words, |pipeline, value| {
            pipeline.preprocessing.remove_stop_words = value;
            pipeline.varied.remove_stop_words = Some(value);
        });
        vary(&mut all, &self.word_ngrams, |pipeline, value| {
            pipeline.features.word_ngrams = value;
            pipeline.varied.word_ngrams = Some(value);
        });
        vary(&mut all, &self.char_ngrams, |pipeline, value| {
            pipeline.features.char_ngrams = value.0;
            pipeline.varied.char_ngrams = Some(value);
        });
        vary(&mut all, &self.sublinear_tf, |pipeline, value| {
            pipeline.features.sublinear_tf = value;
            pipeline.varied.sublinear_tf = Some(value);
        });
        all
    }
}

/// Multiplies the pipelines by the values of one step.
fn vary<T: Copy>(all: &mut Vec<Pipeline>, values: &[T], set: impl Fn(&mut Pipeline, T)) {
    if values.is_empty() {
        return;
    }
    *all = all
        .iter()
        .flat_map(|pipeline| values.iter().map(move |&value| (pipeline.clone(), value)))
        .map(|(mut pipeline, value)| {
            set(&mut pipeline, value);
            pipeline
        })
        .collect();
}

impl Pipeline {
    /// The estimator's parameters with the steps that the search varied.
    pub fn parameters(&self, of: Parameters) -> Parameters {
        let Parameters {
            c,
            alpha,
            class_weight,
            loss,
            ..
        } = of;
        Parameters {
            c,
            alpha,
            class_weight,
            loss,
            ..self.varied
        }
    }
}
