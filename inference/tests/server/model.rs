//! A small but real model: three categories told apart by the words of nine complaints.

use complaint_contract::statistics::{PROBABILITY_BINS, ReferenceFigure, ReferenceProfile, UNKNOWN_WORD_BINS};
use complaint_model::model::Calibration;
use complaint_model::predict::Predictor;
use complaint_model::text::TextPipeline;
use complaint_model::thresholds::UnseenAnswer;
use complaint_model::vectorize::{TokenizedCorpus, Vectorizer};
use complaint_model::word_scores::WordScores;
use complaint_model::{Algorithm, Estimate, Parameters};
use complaint_model::{
    Artifact, ArtifactBuilder, Features, LevelModels, Levels, LinearModel, Normalizer, OperatingPoints, Preprocessing,
    Sha256Digest,
};

pub const CARDS: &str = "I was charged twice for one purchase on my credit card";
pub const LOANS: &str = "The bank refuses to refinance my mortgage loan";
pub const LABELS: [&str; 3] = ["Cards", "Loans", "Transfers & \"wires\""];

const TEXTS: [(usize, &str); 9] = [
    (0, "my credit card was charged twice"),
    (0, "an unknown purchase stands on the card statement"),
    (0, "the card has a fee for a purchase I never made"),
    (1, "my mortgage payment was lost by the bank"),
    (1, "the loan was sold and the mortgage doubled"),
    (1, "they refuse to refinance the loan"),
    (2, "the transfer never arrived"),
    (2, "a wire transfer went to the wrong account"),
    (2, "wire fees for a transfer that was sent back"),
];

/// Each term's weight for a class is how much more of it that class has than all texts together.
fn artifact_with(labels: [&str; 3]) -> ArtifactBuilder {
    let preprocessing = Preprocessing {
        normalizer: Normalizer::None,
        ..Preprocessing::default()
    };
    let features = Features {
        min_document_frequency: 1,
        ..Features::default()
    };
    let pipeline = TextPipeline::new(&preprocessing).unwrap();
    let corpus = TokenizedCorpus::build(&pipeline, &TEXTS.map(|(_, text)| text));
    let rows: Vec<u32> = (0..9).collect();
    let (vectorizer, matrix) = Vectorizer::fit_transform(&corpus, &rows, &features);
    let mut weights = vec![0.0; vectorizer.vocabulary().len() * 3];
    for (row, (class, _)) in TEXTS.iter().enumerate() {
        let (terms, values) = matrix.row(row);
        for (&term, &value) in terms.iter().zip(values) {
            for other in 0..3 {
                weights[term as usize * 3 + other] += if other == *class { 4.0 * value } else { -2.0 * value };
            }
        }
    }
    let model = LinearModel {
        labels: labels.map(String::from).to_vec(),
        weights,
        bias: vec![0.02, 0.01, 0.0],
    };
    ArtifactBuilder::new(
        &preprocessing,
        &vectorizer,
        model,
        Algorithm::LogisticRegression,
        Parameters::default(),
    )
    .surface_forms(&corpus, &rows, 1)
}

/// The same with estimating probabilities, a reference profile and operating points.
fn estimating_artifact_with(labels: [&str; 3]) -> Artifact {
    let estimate = Estimate {
        temperature: 1.5,
        biases: vec![0.1, 0.0, -0.1],
    };
    let builder = artifact_with(labels).estimate(estimate).reference(reference());
    builder.thresholds(operating_points()).build().unwrap()
}

/// Of the answers with the first category those from a probability of 0.9 on were right, the others were not.
fn operating_points() -> OperatingPoints {
    let answer = |place: usize| UnseenAnswer {
        class: 0,
        probability: if place < 50 { 0.9 } else { 0.5 },
        label: usize::from(place >= 50),
    };
    OperatingPoints::of(3, (0..100).map(answer))
}

