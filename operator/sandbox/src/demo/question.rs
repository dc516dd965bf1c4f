//! Complaints with known categories, for predictions.

use std::path::Path;

use complaint_api::{ComplaintClassifier, TrainingRun};
use complaint_contract::Reach;
use complaint_operator::training_run::trainer_config;
use complaint_trainer::{
    dataset::{Location, Purpose, Source, load},
    split::split,
};

/// Number of questions from a user's file.
const ASKED: usize = 20;

/// A text and its category.
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

    /// Evenly spaced ones of these.
    pub(crate) fn some(all: &[Self]) -> Vec<Self> {
        let step = (all.len() / ASKED).max(1);
        all.iter().step_by(step).take(ASKED).cloned().collect()
    }

    /// The held-out rows of a file.
    ///
    /// # Errors
    /// The trainer's errors about the file, such as a missing column, a wrong encoding or too few labels.
    pub(crate) fn of_file(
        file: &Path,
        run: &TrainingRun,
        classifier: &ComplaintClassifier,
    ) -> anyhow::Result<Vec<Self>> {
        let config = trainer_config(run, classifier, None);
        let source = Source::open(
            &Location::parse(&file.to_string_lossy()),
            None,
            Purpose::DataSet,
            Reach::Anywhere,
            |_, _| {},
        )?;
        let data = load(&config.dataset, &source, Default::default(), |_| {})?;
        let held_out = split(&data, &config.evaluation).test;
        let question = |&row: &u32| {
            let row = &data.rows[row as usize];
            Self {
                text: data.text(row).to_owned(),
                expected: data.labels[row.label as usize].clone(),
            }
        };
        Ok(held_out.iter().map(question).collect())
    }
}
