use complaint_contract::statistics::{PROBABILITY_BINS, ReferenceFigure, UNKNOWN_WORD_BINS};

use super::*;
use crate::thresholds::UnseenAnswer;

/// The figures of no model in particular, for three classes.
fn reference() -> ReferenceProfile {
    let figure = ReferenceFigure {
        expected: 0.75,
        measured: 0.7,
        standard_error: 0.0123,
    };
    let mut bins = vec![0.0; PROBABILITY_BINS];
    bins[3] = 1.0;
    ReferenceProfile {
        rows: 3.0,
        trained_mix: vec![0.2, 0.3, 0.5],
        mix: vec![1.0, 0.0, 0.0],
        answers: vec![0.0, 0.5, 0.5],
        unknown_words: bins[..UNKNOWN_WORD_BINS].to_vec(),
        top_probability: bins,
        accuracy: figure,
        f1: vec![figure; 3],
    }
}

/// `artifact` with all that an estimate and an adaptation need, adapted once. It has three classes.
pub(crate) fn with_reference(artifact: Artifact) -> Artifact {
    let row = |label, scores| HeldOutRow {
        scores,
        label,
        unknown_words: 0.25,
    };
    let bias = artifact.model.bias.iter().map(|bias| bias + 0.5).collect();
    ArtifactBuilder::from(artifact)
        .estimate(Estimate {
            temperature: 0.8,
            biases: vec![0.125, -0.25, 0.125],
        })
        .reference(reference())
        .held_out(HeldOutRows::of([row(2, &[1.0, -1.0, 0.3]), row(0, &[0.0, 0.5, -7.0])]))
        .adapted(bias)
        .build()
        .unwrap()
}

#[test]
fn what_estimates_need_survives_the_bytes() {
    for artifact in [with_reference(small_artifact()), with_reference(hashed_artifact(12))] {
        let read = Artifact::from_bytes(&artifact.to_bytes()).unwrap();
        assert_eq!(read, artifact);
        assert_eq!(read.to_bytes(), artifact.to_bytes());
        assert_eq!(read.reference(), Some(&reference()));
        assert_eq!(read.held_out().map(HeldOutRows::labels), Some(&[0, 2][..]));
    }
    let (trained, adapted) = (small_artifact(), with_reference(small_artifact()));
    assert_eq!(adapted.trained_bias(), trained.model().bias);
    assert_ne!(adapted.model().bias, trained.model().bias);
    let undone = ArtifactBuilder::from(adapted).adapted(trained.model().bias.clone());
    let undone = undone.build().unwrap();
    assert!(undone.trained_bias.is_none() && undone.model() == trained.model());
}

#[test]
fn parts_of_an_estimate_that_do_not_fit_are_refused() {
    type Change = fn(&mut Artifact);
    let cases: [(&str, Change); 12] = [
        ("reference figures, but no estimate", |a| a.estimate = None),
        ("held-out rows, but no estimate", |a| {
            (a.estimate, a.reference) = (None, None)
        }),
        ("moved intercepts, but no estimate", |a| {
            (a.estimate, a.reference, a.held_out) = (None, None, None)
        }),
        ("2 biases for 3 classes", |a| {
            a.estimate.as_mut().unwrap().biases.truncate(2)
        }),
        ("temperature is 0", |a| a.estimate.as_mut().unwrap().temperature = 0.0),
        ("don't fit the classes", |a| a.reference.as_mut().unwrap().mix[0] = 0.5),
        ("don't fit the classes", |a| {
            a.reference.as_mut().unwrap().f1.truncate(2)
        }),
        ("held-out rows don't fit", |a| {
            a.held_out.as_mut().unwrap().labels[0] = 3
        }),
        ("held-out rows is out of range", |a| {
            a.held_out.as_mut().unwrap().unknown_words[0] = 1.5
        }),
        ("held-out rows is out of range", |a| {
            a.held_out.as_mut().unwrap().steps[0] = f32::NAN
        }),
        ("0 held-out rows", |a| a.held_out = Some(HeldOutRows::default())),
        ("trained intercepts", |a| {
            a.trained_bias.as_mut().unwrap()[1] = f32::INFINITY
        }),
    ];
    for (expected, change) in cases {
        let mut artifact = with_reference(small_artifact());
        change(&mut artifact);
        let read = Artifact::from_bytes(&artifact.to_bytes()).unwrap_err();
        assert!(
            matches!(&read, ArtifactError::Corrupt(why) if why.contains(expected)),
            "{expected}: {read}"
        );
        let built = ArtifactBuilder::from(artifact).build().unwrap_err();
        assert!(
            matches!(&built, ArtifactError::Inconsistent(why) if why.contains(expected)),
            "{expected}: {built}"
        );
    }
    let mut sizes = with_reference(small_artifact());
    let rows = sizes.held_out.as_mut().unwrap();
    rows.unknown_words.pop();
    assert!(ArtifactBuilder::from(sizes).build().is_err());
}

/// `artifact` with operating points. It has three classes.
fn with_thresholds(artifact: Artifact) -> Artifact {
    let answer = |place: usize| UnseenAnswer {
        class: place % 2,
        probability: 0.99 - 0.01 * place as f32,
        label: place % 3,
    };
    let points = OperatingPoints::of(3, (0..60).map(answer));
    ArtifactBuilder::from(artifact).thresholds(points).build().unwrap()
}

#[test]
fn operating_points_survive_the_bytes_and_spoilt_ones_do_not() {
    for artifact in [small_artifact(), with_reference(small_artifact())] {
        let artifact = with_thresholds(artifact);
        let read = Artifact::from_bytes(&artifact.to_bytes()).unwrap();
        assert_eq!(read, artifact);
        assert!(
            read.thresholds()
                .is_some_and(|points| points.classes[0].points.len() > 1)
        );
    }
    type Change = fn(&mut OperatingPoints);
    let changes: [Change; 3] = [
        |points| drop(points.classes.pop()),
        |points| points.classes[1].points[0].right = 1_000,
        |points| points.classes[0].points[1].probability = 0.999,
    ];
    for change in changes {
        let mut artifact = with_thresholds(small_artifact());
        change(artifact.thresholds.as_mut().unwrap());
        assert!(Artifact::from_bytes(&artifact.to_bytes()).is_err());
        assert!(ArtifactBuilder::from(artifact).build().is_err());
    }
}
