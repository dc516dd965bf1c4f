//! Complaints whose category is known, to ask the served model about.

use std::path::Path;

use complaint_api::TrainingRun;
use complaint_trainer::{
    config::DatasetConfig,
    dataset::{Location, Source, load},
};
use serde_json::json;

/// How many rows of a user's file are asked about.
const ASKED: usize = 20;

/// A text with the category it should get.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) expected: String,
}

impl Question {
    /// A complaint that is not in the sample.
    pub(crate) fn of_the_sample() -> Vec<Self> {
        vec![Self {
            text: "Somebody I don't know used my card number to buy {$430.00} of electronics in another state. I never made \
                   this charge and I still have the card in my wallet. Please reverse the fraudulent charges and send a new card."
                .into(),
            expected: "Fraud".into(),
        }]
    }

    /// Rows spread over the user's file.
    ///
    /// # Errors
    /// What the trainer would say of the file: missing column, bad encoding, too few labels.
    pub(crate) fn of_file(file: &Path, run: &TrainingRun) -> anyhow::Result<Vec<Self>> {
        let spec = &run.spec.dataset;
        let mut config = json!({
            "format": spec.format, "textField": spec.text_field, "labelFields": spec.label_fields,
            "minSamplesPerClass": spec.min_samples_per_class, "labelMap": spec.label_map,
        });
        if let Some(field) = &spec.split_field {
            config["splitField"] = json!(field);
        }
        let config: DatasetConfig = serde_json::from_value(config)?;
        let source = Source::open(&Location::parse(&file.to_string_lossy()), None, |_, _| {})?;
        let data = load(&config, &source, |_| {})?;
        let step = (data.rows.len() / ASKED).max(1);
        Ok(data
            .rows
            .iter()
            .step_by(step)
            .take(ASKED)
            .map(|row| Self { text: data.text(row).to_owned(), expected: data.labels[row.label as usize].clone() })
            .collect())
    }
}
