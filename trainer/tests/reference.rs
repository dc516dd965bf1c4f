//! The figures of the held-out rows that a model carries: they are those that a server would count.

mod support;

use complaint_contract::statistics::{ReferenceProfile, unknown_word_bin};
use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor};
use serde_json::{Value, json};
use support::{Job, Row, csv, rows};

/// Other texts with the same words, and one with a label that no training row has.
fn holdout() -> Vec<Row> {
    let mut held: Vec<Row> = rows().into_iter().step_by(2).collect();
    for (number, (text, _)) in held.iter_mut().enumerate() {
        let words: Vec<&str> = text.split_whitespace().rev().skip(number % 3).collect();
        *text = format!("{} zanzibar{}", words.join(" "), " quagga".repeat(number % 4));
    }
    held.push(("a thing that nobody has a name for".into(), "Unheard of"));
    held
}

fn trained(change: impl FnOnce(&mut Value)) -> Artifact {
    let mut job = Job::new();
    change(&mut job.config);
    let held = job.file("holdout.csv", csv(&holdout()));
    job.config["evaluation"]["holdout"] = json!({ "source": held });
    let ended = job.run(&job.file("data.csv", csv(&rows())));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = ended.message["artifact"]["path"].as_str().unwrap();
    Artifact::from_bytes(&std::fs::read(job.path("store").join(path)).unwrap()).unwrap()
}

/// Answers the holdout like a server, and compares with the figures in the model.
fn check(artifact: Artifact, what: &str) {
    let profile: ReferenceProfile = artifact.reference().unwrap().clone();
    let held_out = artifact.held_out().unwrap().clone();
    let predictor = Predictor::new(artifact);
    let labels = predictor.labels().to_vec();
    let (mut answers, mut unknown, mut right, mut sum) = (vec![0.0; 3], vec![0.0; 11], 0.0, vec![0.0; 3]);
    let mut scratch = Scratch::default();
    let known: Vec<Row> = holdout()
        .into_iter()
        .filter(|(_, label)| *label != "Unheard of")
        .collect();
    for (text, label) in &known {
        let answer = predictor.predict(text, &mut scratch);
        answers[answer.class] += 1.0;
        unknown[unknown_word_bin(f64::from(answer.unknown_word_share))] += 1.0;
        right += f64::from(u8::from(labels[answer.class] == *label));
        let estimating = answer.estimating.unwrap();
        sum.iter_mut()
            .zip(estimating)
            .for_each(|(sum, p)| *sum += f64::from(*p));
    }
    let rows = known.len() as f64;
    let near = |found: &[f64], counts: &[f64]| {
        found
            .iter()
            .zip(counts)
            .all(|(share, count)| (share - count / rows).abs() < 1e-8)
    };
    assert_eq!((profile.rows, held_out.len()), (rows, known.len()), "{what}");
    assert!(
        near(&profile.answers, &answers),
        "{what}: {:?} {answers:?}",
        profile.answers
    );
    assert!(
        near(&profile.unknown_words, &unknown),
        "{what}: {:?} {unknown:?}",
        profile.unknown_words
    );
    assert!((profile.accuracy.measured - right / rows).abs() < 1e-8, "{what}");
    let several = unknown[1..].iter().filter(|rows| **rows > 1.0).count() > 1;
    assert!(unknown[0] < rows / 2.0 && several, "{what}: {unknown:?}");
    let difference = (profile.accuracy.expected - profile.accuracy.measured).abs();
    assert!(
        difference < 5.0 * profile.accuracy.standard_error.max(0.02),
        "{what}: {:?}",
        profile.accuracy
    );
    // Estimating probabilities speak of the classes' shares.
    assert!(
        sum.iter()
            .zip(&profile.mix)
            .all(|(sum, share)| (sum / rows - share).abs() < 0.1),
        "{what}: {sum:?}"
    );
}

#[test]
fn every_algorithm_has_the_figures_that_a_server_would_count() {
    for (algorithm, grid) in [
        ("LogisticRegression", json!({ "C": [1] })),
        ("LinearSvm", json!({ "C": [0.1], "classWeight": ["Balanced"] })),
        ("NbSvm", json!({ "C": [0.1] })),
        ("ComplementNaiveBayes", json!({ "alpha": [0.5] })),
        ("MultinomialNaiveBayes", json!({ "alpha": [0.5] })),
    ] {
        let artifact = trained(|config| {
            config["search"]["candidates"] = json!([{ "algorithm": algorithm, "grid": grid }]);
        });
        check(artifact, algorithm);
    }
}

#[test]
fn averages_and_hashed_models_have_them_too() {
    check(
        trained(|config| config["search"]["ensemble"] = json!({ "maxMembers": 3 })),
        "an average",
    );
    check(
        trained(|config| config["features"]["hashingBits"] = json!(14)),
        "buckets",
    );
}

/// Without a holdout a hashed training reads its held-out rows again.
#[test]
fn rows_that_are_not_kept_are_read_again() {
    let figures = |bits: Option<u8>| {
        let mut job = Job::new();
        if let Some(bits) = bits {
            job.config["features"]["hashingBits"] = json!(bits);
        }
        let ended = job.run(&job.file("data.csv", csv(&rows())));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let path = ended.message["artifact"]["path"].as_str().unwrap();
        let artifact = Artifact::from_bytes(&std::fs::read(job.path("store").join(path)).unwrap()).unwrap();
        (artifact.reference().unwrap().clone(), ended.message)
    };
    let (plain, message) = figures(None);
    let (hashed, _) = figures(Some(20));
    assert_eq!(plain.rows, message["dataset"]["testRows"].as_f64().unwrap());
    assert_eq!(
        (plain.rows, &plain.mix, &plain.trained_mix),
        (hashed.rows, &hashed.mix, &hashed.trained_mix)
    );
    assert_eq!(plain.unknown_words, hashed.unknown_words);
    let accuracy = message["metrics"]["accuracy"].as_f64().unwrap();
    assert!((plain.accuracy.measured - accuracy).abs() < 1e-4);
}
