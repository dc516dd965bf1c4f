use complaint_api::{
    Artifact, ClassRecall, ClassifierRef, ComplaintClassifierSpec, DeletionPolicy, Gate, GateMetric, LevelEvaluation,
    ModelVersionSpec, ModelVersionStatus, VersionEvaluation,
};
use complaint_contract::{Adaptation, AdaptedAccuracy, Metric, PartialMetrics, Sha256Digest, VersionRef};

use super::*;

fn champion() -> ClassifierChampion {
    ClassifierChampion {
        name: "old".into(),
        sha256: "a".repeat(64),
        ..Default::default()
    }
}

fn digest(digit: char) -> Sha256Digest {
    digit.to_string().repeat(64).parse().expect("64 digits")
}

fn comparison(difference: f64) -> Comparison {
    Comparison {
        champion_ref: VersionRef { name: "old".into() },
        champion_sha256: digest('a'),
        metric: Metric::MacroF1,
        value: 0.8 + difference,
        champion_value: 0.8,
        difference,
        confidence_interval: [difference - 0.02, difference + 0.02],
        rows: 100,
        same_labels: true,
        same_split: true,
    }
}

fn version(sha: char, comparison: Option<Comparison>) -> ModelVersion {
    let metrics = PartialMetrics {
        macro_f1: Some(0.8),
        log_loss: Some(0.7),
        ..PartialMetrics::default()
    };
    let mut version = ModelVersion::new(
        "new",
        ModelVersionSpec {
            classifier_ref: ClassifierRef { name: "cards".into() },
            artifact: Artifact {
                sha256: sha.to_string().repeat(64),
                ..Artifact::default()
            },
            report: None,
            algorithm: None,
            parameters: None,
            class_count: None,
            // Claimed, and never read.
            metrics: PartialMetrics {
                macro_f1: Some(1.0),
                accuracy: Some(1.0),
                log_loss: Some(0.0),
                ..PartialMetrics::default()
            },
            lineage: None,
            deletion_policy: DeletionPolicy::Orphan,
        },
    );
    version.status = Some(ModelVersionStatus {
        evaluation: Some(VersionEvaluation {
            split: None,
            metrics,
            rows: 100,
            weakest_classes: vec![],
            coverage: Vec::new(),
            levels: vec![LevelEvaluation {
                level: "product".into(),
                metrics: PartialMetrics {
                    accuracy: Some(0.9),
                    ..PartialMetrics::default()
                },
                rows: 120,
                calibration_error: Some(0.02),
            }],
            calibration_error: Some(0.05),
            min_class_recall: Some(ClassRecall {
                recall: 0.6,
                support: 30,
                label: None,
            }),
        }),
        comparison,
        ..Default::default()
    });
    version
}

fn verdict(promotion: Promotion, champion: Option<&ClassifierChampion>, version: &ModelVersion) -> &'static str {
    let classifier = ComplaintClassifier::new(
        "cards",
        ComplaintClassifierSpec {
            promotion,
            ..Default::default()
        },
    );
    judge(&classifier, champion, version).map_or_else(|objection| objection.reason, |()| "accepted")
}

#[test]
fn the_first_version_needs_only_the_gates() {
    let gate = |min, max, metric| Promotion {
        gates: vec![Gate {
            metric,
            level: None,
            min,
            max,
        }],
        ..Promotion::default()
    };
    let first = version('b', None);
    assert_eq!(verdict(Promotion::default(), None, &first), "accepted");
    let at = |level: &str, min| {
        let mut promotion = gate(Some(min), None, GateMetric::Accuracy);
        promotion.gates[0].level = Some(level.into());
        verdict(promotion, None, &first)
    };
    assert_eq!(at("product", 0.9), "accepted");
    assert_eq!(at("product", 0.91), "GateFailed");
    assert_eq!(at("issue", 0.1), "GateFailed", "it was not measured");
    let cases = [
        (Some(0.8), None, GateMetric::MacroF1, "accepted"),
        (Some(0.81), None, GateMetric::MacroF1, "GateFailed"),
        (None, Some(0.6), GateMetric::LogLoss, "GateFailed"),
        (None, Some(0.7), GateMetric::LogLoss, "accepted"),
        (None, Some(0.05), GateMetric::CalibrationError, "accepted"),
        (None, Some(0.04), GateMetric::CalibrationError, "GateFailed"),
        (Some(0.1), None, GateMetric::Accuracy, "GateFailed"),
    ];
    for (min, max, metric, expected) in cases {
        assert_eq!(
            verdict(gate(min, max, metric), None, &first),
            expected,
            "{metric:?} {min:?} {max:?}"
        );
    }
}

