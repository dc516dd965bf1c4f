//! Coverage: how often the interval of a simulated pair contains the true difference.

use rayon::prelude::*;

use super::*;

const CLASSES: usize = 6;
/// Shares of the classes, in percent.
const SHARES: [usize; CLASSES] = [35, 25, 15, 12, 8, 5];
const METRICS: [Metric; 4] = [Metric::Accuracy, Metric::MacroF1, Metric::WeightedF1, Metric::LogLoss];
/// Number of resamples per interval. Fewer resamples give less exact percentiles, but a simulation has very many
/// intervals.
const FEWER: usize = 200;

/// The probabilities of two models' answers to a row.
#[derive(Clone, Copy)]
struct Chances {
    /// Both are correct.
    both: f64,
    /// Only the newcomer is correct.
    newcomer: f64,
    /// Only the champion is correct.
    champion: f64,
}

fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Two models that answer `rows` rows. A wrong answer is the next class, or the one after it.
fn pair(chances: Chances, rows: usize, rng: &mut Rng) -> (Scored, Scored) {
    let empty = || Scored {
        classes: CLASSES,
        actual: Vec::with_capacity(rows),
        predicted: Vec::with_capacity(rows),
        log_loss: Vec::with_capacity(rows),
    };
    let (mut newcomer, mut champion) = (empty(), empty());
    for _ in 0..rows {
        let mut left = rng.below(100);
        let actual = SHARES
            .iter()
            .position(|&share| {
                let is_here = left < share;
                left = left.saturating_sub(share);
                is_here
            })
            .unwrap() as u32;
        let wrong = (actual + 1 + rng.below(2) as u32) % CLASSES as u32;
        let chance = unit(rng);
        let (both, new) = (chances.both, chances.both + chances.newcomer);
        let (new_is_right, old_is_right) = match chance {
            chance if chance < both => (true, true),
            chance if chance < new => (true, false),
            chance if chance < new + chances.champion => (false, true),
            _ => (false, false),
        };
        let spread = unit(rng);
        for (scored, is_right) in [(&mut newcomer, new_is_right), (&mut champion, old_is_right)] {
            scored.actual.push(actual);
            scored.predicted.push(if is_right { actual } else { wrong });
            scored
                .log_loss
                .push(if is_right { 0.4 * spread } else { 0.8 + 2.0 * spread });
        }
    }
    (newcomer, champion)
}

fn gain(newcomer: &Scored, champion: &Scored, metric: Metric) -> f64 {
    metric.as_gain(newcomer.value(metric)) - metric.as_gain(champion.value(metric))
}

fn interval(newcomer: &Scored, champion: &Scored, metric: Metric, seed: u64) -> [f64; 2] {
    match metric {
        Metric::Accuracy => accuracy(newcomer, champion),
        _ => bootstrap(newcomer, champion, metric, seed, FEWER),
    }
}

/// Share of `pairs` simulated pairs whose interval contains the true difference, which is measured on a very large
/// sample.
fn coverage(chances: Chances, rows: usize, pairs: usize, metric: Metric) -> f64 {
    let (newcomer, champion) = pair(chances, 2_000_000, &mut Rng::new(1, 0));
    let truth = match metric {
        // This difference is known exactly.
        Metric::Accuracy => chances.newcomer - chances.champion,
        _ => gain(&newcomer, &champion, metric),
    };
    let covered = (0..pairs as u64)
        .into_par_iter()
        .filter(|&number| {
            let (newcomer, champion) = pair(chances, rows, &mut Rng::new(number, 1));
            let [low, high] = interval(&newcomer, &champion, metric, number);
            low <= truth && truth <= high
        })
        .count();
    covered as f64 / pairs as f64
}

#[test]
fn intervals_hold_the_true_difference_of_models_that_are_nearly_alike() {
    // A true difference of −0.0002, with one discordant row in 1,250: half of the samples of 800 rows have none.
    let nearly_alike = Chances {
        both: 0.8,
        newcomer: 0.0003,
        champion: 0.0005,
    };
    for metric in METRICS {
        let share = coverage(nearly_alike, 800, 1000, metric);
        assert!(share >= 0.94, "{metric}: {share}");
    }
}

#[test]
fn intervals_hold_moderate_and_large_differences() {
    let moderate = Chances {
        both: 0.74,
        newcomer: 0.06,
        champion: 0.04,
    };
    let large = Chances {
        both: 0.6,
        newcomer: 0.2,
        champion: 0.05,
    };
    let backwards = Chances {
        both: 0.7,
        newcomer: 0.03,
        champion: 0.12,
    };
    for chances in [moderate, large, backwards] {
        for metric in METRICS {
            let share = coverage(chances, 400, 1000, metric);
            assert!((0.925..=0.985).contains(&share), "{metric}: {share}");
        }
    }
}

#[test]
fn chance_is_seldom_significant_and_a_large_difference_nearly_always() {
    let alike = Chances {
        both: 0.7,
        newcomer: 0.05,
        champion: 0.05,
    };
    let better = Chances {
        both: 0.7,
        newcomer: 0.13,
        champion: 0.04,
    };
    let significant = |chances: Chances, metric: Metric| {
        let found = (0..500_u64).into_par_iter().filter(|&number| {
            let (newcomer, champion) = pair(chances, 400, &mut Rng::new(number, 2));
            interval(&newcomer, &champion, metric, number)[0] > 0.0
        });
        found.count()
    };
    for metric in METRICS {
        let (chance, real) = (significant(alike, metric), significant(better, metric));
        assert!(
            chance <= 22,
            "{metric}: {chance} of 500 where the models are equally good"
        );
        assert!(real >= 480, "{metric}: {real} of 500 where the newcomer is better");
    }
}

#[test]
fn an_equal_pair_has_an_interval_around_0_and_the_better_one_wins() {
    let of = |right: &dyn Fn(usize) -> bool| Scored {
        classes: 2,
        actual: (0..400).map(|row| row % 2).collect(),
        predicted: (0..400)
            .map(|row| if right(row as usize) { row % 2 } else { 1 - row % 2 })
            .collect(),
        log_loss: (0..400).map(|row| if right(row) { 0.1 } else { 2.0 }).collect(),
    };
    let better = of(&|row| row % 10 != 0);
    let worse = of(&|row| row % 5 != 0 && row % 10 != 3);
    for metric in METRICS {
        let (difference, [low, high]) = paired_difference(&better, &better, metric, 1);
        assert_eq!(difference, 0.0);
        assert!(
            (-0.06..0.0).contains(&low) && high > 0.0 && high < 0.06,
            "{metric}: [{low}, {high}]"
        );
        let (difference, [low, high]) = paired_difference(&better, &worse, metric, 1);
        assert!(
            low > 0.0 && (low..high).contains(&difference),
            "{metric}: {difference} in [{low}, {high}]"
        );
    }
    let nothing = of(&|_| true);
    let nothing = Scored {
        actual: Vec::new(),
        predicted: Vec::new(),
        log_loss: Vec::new(),
        ..nothing
    };
    assert_eq!(paired_difference(&nothing, &nothing, Metric::MacroF1, 1).1, [0.0, 0.0]);
}
