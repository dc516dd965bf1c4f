//! Text pipelines to try: choices of preprocessing and features.

use complaint_contract::{Parameters, PipelineGrid};
use complaint_model::{Features, Preprocessing};

/// One text pipeline of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The steps from text to words.
    pub preprocessing: Preprocessing,
    /// The steps from words to numbers.
    pub features: Features,
    /// The values of the steps that the search varies.
    pub varied: Parameters,
}

/// The first varied step that changes a text's terms, and not only their weights.
pub(super) fn first_step_before_counting(grid: &PipelineGrid) -> Option<&'static str> {
    let steps = [
        ("normalizer", grid.normalizer.is_empty()),
        ("removeStopWords", grid.remove_stop_words.is_empty()),
        ("wordNgrams", grid.word_ngrams.is_empty()),
        ("charNgrams", grid.char_ngrams.is_empty()),
    ];
    steps.into_iter().find(|(_, absent)| !absent).map(|(step, _)| step)
}

/// All combinations. Preprocessing varies slowest, so that consecutive pipelines share their words.
/// `document_frequencies` are the values of `minDocumentFrequency` to try, if any.
pub(super) fn pipelines(
    grid: &PipelineGrid,
    preprocessing: &Preprocessing,
    features: &Features,
    document_frequencies: &[usize],
) -> Vec<Pipeline> {
    let mut all = vec![Pipeline {
        preprocessing: preprocessing.clone(),
        features: features.clone(),
        varied: Parameters::default(),
    }];
    vary(&mut all, &grid.normalizer, |pipeline, value| {
        pipeline.preprocessing.normalizer = value;
        pipeline.varied.normalizer = Some(value);
    });
    vary(&mut all, &grid.remove_stop_words, |pipeline, value| {
        pipeline.preprocessing.remove_stop_words = value;
        pipeline.varied.remove_stop_words = Some(value);
    });
    vary(&mut all, &grid.word_ngrams, |pipeline, value| {
        pipeline.features.word_ngrams = value;
        pipeline.varied.word_ngrams = Some(value);
    });
    vary(&mut all, &grid.char_ngrams, |pipeline, value| {
        pipeline.features.char_ngrams = value.0;
        pipeline.varied.char_ngrams = Some(value);
    });
    vary(&mut all, document_frequencies, |pipeline, value| {
        pipeline.features.min_document_frequency = value;
        pipeline.varied.min_document_frequency = Some(value);
    });
    vary(&mut all, &grid.sublinear_tf, |pipeline, value| {
        pipeline.features.sublinear_tf = value;
        pipeline.varied.sublinear_tf = Some(value);
    });
    all
}

/// Combines the pipelines with the values of one step.
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
