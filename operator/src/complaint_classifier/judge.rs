//! Judges a version by a chain of small rules; the first objection decides. Pure.

use complaint_api::{ClassifierChampion, ComplaintClassifier, ModelVersion, Promotion};
use complaint_contract::Comparison;
use kube::ResourceExt;

use crate::candidate::evaluation;

/// Why a version is not promoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

struct Case<'a> {
    promotion: &'a Promotion,
    champion: Option<&'a ClassifierChampion>,
    version: &'a ModelVersion,
}

type Rule = fn(&Case<'_>) -> Option<Objection>;

/// The rules in order.
const RULES: [Rule; 6] = [same_artifact, gates, comparable, same_labels, better, significant];

/// Judges `version` against the gates and, where there is one, the champion.
///
/// # Errors
/// The rejection by the first rule that applies.
pub(crate) fn judge(
    classifier: &ComplaintClassifier,
    champion: Option<&ClassifierChampion>,
    version: &ModelVersion,
) -> Result<(), Objection> {
    let case = Case {
        promotion: &classifier.spec.promotion,
        champion,
        version,
    };
    match RULES.iter().find_map(|rule| rule(&case)) {
        Some(objection) => Err(objection),
        None => Ok(()),
    }
}

/// The comparison of a version with exactly this champion.
pub(crate) fn comparison<'a>(version: &'a ModelVersion, champion: &ClassifierChampion) -> Option<&'a Comparison> {
    let comparison = version.status.as_ref()?.comparison.as_ref();
    comparison.filter(|comparison| comparison.champion_sha256.to_string() == champion.sha256)
}

fn objection(reason: &'static str, message: String) -> Option<Objection> {
    Some(Objection { reason, message })
}

fn same_artifact(case: &Case<'_>) -> Option<Objection> {
    let champion = case.champion?;
    if champion.sha256 != case.version.spec.artifact.sha256 {
        return None;
    }
    objection(
        "SameAsChampion",
        format!("its artifact is the champion's ({}), byte for byte", champion.name),
    )
}

fn gates(case: &Case<'_>) -> Option<Objection> {
    case.promotion.gates.iter().find_map(|gate| {
        let name = gate.metric.name();
        let measured = evaluation(case.version);
        let Some(value) = measured.and_then(|evaluation| gate.metric.of(&evaluation.metrics)) else {
            return objection("GateFailed", format!("{name} was not measured, and a gate asks for it"));
        };
        match (gate.min, gate.max) {
            (Some(min), _) if value < min => objection(
                "GateFailed",
                format!("{name} {value} is below the gate's minimum {min}"),
            ),
            (_, Some(max)) if value > max => objection(
                "GateFailed",
                format!("{name} {value} is above the gate's maximum {max}"),
            ),
            _ => None,
        }
    })
}

fn comparable(case: &Case<'_>) -> Option<Objection> {
    let champion = case.champion?;
    let Some(comparison) = comparison(case.version, champion) else {
        return objection(
            "NotComparable",
            format!(
                "it was not compared with the champion {} on the same rows: train again, or pin it with spec.promotion.modelVersion",
                champion.name
            ),
        );
    };
    if !comparison.same_split {
        return objection(
            "NotComparable",
            format!(
                "it was trained with another split than the champion {}, which may have seen its test rows: pin it with spec.promotion.modelVersion if you trust it",
                champion.name
            ),
        );
    }
    if comparison.metric != case.promotion.metric {
        return objection(
            "NotComparable",
            format!(
                "it was compared by {}, and spec.promotion.metric is now {}: train again",
                comparison.metric.name(),
                case.promotion.metric.name()
            ),
        );
    }
    None
}

fn same_labels(case: &Case<'_>) -> Option<Objection> {
    let comparison = comparison(case.version, case.champion?)?;
    if comparison.same_labels || case.promotion.allow_label_changes {
        return None;
    }
    objection(
        "LabelsChanged",
        "its categories are not the champion's, which callers rely on: set spec.promotion.allowLabelChanges, or pin it"
            .into(),
    )
}

fn better(case: &Case<'_>) -> Option<Objection> {
    let champion = case.champion?;
    let comparison = comparison(case.version, champion)?;
    let least = case.promotion.min_improvement;
    if comparison.difference > 0.0 && comparison.difference >= least {
        return None;
    }
    let (metric, rows) = (comparison.metric, comparison.rows);
    objection(
        "NotBetter",
        format!(
            "{} {} against the champion {}'s {} on the same {rows} rows: a difference of {}, and {} is needed",
            metric.name(),
            comparison.value,
            champion.name,
            comparison.champion_value,
            comparison.difference,
            if least > 0.0 {
                format!("at least {least}")
            } else {
                "more than 0".into()
            },
        ),
    )
}

fn significant(case: &Case<'_>) -> Option<Objection> {
    let comparison = comparison(case.version, case.champion?)?;
    let [lower, upper] = comparison.confidence_interval;
    if !case.promotion.require_significance || lower >= 0.0 {
        return None;
    }
    objection(
        "NotSignificant",
        format!(
            "the difference {} has the 95 % interval [{lower}, {upper}], and spec.promotion.requireSignificance asks for a lower bound of at least 0",
            comparison.difference
        ),
    )
}

/// Versions in the order they were made, so that each is judged against the champion that its predecessors left.
pub(crate) fn in_order<'a>(versions: impl IntoIterator<Item = &'a ModelVersion>) -> Vec<&'a ModelVersion> {
    let mut ordered: Vec<_> = versions.into_iter().collect();
    ordered.sort_by_key(|version| (version.creation_timestamp().map(|time| time.0), version.name_any()));
    ordered
}

#[cfg(test)]
mod tests {
    use complaint_api::{
        Artifact, ClassifierRef, ComplaintClassifierSpec, Gate, ModelVersionSpec, ModelVersionStatus, VersionEvaluation,
    };
    use complaint_contract::{Metric, PartialMetrics, Sha256Digest, VersionRef};

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
            },
        );
        version.status = Some(ModelVersionStatus {
            evaluation: Some(VersionEvaluation {
                metrics,
                rows: 100,
                weakest_classes: vec![],
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
            gates: vec![Gate { metric, min, max }],
            ..Promotion::default()
        };
        let first = version('b', None);
        assert_eq!(verdict(Promotion::default(), None, &first), "accepted");
        assert_eq!(
            verdict(gate(Some(0.8), None, Metric::MacroF1), None, &first),
            "accepted"
        );
        assert_eq!(
            verdict(gate(Some(0.81), None, Metric::MacroF1), None, &first),
            "GateFailed"
        );
        assert_eq!(
            verdict(gate(None, Some(0.6), Metric::LogLoss), None, &first),
            "GateFailed"
        );
        assert_eq!(
            verdict(gate(None, Some(0.7), Metric::LogLoss), None, &first),
            "accepted"
        );
        assert_eq!(
            verdict(gate(Some(0.1), None, Metric::Accuracy), None, &first),
            "GateFailed"
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
}
