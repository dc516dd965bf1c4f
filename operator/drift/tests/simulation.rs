//! Windows of simulated traffic, where the truth is known.
//!
//! A complaint of category c is a point around c's corner; the probabilities are the exact ones for the trained mix. So the
//! estimates have one thing to get right: that the mix has changed.

use complaint_contract::statistics::{
    Counts, PROBABILITY_BINS, ReferenceFigure, ReferenceProfile, UNKNOWN_WORD_BINS, probability_bin,
};
use complaint_drift::{Row, Rows, accuracy, mix, verdict};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

const CLASSES: usize = 8;
/// How far a category's corner is away: right answers are about 80 %.
const SEPARATION: f64 = 2.4;
const HELD_OUT: usize = 2_000;
const THRESHOLDS: verdict::Thresholds = verdict::Thresholds {
    categories: 0.05,
    probabilities: 0.2,
    unknown_words: 0.2,
    accuracy_drop: 0.05,
};

/// A complaint that was answered, with what nobody knows in production.
#[derive(Clone)]
struct Answered {
    truth: usize,
    row: Row,
    unknown_words: usize,
}

struct World {
    trained: Vec<f64>,
    rng: SmallRng,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            trained: vec![0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.04],
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    fn normal(&mut self) -> f64 {
        // Box & Muller 1958.
        let (a, b) = (1.0 - self.rng.random::<f64>(), self.rng.random::<f64>());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    fn complaint(&mut self, mix: &[f64]) -> Answered {
        let mut at = self.rng.random::<f64>();
        let truth = mix.iter().position(|share| {
            at -= share;
            at < 0.0
        });
        let truth = truth.unwrap_or(CLASSES - 1);
        let likelihoods = (0..CLASSES).map(|class| {
            let corner = if class == truth { SEPARATION } else { 0.0 };
            SEPARATION * (corner + self.normal())
        });
        let scores: Vec<f64> = likelihoods.collect();
        let scores: Vec<f64> = scores
            .iter()
            .zip(&self.trained)
            .map(|(score, share)| score + share.ln())
            .collect();
        let highest = scores.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
        let answer = scores.iter().position(|score| *score == highest).unwrap();
        Answered {
            truth,
            row: Row {
                answer,
                probabilities: scores.iter().map(|score| (score - highest).exp() / sum).collect(),
                weight: 1.0,
            },
            unknown_words: (self.rng.random::<f64>() * 3.0) as usize,
        }
    }

    fn complaints(&mut self, mix: &[f64], count: usize) -> Vec<Answered> {
        (0..count).map(|_| self.complaint(mix)).collect()
    }

    fn profile(&mut self) -> ReferenceProfile {
        let trained = self.trained.clone();
        profile(&trained, &self.complaints(&trained, HELD_OUT))
    }
}

fn rows(answered: &[Answered]) -> Rows {
    Rows::new(answered.iter().map(|answered| answered.row.clone()), CLASSES)
}

fn counts(answered: &[Answered]) -> Counts {
    let mut counts = Counts::new(CLASSES);
    for answered in answered {
        counts.answers[answered.row.answer] += 1;
        counts.top_probability[probability_bin(answered.row.probabilities[answered.row.answer])] += 1;
        counts.unknown_words[answered.unknown_words] += 1;
    }
    counts
}

fn right(answered: &[Answered]) -> f64 {
    let right = answered.iter().filter(|answered| answered.truth == answered.row.answer);
    right.count() as f64 / answered.len() as f64
}

fn f1(answered: &[Answered], class: usize) -> f64 {
    let count = |is: &dyn Fn(&Answered) -> bool| answered.iter().filter(|answered| is(answered)).count() as f64;
    let both = count(&|answered| answered.truth == class && answered.row.answer == class);
    let either = count(&|answered| answered.truth == class) + count(&|answered| answered.row.answer == class);
    2.0 * both / either
}

fn profile(trained: &[f64], held_out: &[Answered]) -> ReferenceProfile {
    let shares = |counts: &[u64]| -> Vec<f64> {
        counts
            .iter()
            .map(|count| *count as f64 / held_out.len() as f64)
            .collect()
    };
    let counts = counts(held_out);
    let confidence: f64 = held_out
        .iter()
        .map(|answered| answered.row.probabilities[answered.row.answer])
        .sum();
    let measured = right(held_out);
    let mut truths = vec![0; CLASSES];
    held_out.iter().for_each(|answered| truths[answered.truth] += 1);
    ReferenceProfile {
        rows: held_out.len() as f64,
        trained_mix: trained.to_vec(),
        mix: shares(&truths),
        answers: shares(&counts.answers),
        top_probability: shares(&counts.top_probability),
        unknown_words: shares(&counts.unknown_words),
        accuracy: ReferenceFigure {
            expected: confidence / held_out.len() as f64,
            measured,
            standard_error: (measured * (1.0 - measured) / held_out.len() as f64).sqrt(),
        },
        f1: (0..CLASSES)
            .map(|class| {
                let measured = f1(held_out, class);
                let rows = held_out.len() as f64 * trained[class];
                ReferenceFigure {
                    expected: measured,
                    measured,
                    standard_error: (measured * (1.0 - measured) / rows).sqrt(),
                }
            })
            .collect(),
    }
}

/// The trained mix with `points` of share moved from the first category to the last.
fn shifted(trained: &[f64], points: f64) -> Vec<f64> {
    let mut mix = trained.to_vec();
    mix[0] -= points;
    mix[CLASSES - 1] += points;
    mix
}

#[test]
fn a_profile_of_a_simulation_is_one() {
    let profile = World::new(1).profile();
    assert!(profile.is_consistent(CLASSES));
    assert!(
        (0.7..0.9).contains(&profile.accuracy.measured),
        "{:?}",
        profile.accuracy
    );
    assert_eq!(profile.top_probability.len(), PROBABILITY_BINS);
    assert_eq!(profile.unknown_words.len(), UNKNOWN_WORD_BINS);
}

/// At most one window in a hundred, over several references: one of them may be an unlucky sample.
#[test]
fn without_change_there_is_no_alarm() {
    let (mut windows, mut alarms) = (0, 0);
    for seed in 0..5 {
        let mut world = World::new(100 + seed);
        let trained = world.trained.clone();
        let profile = world.profile();
        // Windows are drawn from so many complaints.
        let all = world.complaints(&trained, 200_000);
        for (size, times) in [(500, 1_000), (1_000, 600), (3_000, 300), (20_000, 100)] {
            let chances = verdict::Chances::new(&profile, size as u64);
            for _ in 0..times {
                let mut sum = Counts::new(CLASSES);
                for _ in 0..size {
                    let answered = &all[world.rng.random_range(0..all.len())];
                    sum.answers[answered.row.answer] += 1;
                    sum.top_probability[probability_bin(answered.row.probabilities[answered.row.answer])] += 1;
                    sum.unknown_words[answered.unknown_words] += 1;
                }
                let verdict = verdict::judge(&profile, &sum, &Rows::default(), &THRESHOLDS, &chances);
                windows += 1;
                alarms += usize::from(!verdict.reasons.is_empty());
            }
        }
    }
    assert_eq!(windows, 10_000);
    assert!(alarms <= 100, "{alarms} of {windows}");
}

#[test]
fn ten_points_between_two_categories_are_found_in_windows_of_2000() {
    let (mut found, mut two_in_a_row) = (0, 0);
    for seed in 0..50 {
        let mut world = World::new(1_000 + seed);
        let profile = world.profile();
        let mix = shifted(&world.trained, 0.1);
        let chances = verdict::Chances::new(&profile, 2_000);
        let drifted = [0, 1].map(|_| {
            let answered = world.complaints(&mix, 2_000);
            let verdict = verdict::judge(&profile, &counts(&answered), &rows(&answered), &THRESHOLDS, &chances);
            verdict.reasons.contains(&verdict::Reason::CategoriesShifted)
        });
        found += drifted.iter().filter(|drifted| **drifted).count();
        two_in_a_row += usize::from(drifted == [true; 2]);
    }
    assert!(
        found >= 98 && two_in_a_row >= 49,
        "{found} of 100, {two_in_a_row} of 50"
    );
}

/// The truth of nine windows in ten is within the interval, whatever the mix.
#[test]
fn accuracy_is_within_its_interval() {
    let (mut windows, mut within, mut classes, mut classes_within) = (0, 0, 0, 0);
    for seed in 0..20 {
        let mut world = World::new(2_000 + seed);
        let profile = world.profile();
        let uniform = vec![1.0 / CLASSES as f64; CLASSES];
        let mut reversed = world.trained.clone();
        reversed.reverse();
        let mixes = [world.trained.clone(), shifted(&world.trained, 0.15), uniform, reversed];
        for mix in mixes {
            let answered = world.complaints(&mix, 1_500);
            let performance = accuracy::estimate(&profile, &rows(&answered)).expect("there are rows");
            let is_within =
                |estimate: &accuracy::Estimate, truth: f64| (estimate.lower..=estimate.upper).contains(&truth);
            windows += 1;
            within += usize::from(is_within(&performance.accuracy, right(&answered)));
            for class in 0..CLASSES {
                classes += 1;
                classes_within += usize::from(is_within(&performance.f1[class], f1(&answered, class)));
            }
            assert!(
                performance.accuracy.upper - performance.accuracy.lower < 0.12,
                "{performance:?}"
            );
        }
    }
    assert!(within * 10 >= windows * 9, "{within} of {windows}");
    assert!(classes_within * 10 >= classes * 9, "{classes_within} of {classes}");
}

#[test]
fn the_estimated_mix_is_the_true_one() {
    let mut world = World::new(3);
    let mut reversed = world.trained.clone();
    reversed.reverse();
    for truth in [world.trained.clone(), shifted(&world.trained, 0.2), reversed] {
        let answered = world.complaints(&truth, 2_000);
        let estimated = mix::estimate(&world.trained, &rows(&answered));
        assert!((estimated.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        for (estimated, truth) in estimated.iter().zip(&truth) {
            assert!((estimated - truth).abs() < 0.04, "{estimated} {truth}");
        }
    }
    assert_eq!(mix::estimate(&world.trained, &Rows::default()), world.trained);
}

#[test]
fn rows_that_fit_no_model_are_left_out() {
    let row = |answer, probabilities: Vec<f64>, weight| Row {
        answer,
        probabilities,
        weight,
    };
    let odd = [
        row(2, vec![0.5, 0.5], 1.0),
        row(0, vec![1.0], 1.0),
        row(0, vec![0.5, 0.5], f64::NAN),
        row(0, vec![0.5, 0.5], 0.0),
    ];
    assert!(Rows::new(odd, 2).is_empty());
    let profile = World::new(4).profile();
    assert_eq!(accuracy::estimate(&profile, &Rows::default()), None);
}
