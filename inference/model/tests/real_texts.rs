//! Checks that the serving path and the training path give the same bits on real texts:
//!
//! ```text
//! COMPLAINT_TEST_DATA=/path/to/directory cargo test --release -p complaint-model --test real_texts -- --nocapture
//! ```
//!
//! The directory holds CSV files with a column `text`, plain or `.gz`. Without the variable nothing is compared.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use complaint_contract::{Algorithm, Parameters};
use complaint_model::artifact::ArtifactBuilder;
use complaint_model::predict::Scratch;
use complaint_model::text::TextPipeline;
use complaint_model::vectorize::{TokenizedCorpus, Vectorizer};
use complaint_model::{Features, LinearModel, Normalizer, Predictor, Preprocessing};

fn texts(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let file = File::open(path)?;
    let gzip = path.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if gzip {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut csv = csv::Reader::from_reader(reader);
    let column = csv
        .headers()?
        .iter()
        .position(|name| name == "text")
        .ok_or("no column text")?;
    csv.records().map(|record| Ok(record?[column].to_owned())).collect()
}

/// Learns from three of four rows and compares all of them.
fn compare(texts: &[String], preprocessing: &Preprocessing, features: &Features) -> Result<(), Box<dyn Error>> {
    let corpus = TokenizedCorpus::build(&TextPipeline::new(preprocessing)?, texts);
    let rows: Vec<u32> = (0..corpus.len() as u32).collect();
    let seen: Vec<u32> = rows.iter().copied().filter(|row| row % 4 != 0).collect();
    let vectorizer = Vectorizer::fit(&corpus, &seen, features);
    let classes = 5;
    let model = LinearModel {
        labels: (0..classes).map(|class| class.to_string()).collect(),
        weights: (0..vectorizer.vocabulary().len() * classes)
            .map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5)
            .collect(),
        bias: vec![0.0; classes],
    };
    let artifact = ArtifactBuilder::new(
        preprocessing,
        &vectorizer,
        model,
        Algorithm::LinearSvm,
        Parameters::default(),
    )
    .surface_forms(&corpus, &seen, 5)
    .build()?;
    let matrix = artifact.transform(&corpus, &rows);
    let predictor = Predictor::new(artifact);
    let (mut scratch, mut scores, mut expected) = (Scratch::default(), vec![0.0; classes], vec![0.0; classes]);
    for (row, text) in texts.iter().enumerate() {
        let (indices, values) = matrix.row(row);
        predictor.artifact().model().decide(indices, values, &mut scores);
        let class = predictor.artifact().calibration().probabilities(&scores, &mut expected);
        let prediction = predictor.predict(text, &mut scratch);
        assert_eq!(
            (prediction.class, prediction.probabilities),
            (class, &expected[..]),
            "row {row}"
        );
    }
    Ok(())
}

#[test]
fn fast_path_is_the_training_path_on_real_texts() -> Result<(), Box<dyn Error>> {
    let Ok(directory) = std::env::var("COMPLAINT_TEST_DATA") else {
        println!("nothing compared: set COMPLAINT_TEST_DATA to a directory of CSV files with a column `text`");
        return Ok(());
    };
    let words = Features {
        min_document_frequency: 5,
        ..Features::default()
    };
    let characters = Features {
        char_ngrams: Some([3, 5]),
        ..words.clone()
    };
    let stems = Preprocessing {
        normalizer: Normalizer::Stem,
        remove_stop_words: false,
        ..Preprocessing::default()
    };
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let texts = texts(&path)?;
        compare(&texts, &Preprocessing::default(), &words)?;
        compare(&texts, &stems, &characters)?;
        println!("{}: {} texts", path.display(), texts.len());
    }
    Ok(())
}
