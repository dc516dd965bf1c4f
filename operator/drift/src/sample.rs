//! Answers with their probabilities.

use complaint_contract::statistics::{PROBABILITY_ONE, SampledWindow};

/// One answer that stands for `weight` answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The category of the answer, by its place in the labels.
    pub answer: usize,
    /// The estimating probability of each category; they sum to 1.
    pub probabilities: Vec<f64>,
    /// How many answers it stands for.
    pub weight: f64,
}

/// A sample of answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    rows: Vec<Row>,
    /// How many answers the sample stands for.
    answers: f64,
}

impl Rows {
    /// A sample of these rows. Those that fit no model of `classes` categories are left out.
    pub fn new(rows: impl IntoIterator<Item = Row>, classes: usize) -> Self {
        let fits = |row: &Row| {
            row.answer < classes && row.probabilities.len() == classes && row.weight.is_finite() && row.weight > 0.0
        };
        let rows: Vec<Row> = rows.into_iter().filter(fits).collect();
        let answers = rows.iter().map(|row| row.weight).sum();
        Self { rows, answers }
    }

    /// The sample that several servers drew of one window. Each row stands for as many answers as its server gave for each that
    /// it kept.
    pub fn of_windows<'a>(windows: impl IntoIterator<Item = &'a SampledWindow>, classes: usize) -> Self {
        let rows = windows.into_iter().flat_map(|window| {
            let weight = window.answers as f64 / window.rows.len().max(1) as f64;
            window.rows.iter().filter_map(move |row| {
                let sum: f64 = row.probabilities.iter().map(|share| f64::from(*share)).sum();
                // A sum far from one is no rounding.
                let is_whole = (0.9..=1.1).contains(&(sum / f64::from(PROBABILITY_ONE)));
                is_whole.then(|| Row {
                    answer: row.answer as usize,
                    probabilities: row.probabilities.iter().map(|share| f64::from(*share) / sum).collect(),
                    weight,
                })
            })
        });
        Self::new(rows, classes)
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many answers they stand for.
    pub fn answers(&self) -> f64 {
        self.answers
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
