//! Models of earlier formats go on answering the same: one folder of `tests/formats` a format, with a model and its answers.
//!
//! A model is written once, by the trainer of its time, from the first 300 rows of the example:
//!
//! ```text
//! head -301 examples/data/complaints.csv > rows.csv
//! complaint-trainer train --data rows.csv --text-field narrative --label-field category --min-samples-per-class 10 \
//!     --min-document-frequency 12 --name format-fixture --out inference/model/tests/formats/FORMAT
//! ```
//!
//! Of what that writes only the model is kept. Where a folder has no answers yet, `UPDATE=1` writes them; answers that stand are never
//! written again.

use std::fs;
use std::path::{Path, PathBuf};

use complaint_model::predict::Scratch;
use complaint_model::{Artifact, Predictor};
use serde::{Deserialize, Serialize};

/// Texts of known and unknown words, with redactions, other scripts, and none at all.
const TEXTS: [&str; 10] = [
    "Somebody used my card number to buy {$430.00} of electronics in another state.",
    "I can't log in: the code never arrives at my phone, and the app says that my account is locked.",
    "They charged me a late fee of {$35.00} although I paid on XX/XX/XXXX, and interest on top of it.",
    "A collector calls about a debt that isn't mine and won't say who the original creditor is.",
    "The transfer to my landlord is still pending after six days; XXXX XXXX says it was never sent.",
    "My mortgage servicer lost the escrow payment and now the insurance has lapsed!!!",
    "Ich habe zweimal bezahlt und bekomme mein Geld nicht zurück.",
    "信用卡被盗刷了",
    "zzyzx qwrtp",
    "",
];

/// How far a probability may be from what it was: another machine adds in another order.
const TOLERANCE: f32 = 1e-5;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    text: String,
    category: String,
    unknown_word_share: f32,
    /// In the order of the model's labels.
    probabilities: Vec<f32>,
    estimating: Vec<f32>,
}

fn folders() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let entries = fs::read_dir(all).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn answers(predictor: &Predictor) -> Vec<Answer> {
    let mut scratch = Scratch::default();
    let mut answer = |text: &&str| {
        let found = predictor.predict(text, &mut scratch);
        Answer {
            text: (*text).to_owned(),
            category: predictor.labels()[found.class].clone(),
            unknown_word_share: found.unknown_word_share,
            probabilities: found.probabilities.to_vec(),
            estimating: found.estimating.unwrap_or_default().to_vec(),
        }
    };
    TEXTS.iter().map(&mut answer).collect()
}

fn differ(a: &[f32], b: &[f32]) -> bool {
    a.len() != b.len() || a.iter().zip(b).any(|(a, b)| (a - b).abs() > TOLERANCE)
}

#[test]
fn models_of_earlier_formats_answer_as_they_did() {
    let folders = folders();
    assert!(!folders.is_empty());
    for folder in folders {
        let bytes = fs::read(folder.join("model.safetensors")).expect("a model");
        let artifact = Artifact::from_bytes(&bytes).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert!(artifact.reference().is_some() && artifact.held_out().is_some() && artifact.estimate().is_some());
        let found = answers(&Predictor::new(artifact));
        let place = folder.join("answers.json");
        if !place.exists() && std::env::var_os("UPDATE").is_some() {
            fs::write(&place, serde_json::to_string_pretty(&found).expect("JSON") + "\n").expect("written answers");
        }
        let expected = fs::read(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
        let expected: Vec<Answer> = serde_json::from_slice(&expected).expect("answers");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let is_other = found.text != expected.text
                || found.category != expected.category
                || differ(&[found.unknown_word_share], &[expected.unknown_word_share])
                || differ(&found.probabilities, &expected.probabilities)
                || differ(&found.estimating, &expected.estimating);
            assert!(!is_other, "{}: {found:#?}\nbut it was\n{expected:#?}", folder.display());
        }
    }
}