#[test]
fn the_weakest_category_must_reach_its_recall() {
    let promotion = |least| Promotion {
        min_class_recall: Some(least),
        ..Promotion::default()
    };
    let mut first = version('b', None);
    assert_eq!(verdict(promotion(0.6), None, &first), "accepted");
    assert_eq!(verdict(promotion(0.61), None, &first), "GateFailed");
    let told = |version: &ModelVersion| {
        let mut classifier = ComplaintClassifier::new("cards", ComplaintClassifierSpec::default());
        classifier.spec.promotion = promotion(0.61);
        judge(&classifier, None, version).unwrap_err().message
    };
    assert!(told(&first).contains("whose name is not shown has recall 0.6 on 30 test rows"));
    let evaluation = |version: &mut ModelVersion| version.status.as_mut().unwrap().evaluation.take().unwrap();
    let mut measured = evaluation(&mut first);
    measured.min_class_recall.as_mut().unwrap().label = Some("Fraud".into());
    first.status.as_mut().unwrap().evaluation = Some(measured.clone());
    assert!(told(&first).contains("`Fraud` has recall 0.6"), "{}", told(&first));
    measured.min_class_recall = None;
    first.status.as_mut().unwrap().evaluation = Some(measured);
    assert!(
        told(&first).contains("no category has 30 test rows"),
        "{}",
        told(&first)
    );
}

#[test]
fn comparison_decides_and_stored_metrics_never_do() {
    let champion = champion();
    let judged = |promotion, comparison| verdict(promotion, Some(&champion), &version('b', comparison));
    let plain = Promotion::default;
    assert_eq!(judged(plain(), None), "NotComparable");
    assert_eq!(judged(plain(), Some(comparison(0.01))), "accepted");
    assert_eq!(judged(plain(), Some(comparison(0.0))), "NotBetter");
    assert_eq!(judged(plain(), Some(comparison(-0.01))), "NotBetter");
    assert_eq!(
        judged(
            Promotion {
                min_improvement: 0.02,
                ..plain()
            },
            Some(comparison(0.01))
        ),
        "NotBetter"
    );
    assert_eq!(
        judged(
            Promotion {
                min_improvement: 0.02,
                ..plain()
            },
            Some(comparison(0.02))
        ),
        "accepted"
    );
    let required = Promotion {
        require_significance: true,
        ..plain()
    };
    assert_eq!(judged(required.clone(), Some(comparison(0.01))), "NotSignificant");
    assert_eq!(judged(required.clone(), Some(comparison(0.02))), "NotSignificant");
    assert_eq!(judged(required, Some(comparison(0.03))), "accepted");
    let stale = Comparison {
        champion_sha256: digest('c'),
        ..comparison(0.1)
    };
    assert_eq!(judged(plain(), Some(stale)), "NotComparable");
    let other_split = Comparison {
        same_split: false,
        ..comparison(0.1)
    };
    assert_eq!(judged(plain(), Some(other_split)), "NotComparable");
    let other_metric = Comparison {
        metric: Metric::Accuracy,
        ..comparison(0.1)
    };
    assert_eq!(judged(plain(), Some(other_metric)), "NotComparable");
    let labels = Comparison {
        same_labels: false,
        ..comparison(0.1)
    };
    assert_eq!(judged(plain(), Some(labels.clone())), "LabelsChanged");
    assert_eq!(
        judged(
            Promotion {
                allow_label_changes: true,
                ..plain()
            },
            Some(labels)
        ),
        "accepted"
    );
}

#[test]
fn the_champions_own_digest_is_not_promoted_again() {
    assert_eq!(
        verdict(
            Promotion::default(),
            Some(&champion()),
            &version('a', Some(comparison(0.5)))
        ),
        "SameAsChampion"
    );
}

#[test]
fn an_adapted_version_must_be_better_for_the_mix_and_pass_the_gates() {
    let adapted = |of: char, given: f64, adapted: f64| {
        let rows = |given, adapted| AdaptedAccuracy {
            rows: 200.0,
            trained: given,
            given,
            adapted,
        };
        // On rows as they are it is a little worse, which no rule asks about.
        let mut version = version('b', Some(comparison(-0.05)));
        version.status.as_mut().expect("a status").adaptation = Some(Adaptation {
            parent_sha256: digest('a'),
            given_sha256: digest(of),
            held_out: rows(0.8, 0.795),
            reweighted: rows(given, adapted),
        });
        version
    };
    let champion = champion();
    let judged = |promotion: Promotion, version: &ModelVersion| verdict(promotion, Some(&champion), version);
    assert_eq!(judged(Promotion::default(), &adapted('a', 0.78, 0.8)), "accepted");
    assert_eq!(judged(Promotion::default(), &adapted('a', 0.8, 0.8)), "NotBetter");
    assert_eq!(
        judged(Promotion::default(), &adapted('c', 0.78, 0.8)),
        "ChampionChanged"
    );
    let gate = Gate {
        level: None,
        metric: GateMetric::MacroF1,
        min: Some(0.9),
        max: None,
    };
    let strict = Promotion {
        gates: vec![gate],
        ..Promotion::default()
    };
    assert_eq!(judged(strict, &adapted('a', 0.78, 0.8)), "GateFailed");
}
