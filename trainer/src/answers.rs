//! A model's answers to labelled texts, as the server would give them.

use complaint_model::Predictor;
use complaint_model::predict::Scratch;
use rayon::prelude::*;

use crate::metrics::{Scored, row_log_loss};

/// The answers to rows. Classes that only the rows have come after the model's own classes. An answer to a row of such
/// a class is wrong.
#[derive(Debug)]
pub(crate) struct Answers {
    /// Predictions.
    pub(crate) scored: Scored,
    /// Probability of each answer, and whether it was correct.
    pub(crate) confidence: Vec<(f64, bool)>,
}

impl Answers {
    /// No answers yet. `classes` counts the model's classes and those that only the rows have.
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            scored: Scored {
                classes,
                actual: Vec::new(),
                predicted: Vec::new(),
                log_loss: Vec::new(),
            },
            confidence: Vec::new(),
        }
    }

    /// Answers more texts on all threads. Each comes with its class.
    pub(crate) fn take<T: AsRef<str> + Sync>(&mut self, predictor: &Predictor, texts: &[T], actual: &[u32]) {
        let answers: Vec<(u32, f64, f64)> = texts
            .par_iter()
            .zip(actual)
            .map_init(Scratch::default, |scratch, (text, actual)| {
                let answer = predictor.predict(text.as_ref(), scratch);
                let right = answer.probabilities.get(*actual as usize).copied();
                let loss = row_log_loss(f64::from(right.unwrap_or(0.0)));
                (answer.class as u32, loss, f64::from(answer.probability))
            })
            .collect();
        for (&actual, (predicted, loss, probability)) in actual.iter().zip(answers) {
            self.scored.actual.push(actual);
            self.scored.predicted.push(predicted);
            self.scored.log_loss.push(loss);
            self.confidence.push((probability, predicted == actual));
        }
    }
}
