use complaint_contract::{ClassWeight, Loss};

use super::*;
use crate::rng::Rng;

const CLASSES: usize = 6;

/// Three linear machines, three logistic regressions and one naive Bayes.
fn estimators() -> Vec<Estimator> {
    let penalties = [0.1, 1.0, 10.0];
    let class_weight = ClassWeight::Balanced;
    let machines = penalties.map(|c| Estimator::LinearSvm {
        c,
        class_weight,
        loss: Loss::SquaredHinge,
    });
    let logistic = penalties.map(|c| Estimator::LogisticRegression { c, class_weight });
    let bayes = [Estimator::MultinomialNaiveBayes { alpha: 0.1 }];
    machines.into_iter().chain(logistic).chain(bayes).collect()
}

fn unit(rng: &mut Rng) -> f64 {
    rng.next_u64() as f64 / u64::MAX as f64
}

/// A class; the last is as rare as one row in a hundred.
fn class(rng: &mut Rng) -> u32 {
    let shares = [0.4, 0.7, 0.85, 0.94, 0.99];
    let drawn = unit(rng);
    shares.iter().filter(|share| drawn > **share).count() as u32
}

/// A fold's evidence for trials that are right with these probabilities. Most rows are as hard for one as for another.
fn fold(race: &Race, rows: usize, probabilities: &[f64], rng: &mut Rng) -> Vec<Evidence> {
    let labels: Vec<u32> = (0..rows).map(|_| class(rng)).collect();
    let mut scores = vec![vec![0.0_f32; rows * CLASSES]; probabilities.len()];
    for (row, &label) in labels.iter().enumerate() {
        let (hard, confused) = (unit(rng), class(rng));
        for (scores, probability) in scores.iter_mut().zip(probabilities) {
            let (hard, confused) = match rng.below(5) {
                0 => (unit(rng), class(rng)),
                _ => (hard, confused),
            };
            let wrong = if confused == label {
                (label + 1) % CLASSES as u32
            } else {
                confused
            };
            let answer = if hard < *probability { label } else { wrong };
            scores[row * CLASSES + answer as usize] = 1.0;
        }
    }
    scores.iter().map(|scores| race.evidence(scores, &labels)).collect()
}

/// The trials that a search with these probabilities stops.
fn search(race: &Race, probabilities: &[f64], rows: usize, rng: &mut Rng) -> Vec<usize> {
    let estimators = estimators();
    let mut running: Vec<usize> = (0..estimators.len()).collect();
    let mut evidence = vec![Vec::new(); estimators.len()];
    let mut stopped = Vec::new();
    let mut folds = 0;
    while let Some(look) = Race::next_look(folds) {
        for _ in folds..look {
            for (all, one) in evidence.iter_mut().zip(fold(race, rows, probabilities, rng)) {
                all.push(one);
            }
        }
        folds = look;
        stopped.extend(
            race.stopped(&estimators, &evidence, &running, folds)
                .into_iter()
                .map(|(trial, _)| trial),
        );
        running.retain(|trial| !stopped.contains(trial));
        // What ran no further has no more evidence.
        stopped.iter().for_each(|&trial| evidence[trial].truncate(look));
    }
    stopped
}

const METRICS: [Metric; 3] = [Metric::MacroF1, Metric::WeightedF1, Metric::Accuracy];

#[test]
fn the_best_trial_of_an_algorithm_is_hardly_ever_stopped() {
    const SEARCHES: usize = 1000;
    // The first of each three is the best one; the others are as good, which is the hardest case.
    let (probabilities, best) = ([0.8, 0.8, 0.8, 0.75, 0.75, 0.75, 0.6], [0, 3]);
    for scoring in METRICS {
        let race = Race::new(scoring, CLASSES, LEAST_ROWS, &estimators()).unwrap();
        let mut rng = Rng::new(7, 1);
        let wrong = (0..SEARCHES).filter(|_| {
            let stopped = search(&race, &probabilities, 1000, &mut rng);
            best.iter().any(|best| stopped.contains(best))
        });
        let share = wrong.count() as f64 / SEARCHES as f64;
        assert!(share <= RISK, "{scoring}: {share}");
        // A rule that never stops a trial would be no rule.
        assert!(share > 0.0, "{scoring}");
    }
}

#[test]
fn a_trial_that_is_well_behind_its_algorithm_is_stopped_and_another_algorithm_is_not() {
    for scoring in METRICS {
        let race = Race::new(scoring, CLASSES, LEAST_ROWS, &estimators()).unwrap();
        let mut rng = Rng::new(7, 2);
        for _ in 0..20 {
            let stopped = search(&race, &[0.8, 0.7, 0.5, 0.75, 0.55, 0.7, 0.4], 1000, &mut rng);
            assert!(
                [2, 4].iter().all(|trial| stopped.contains(trial)),
                "{scoring}: {stopped:?}"
            );
            assert!(
                [0, 3, 6].iter().all(|trial| !stopped.contains(trial)),
                "{scoring}: {stopped:?}"
            );
        }
    }
}