/// The reference profile of [`estimating_predictor`].
pub fn reference() -> ReferenceProfile {
    let figure = ReferenceFigure {
        expected: 0.81,
        measured: 0.8,
        standard_error: 0.02,
    };
    let all_in = |bins: usize, bin: usize| (0..bins).map(|other| f64::from(u8::from(other == bin))).collect();
    ReferenceProfile {
        rows: 40.0,
        trained_mix: vec![0.5, 0.25, 0.25],
        mix: vec![0.5, 0.25, 0.25],
        answers: vec![0.5, 0.375, 0.125],
        top_probability: all_in(PROBABILITY_BINS, 19),
        unknown_words: all_in(UNKNOWN_WORD_BINS, 2),
        accuracy: figure,
        f1: vec![figure; 3],
    }
}

/// The model with two products: cards, and money with loans and transfers below it. Of the answers with the second product those from
/// a probability of 0.9 on were right.
pub fn leveled_artifact() -> Artifact {
    let labels = ["Cards", "Money > Loans", "Money > Transfers"];
    let artifact = artifact_with(labels).build().unwrap();
    let names = ["product", "issue"].map(String::from);
    let levels = Levels::new(&names, artifact.labels()).unwrap();
    let of_product = |classes: &[f32]| [classes[0], classes[1] + classes[2]];
    let product = LinearModel {
        labels: vec!["Cards".into(), "Money".into()],
        weights: artifact.model().weights.chunks(3).flat_map(of_product).collect(),
        bias: vec![0.0, 0.0],
    };
    let answer = |place: usize| UnseenAnswer {
        class: 4,
        probability: if place < 50 { 0.9 } else { 0.5 },
        label: if place < 50 { 4 } else { 3 },
    };
    ArtifactBuilder::from(artifact)
        .levels(LevelModels::new(levels, vec![(product, Calibration::default())]))
        .thresholds(OperatingPoints::of(5, (0..100).map(answer)))
        .build()
        .unwrap()
}

/// Words that no text of the training has, with scores by their vectors: `theft` speaks for the first category.
fn word_scores() -> WordScores {
    let (words, weights) = (["bank", "lender", "theft"], [0.2, 0.9, 1.0]);
    let scores = [0.1, 0.1, 0.0, -1.0, 2.0, -1.0, 9.0, -4.0, -4.0];
    WordScores::new(words, &weights, &scores).unwrap()
}

/// The model with estimating probabilities, a reference profile and scores of words, as a file's bytes.
pub fn scored_file() -> (Vec<u8>, Sha256Digest) {
    let estimating = ArtifactBuilder::from(estimating_artifact_with(LABELS));
    bytes_of(&estimating.word_scores(word_scores()).build().unwrap())
}

/// The same, ready.
pub fn scored_predictor() -> Predictor {
    Predictor::new(Artifact::from_bytes(&scored_file().0).unwrap())
}

/// The model as a file's bytes, with their digest.
pub fn file() -> (Vec<u8>, Sha256Digest) {
    file_with(LABELS)
}

/// The same model under other names for its categories: another file with other answers.
pub fn file_with(labels: [&str; 3]) -> (Vec<u8>, Sha256Digest) {
    bytes_of(&artifact_with(labels).build().unwrap())
}

/// The same model with estimating probabilities and a reference profile, as a file's bytes.
pub fn estimating_file(labels: [&str; 3]) -> (Vec<u8>, Sha256Digest) {
    bytes_of(&estimating_artifact_with(labels))
}

fn bytes_of(artifact: &Artifact) -> (Vec<u8>, Sha256Digest) {
    let bytes = artifact.to_bytes();
    let digest = Sha256Digest::of_bytes(&bytes);
    (bytes, digest)
}

/// The same model, ready.
pub fn predictor() -> Predictor {
    Predictor::new(artifact_with(LABELS).build().unwrap())
}

/// The same model with estimating probabilities and a reference profile, ready.
pub fn estimating_predictor() -> Predictor {
    Predictor::new(estimating_artifact_with(LABELS))
}
