//! Judges a version by a chain of small rules; the first objection decides. Pure.

use complaint_api::{ClassifierChampion, ComplaintClassifier, ModelVersion, Promotion};
use complaint_contract::{Comparison, limits::CLASS_RECALL_ROWS};
use kube::ResourceExt;

use crate::candidate::{adaptation, evaluation};

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
const RULES: [Rule; 7] = [
    same_artifact,
    gates,
    class_recall,
    comparable,
    same_labels,
    better,
    significant,
];

/// The rules for a version that was adapted from the champion: on rows as they are it can't be better, since it is made for others.
const OF_ADAPTED: [Rule; 4] = [same_artifact, gates, class_recall, better_for_the_mix];

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
    let rules = match adaptation(version) {
        Some(_) => OF_ADAPTED.as_slice(),
        None => RULES.as_slice(),
    };
    match rules.iter().find_map(|rule| rule(&case)) {
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
        let name = gate.measured();
        let measured = evaluation(case.version);
        let Some(value) = measured.and_then(|evaluation| gate.metric.of(evaluation, gate.level.as_deref())) else {
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

/// The weakest category decides. One with few rows proves nothing.
fn class_recall(case: &Case<'_>) -> Option<Objection> {
    let least = case.promotion.min_class_recall?;
    let Some(weakest) = evaluation(case.version).and_then(|evaluation| evaluation.min_class_recall.as_ref()) else {
        return objection(
            "GateFailed",
            format!(
                "no category has {CLASS_RECALL_ROWS} test rows, and spec.promotion.minClassRecall asks for their recall: evaluate on more rows, or remove it"
            ),
        );
    };
    if weakest.recall >= least {
        return None;
    }
    let category = match &weakest.label {
        Some(label) => format!("`{label}`"),
        None => "whose name is not shown".into(),
    };
    objection(
        "GateFailed",
        format!(
            "the category {category} has recall {} on {} test rows, below spec.promotion.minClassRecall {least}: add rows of that category or correct their labels, or lower it",
            weakest.recall, weakest.support
        ),
    )
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

fn better_for_the_mix(case: &Case<'_>) -> Option<Objection> {
    let (champion, adaptation) = (case.champion?, adaptation(case.version)?);
    if adaptation.given_sha256.to_string() != champion.sha256 {
        return objection(
            "ChampionChanged",
            "it was adapted from another champion than the present one: the next drift makes another".into(),
        );
    }
    let weighed = adaptation.reweighted;
    if weighed.adapted > weighed.given {
        return None;
    }
    objection(
        "NotBetter",
        format!(
            "accuracy {:.4} against the champion {}'s {:.4} on held-out rows weighed to the mix of the traffic (as many as {:.0}): more is needed",
            weighed.adapted, champion.name, weighed.given, weighed.rows
        ),
    )
}

fn significant(case: &Case<'_>) -> Option<Objection> {
    let comparison = comparison(case.version, case.champion?)?;
    let [lower, upper] = comparison.confidence_interval;
    if !case.promotion.require_significance || lower > 0.0 {
        return None;
    }
    objection(
        "NotSignificant",
        format!(
            "the difference {} has the 95 % interval [{lower}, {upper}], and spec.promotion.requireSignificance asks for a lower bound above 0: train on more rows, or evaluate on more",
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
mod tests;
