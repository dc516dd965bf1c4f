use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TokenizedCorpus, Vectorizer};
use complaint_model::{Algorithm, ArtifactBuilder, Estimate, Features, LinearModel, Parameters, Preprocessing};

use super::*;
use crate::metrics::Confusion;
use crate::rng::Rng;

const CLASSES: usize = 3;
/// Scores have this temperature and these biases.
const TEMPERATURE: f64 = 0.5;
const BIASES: [f64; CLASSES] = [0.3, -0.5, 0.2];

/// A model with three classes and an estimate.
fn artifact() -> Artifact {
    let preprocessing = Preprocessing::default();
    let corpus = TokenizedCorpus::build(&TextPipeline::new(&preprocessing).unwrap(), &["fee", "fee card"]);
    let features = Features {
        min_document_frequency: 1,
        ..Features::default()
    };
    let vectorizer = Vectorizer::fit(&corpus, &[0, 1], &features);
    let model = LinearModel {
        labels: ["Cards", "Fees", "Loans"].map(String::from).to_vec(),
        weights: vec![0.0; vectorizer.vocabulary().len() * CLASSES],
        bias: vec![0.0; CLASSES],
    };
    ArtifactBuilder::new(
        &preprocessing,
        &vectorizer,
        model,
        Algorithm::LinearSvm,
        Parameters::default(),
    )
    .estimate(Estimate {
        temperature: TEMPERATURE,
        biases: BIASES.to_vec(),
    })
    .build()
    .unwrap()
}

/// Rows whose labels are drawn from the estimating probabilities.
fn drawn(rows: usize, seed: u64) -> (Vec<f32>, Vec<u32>, Vec<f32>) {
    let mut rng = Rng::new(seed, 9);
    let mut unit = || rng.next_u64() as f64 / u64::MAX as f64;
    let (mut scores, mut labels, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let own: Vec<f64> = (0..CLASSES).map(|_| 2.0 * unit() - 1.0).collect();
        let odds: Vec<f64> = (0..CLASSES)
            .map(|class| (own[class] / TEMPERATURE + BIASES[class]).exp())
            .collect();
        let mut left = unit() * odds.iter().sum::<f64>();
        let label = odds.iter().position(|odds| {
            left -= odds;
            left <= 0.0
        });
        labels.push(label.unwrap_or(CLASSES - 1) as u32);
        scores.extend(own.iter().map(|score| *score as f32));
        unknown.push(unit() as f32);
    }
    (scores, labels, unknown)
}

fn rows<'a>(drawn: &'a (Vec<f32>, Vec<u32>, Vec<f32>), weights: Option<&'a [f64]>) -> ReferenceRows<'a> {
    ReferenceRows {
        scores: &drawn.0,
        labels: &drawn.1,
        unknown_words: &drawn.2,
        weights,
    }
}

#[test]
fn expected_figures_are_those_of_the_labels() {
    let data = drawn(20_000, 1);
    let trained = mix(&data.1, CLASSES);
    let artifact = artifact();
    let profile = reference_profile(&artifact, rows(&data, None), &trained).unwrap();
    assert!(profile.is_consistent(CLASSES));
    assert_eq!(profile.rows, 20_000.0);
    assert!(profile.mix.iter().zip(&trained).all(|(a, b)| (a - b).abs() < 1e-8));
    let answers = data
        .0
        .chunks_exact(CLASSES)
        .map(|scores| complaint_model::model::argmax(scores) as u32);
    let confusion = Confusion::of(CLASSES, data.1.iter().copied().zip(answers));
    assert!((profile.accuracy.measured - confusion.accuracy()).abs() < 1e-8);
    let names = ["a", "b", "c"].map(String::from);
    for (figure, class) in profile.f1.iter().zip(confusion.per_class(&names)) {
        assert!((figure.measured - class.f1).abs() < 1e-8);
        assert!(
            (figure.expected - figure.measured).abs() < 4.0 * figure.standard_error,
            "{figure:?}"
        );
        assert!((0.001..0.02).contains(&figure.standard_error), "{figure:?}");
    }
    let sure = profile.accuracy;
    assert!(
        (sure.expected - sure.measured).abs() < 4.0 * sure.standard_error,
        "{sure:?}"
    );
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let again = pool.install(|| reference_profile(&artifact, rows(&data, None), &trained));
    assert_eq!(again.as_ref(), Some(&profile));
}

/// The standard errors are those of resampled rows.
#[test]
fn standard_errors_are_the_spread_of_resamples() {
    let (artifact, data) = (artifact(), drawn(1_500, 2));
    let trained = mix(&data.1, CLASSES);
    let profile = reference_profile(&artifact, rows(&data, None), &trained).unwrap();
    let mut differences = vec![Vec::new(); 1 + CLASSES];
    for sample in 0..300 {
        let mut rng = Rng::new(7, sample);
        let mut weights = vec![0.0; 1_500];
        (0..1_500).for_each(|_| weights[rng.below(1_500)] += 1.0);
        let again = reference_profile(&artifact, rows(&data, Some(&weights)), &trained).unwrap();
        for (differences, figure) in differences.iter_mut().zip([again.accuracy].iter().chain(&again.f1)) {
            differences.push(figure.expected - figure.measured);
        }
    }
    for (differences, figure) in differences.iter().zip([profile.accuracy].iter().chain(&profile.f1)) {
        let mean = differences.iter().sum::<f64>() / 300.0;
        let spread = (differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 299.0).sqrt();
        let ratio = figure.standard_error / spread;
        assert!((0.8..1.35).contains(&ratio), "{ratio}: {figure:?}");
    }
}

/// Rows weighed to another mix: expected figures follow, and the effective number of rows is smaller.
#[test]
fn weights_move_expected_and_measured_alike() {
    let data = drawn(20_000, 3);
    let trained = mix(&data.1, CLASSES);
    let wanted = [0.7, 0.2, 0.1];
    let weights: Vec<f64> = data
        .1
        .iter()
        .map(|&label| wanted[label as usize] / trained[label as usize])
        .collect();
    let artifact = artifact();
    let profile = reference_profile(&artifact, rows(&data, Some(&weights)), &trained).unwrap();
    assert!(profile.is_consistent(CLASSES));
    assert!(profile.mix.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!(profile.rows < 19_000.0 && profile.rows > 5_000.0, "{}", profile.rows);
    for figure in [profile.accuracy].iter().chain(&profile.f1) {
        assert!(
            (figure.expected - figure.measured).abs() < 4.0 * figure.standard_error,
            "{figure:?}"
        );
    }
}

#[test]
fn no_rows_or_no_estimate() {
    let empty = (Vec::new(), Vec::new(), Vec::new());
    assert_eq!(
        reference_profile(&artifact(), rows(&empty, None), &[0.5, 0.25, 0.25]),
        None
    );
    let one = (vec![1.0, 0.0, 0.5], vec![1], vec![0.0]);
    let profile = reference_profile(&artifact(), rows(&one, None), &[0.5, 0.25, 0.25]).unwrap();
    assert!(profile.is_consistent(CLASSES));
    assert_eq!((profile.rows, profile.accuracy.measured), (1.0, 0.0));
}
