//! Judges the answers of a window.

use complaint_contract::statistics::{Counts, ReferenceProfile};

use crate::{
    Rows,
    accuracy::{self, Estimate, Performance},
    distance::{Distance, Measured, chance},
};

/// From where on a window has drifted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Jensen–Shannon distance of the answers' categories, beyond chance (0 to 1).
    pub categories: f64,
    /// Population stability index of the top probability, beyond chance.
    pub probabilities: f64,
    /// Population stability index of the share of unknown words, beyond chance.
    pub unknown_words: f64,
    /// How far the accuracy may be below that of the held-out rows.
    pub accuracy_drop: f64,
}

/// Why a window has drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The answers' categories.
    CategoriesShifted,
    /// The probabilities of the answers.
    ProbabilitiesShifted,
    /// The shares of unknown words.
    UnknownWords,
    /// The accuracy that the probabilities let expect.
    EstimatedAccuracyLow,
    /// The accuracy on corrections that were drawn before anybody looked.
    MeasuredAccuracyLow,
}

impl Reason {
    /// The reason of a condition.
    pub fn name(self) -> &'static str {
        match self {
            Self::CategoriesShifted => "CategoriesShifted",
            Self::ProbabilitiesShifted => "ProbabilitiesShifted",
            Self::UnknownWords => "UnknownWords",
            Self::EstimatedAccuracyLow => "EstimatedAccuracyLow",
            Self::MeasuredAccuracyLow => "MeasuredAccuracyLow",
        }
    }
}

/// Fewest corrections, drawn before anybody looked, that say how many answers are right: the accuracy is then known to about 0.12.
pub const MEASURED_ROWS: u64 = 50;

/// The reasons of a window, where a measured accuracy counts more than an estimated one.
pub fn reasons(
    verdict: Option<&Verdict>,
    measured: Option<&Estimate>,
    profile: &ReferenceProfile,
    thresholds: &Thresholds,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let least = profile.accuracy.measured - thresholds.accuracy_drop;
    if measured.is_some_and(|measured| measured.upper < least) {
        reasons.push(Reason::MeasuredAccuracyLow);
    }
    let others = verdict.iter().flat_map(|verdict| &verdict.reasons);
    reasons.extend(others.filter(|reason| measured.is_none() || **reason != Reason::EstimatedAccuracyLow));
    reasons
}

/// What a window's figures are.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Why it has drifted; empty: it has not. The gravest comes first.
    pub reasons: Vec<Reason>,
    /// Squared Jensen–Shannon distance of the answers' categories.
    pub categories: Measured,
    /// Population stability index of the top probability.
    pub probabilities: Measured,
    /// Population stability index of the share of unknown words.
    pub unknown_words: Measured,
    /// What the answers are worth; `None` without a sample.
    pub performance: Option<Performance>,
}

/// What distances a window without any change has by chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chances {
    categories: f64,
    probabilities: f64,
    unknown_words: f64,
}

impl Chances {
    /// Those of windows with that many answers.
    pub fn new(profile: &ReferenceProfile, answers: u64) -> Self {
        let of = |distance, reference: &[f64]| chance(distance, reference, profile.rows, answers);
        Self {
            categories: of(Distance::SquaredJensenShannon, &profile.answers),
            probabilities: of(Distance::StabilityIndex, &profile.top_probability),
            unknown_words: of(Distance::StabilityIndex, &profile.unknown_words),
        }
    }
}

/// Judges a window by its counts and a sample of its answers.
pub fn judge(
    profile: &ReferenceProfile,
    counts: &Counts,
    rows: &Rows,
    thresholds: &Thresholds,
    chances: &Chances,
) -> Verdict {
    let categories = Measured::new(
        Distance::SquaredJensenShannon,
        &profile.answers,
        &counts.answers,
        chances.categories,
    );
    let index =
        |reference: &[f64], counts: &[u64], chance| Measured::new(Distance::StabilityIndex, reference, counts, chance);
    let probabilities = index(&profile.top_probability, &counts.top_probability, chances.probabilities);
    let unknown_words = index(&profile.unknown_words, &counts.unknown_words, chances.unknown_words);
    let performance = accuracy::estimate(profile, rows);
    let is_low = performance
        .as_ref()
        .is_some_and(|performance| performance.accuracy.upper < profile.accuracy.measured - thresholds.accuracy_drop);
    let found = [
        (Reason::EstimatedAccuracyLow, is_low),
        (
            Reason::CategoriesShifted,
            categories.beyond_chance().sqrt() > thresholds.categories,
        ),
        (
            Reason::ProbabilitiesShifted,
            probabilities.beyond_chance() > thresholds.probabilities,
        ),
        (
            Reason::UnknownWords,
            unknown_words.beyond_chance() > thresholds.unknown_words,
        ),
    ];
    Verdict {
        reasons: found.iter().filter(|(_, is)| *is).map(|(reason, _)| *reason).collect(),
        categories,
        probabilities,
        unknown_words,
        performance,
    }
}
