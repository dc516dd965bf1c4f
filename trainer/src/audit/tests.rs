use super::*;
use crate::rng::Rng;
use crate::vector_scaling::vector_scaling;

/// Scores for four classes up to `scale`, and labels drawn from softmax(scores / 2). A share of the labels then becomes another.
pub(super) fn drawn(rows: usize, wrong: f64, scale: f64) -> (Vec<f32>, Vec<u32>) {
    let (scores, labels, _) = drawn_and_told(rows, wrong, scale);
    (scores, labels)
}

/// [`drawn`], and whether each label is wrong.
fn drawn_and_told(rows: usize, wrong: f64, scale: f64) -> (Vec<f32>, Vec<u32>, Vec<bool>) {
    let mut rng = Rng::new(23, 4);
    let mut unit = || rng.next_u64() as f64 / u64::MAX as f64;
    let (mut scores, mut labels, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let own: Vec<f64> = (0..4).map(|_| scale * (2.0 * unit() - 1.0)).collect();
        let odds: Vec<f64> = own.iter().map(|score| (score / 2.0).exp()).collect();
        let mut left = unit() * odds.iter().sum::<f64>();
        let drawn = odds.iter().position(|odds| {
            left -= odds;
            left <= 0.0
        });
        let is_wrong = unit() < wrong;
        let shift = if is_wrong { 1 + (3.0 * unit()) as u32 % 3 } else { 0 };
        labels.push((drawn.unwrap_or(3) as u32 + shift) % 4);
        told.push(is_wrong);
        scores.extend(own.iter().map(|score| *score as f32));
    }
    (scores, labels, told)
}

fn audited(scores: &[f32], labels: &[u32], classes: usize) -> Audit {
    let folds = vec![0; labels.len()];
    let data = OutOfFold {
        scores,
        labels,
        folds: &folds,
        classes,
    };
    let temperature = crate::calibration::temperature(scores, labels, classes);
    audit(data, &vector_scaling(scores, labels, classes, temperature))
}

#[test]
fn wrong_labels_are_suspected_and_doubtful_ones_are_not() {
    let (scores, labels) = drawn(10_000, 0.0, 4.0);
    let found = audited(&scores, &labels, 4);
    assert_eq!(found.suspects, [], "noise {}", found.noise);

    let (scores, labels, told) = drawn_and_told(10_000, 0.1, 16.0);
    let found = audited(&scores, &labels, 4);
    let wrong = told.iter().filter(|wrong| **wrong).count();
    let right = found
        .suspects
        .iter()
        .filter(|suspect| told[suspect.row as usize])
        .count();
    assert!(right as f64 > 0.75 * wrong as f64, "{right} of {wrong}");
    assert!(
        (found.suspects.len() as f64 / wrong as f64 - 1.0).abs() < 0.15,
        "{} of {wrong}",
        found.suspects.len()
    );
    for suspect in &found.suspects {
        assert_ne!(suspect.suspected, labels[suspect.row as usize]);
        assert!(suspect.margin > 0.0 && suspect.margin <= suspect.confidence && suspect.confidence <= 1.0);
    }
    let doubts: Vec<f64> = found
        .suspects
        .iter()
        .map(|suspect| suspect.confidence - suspect.margin)
        .collect();
    assert!(
        doubts.is_sorted_by(|a, b| *a <= *b + 1e-12),
        "the least probable label first"
    );
    assert_eq!(found.classes.iter().map(|class| class.rows).sum::<usize>(), 10_000);
    assert_eq!(
        found.classes.iter().map(|class| class.suspects).sum::<usize>(),
        found.suspects.len()
    );
}

#[test]
fn a_class_with_more_wrong_labels_has_more_noise() {
    let (scores, mut labels) = drawn(20_000, 0.0, 16.0);
    // Every fourth row of class 0 is labelled as class 3, and nothing else is wrong.
    let mut seen = 0;
    for label in &mut labels {
        if *label == 0 {
            seen += 1;
            *label = if seen % 4 == 0 { 3 } else { 0 };
        }
    }
    let found = audited(&scores, &labels, 4);
    let noise: Vec<f64> = found.classes.iter().map(|class| class.noise).collect();
    assert!(noise[3] > 3.0 * noise[0].max(noise[1]).max(noise[2]), "{noise:?}");
    let first = found.confused[0];
    assert_eq!((first.given, first.suspected), (3, 0), "{first:?}");
}

#[test]
fn one_category_under_two_names_is_told_and_others_are_not() {
    let (mut scores, mut labels) = (Vec::new(), Vec::new());
    let mut rng = Rng::new(3, 3);
    let mut unit = || rng.next_u64() as f64 / u64::MAX as f64 - 0.5;
    for row in 0..3000_u32 {
        // Classes 2 and 3 are one: their scores differ by chance only.
        let class = row % 4;
        let near = |other: u32| {
            if class == other || (class >= 2 && other >= 2) {
                3.0
            } else {
                0.0
            }
        };
        scores.extend((0..4).map(|other| (near(other) + unit()) as f32));
        labels.push(class);
    }
    let found = audited(&scores, &labels, 4);
    let pairs: Vec<[u32; 2]> = found.look_alikes.iter().map(|pair| pair.classes).collect();
    assert_eq!(pairs, [[2, 3]], "{:?}", found.look_alikes);
    assert!(
        (found.look_alikes[0].separation - 0.5).abs() < 0.1,
        "{:?}",
        found.look_alikes
    );
}

#[test]
fn few_rows_are_no_reason_to_fail() {
    for (scores, labels, classes) in [
        (vec![], vec![], 2),
        (vec![1.0, 0.0], vec![1], 2),
        (vec![0.0; 6], vec![0, 1], 3),
        (vec![1e30, -1e30, 1e30, -1e30], vec![0, 1], 2),
    ] {
        let found = audited(&scores, &labels, classes);
        assert!(found.noise.is_finite() && found.standard_error.is_finite(), "{found:?}");
        assert_eq!(found.suspects, []);
        assert_eq!(found.look_alikes, []);
    }
}