#[test]
fn a_trial_of_an_earlier_pipeline_leads_too() {
    let estimators = estimators();
    let mut race = Race::new(Metric::Accuracy, CLASSES, LEAST_ROWS, &estimators).unwrap();
    let mut rng = Rng::new(7, 3);
    let both = fold(&race, 1000, &[0.9, 0.7, 0.7], &mut rng);
    let [leader, svm, logistic] = both.try_into().unwrap();
    race.finished(Algorithm::LinearSvm, 0.6, vec![svm.clone()]);
    race.finished(Algorithm::LinearSvm, 0.9, vec![leader]);
    race.finished(Algorithm::LinearSvm, 0.5, vec![svm.clone()]);
    let mut evidence = vec![Vec::new(); estimators.len()];
    (evidence[0], evidence[3]) = (vec![svm], vec![logistic]);
    let stopped = race.stopped(&estimators, &evidence, &[0, 3], 1);
    let [(0, behind)] = stopped.as_slice() else {
        panic!("{stopped:?}")
    };
    assert_eq!(behind.leader, None);
    let message = behind.message(Metric::Accuracy, 1, 5, &estimators);
    assert!(
        message.starts_with("stopped after 1 of 5 folds: accuracy is 0.1"),
        "{message}"
    );
    assert!(message.contains("in an earlier text pipeline"), "{message}");
}

#[test]
fn a_trial_that_failed_neither_leads_nor_is_stopped() {
    let estimators = estimators();
    let race = Race::new(Metric::Accuracy, CLASSES, LEAST_ROWS, &estimators).unwrap();
    let [good, bad] = fold(&race, 1000, &[0.9, 0.5], &mut Rng::new(7, 4)).try_into().unwrap();
    let mut evidence = vec![Vec::new(); estimators.len()];
    (evidence[0], evidence[1]) = (vec![good], vec![bad]);
    let stopped = |evidence: &[Vec<Evidence>]| -> Vec<usize> {
        let all = race.stopped(&estimators, evidence, &[0, 1, 2], 1);
        all.into_iter().map(|(trial, _)| trial).collect()
    };
    assert_eq!(stopped(&evidence), [1]);
    evidence[0].clear();
    assert_eq!(stopped(&evidence), [] as [usize; 0]);
}

/// An influence is what the metric loses if the row's weight falls.
#[test]
fn influences_are_what_a_row_adds() {
    let mut rng = Rng::new(7, 5);
    let rows = 400;
    let labels: Vec<u32> = (0..rows).map(|_| class(&mut rng)).collect();
    let answers: Vec<u32> = labels
        .iter()
        .map(|&label| if rng.below(4) == 0 { class(&mut rng) } else { label })
        .collect();
    for scoring in METRICS {
        let whole = Evidence::of_answers(&answers, &labels, scoring, CLASSES);
        let sum: f64 = whole.influences.iter().map(|influence| f64::from(*influence)).sum();
        assert!(sum.abs() < 1e-6, "{scoring}: {sum}");
        for row in 0..rows {
            let without = |list: &[u32]| [&list[..row], &list[row + 1..]].concat();
            let left = Evidence::of_answers(&without(&answers), &without(&labels), scoring, CLASSES);
            let (added, influence) = (whole.gain - left.gain, f64::from(whole.influences[row]));
            // A class of few rows is where a whole row differs most from a small weight.
            assert!(
                (added - influence).abs() <= 0.2 * influence.abs() + 2e-5,
                "{scoring} row {row}: {added}, {influence}"
            );
        }
    }
}

#[test]
fn few_rows_single_trials_and_log_losses_do_not_race() {
    let all = estimators();
    let race = |rows, estimators: &[Estimator]| Race::new(Metric::MacroF1, CLASSES, rows, estimators).is_some();
    assert!(race(1000, &all));
    assert!(!race(999, &all));
    assert!(!race(1000, &[all[0], all[3], all[6]]), "one trial of each algorithm");
    assert!(!race(1000, &[]));
    assert!(Race::new(Metric::LogLoss, CLASSES, 1000, &all).is_none());
}

#[test]
fn quantiles_are_close() {
    for (p, expected) in [(0.05, 1.6449), (0.01, 2.3263), (0.001, 3.0902), (1e-5, 4.2649)] {
        assert!((upper_quantile(p) - expected).abs() < 5e-4, "{p}");
    }
}
