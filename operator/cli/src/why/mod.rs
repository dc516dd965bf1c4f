//! Why a version is, or is not, the champion. Pure.
//!
//! The decision is the operator's: it is read from statuses, never made again. Beside it stand the rules of `spec.promotion`, each with
//! the figure that the status has for it, so that a reader sees what passed and by how much.

mod rules;

use complaint_api::{ComplaintClassifier, Stage};
use serde::Serialize;

use crate::info::{ClassifierInfo, Reason, VersionInfo};
use rules::Case;

/// Why a version is where it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Why {
    /// The namespace.
    pub(crate) namespace: String,
    /// The version.
    pub(crate) version: String,
    /// Its classifier.
    pub(crate) classifier: String,
    /// Its stage.
    pub(crate) stage: Option<Stage>,
    /// What the operator decided.
    pub(crate) decision: Reason,
    /// The rules of `spec.promotion`, in the order in which they are asked.
    pub(crate) rules: Vec<Rule>,
    /// What to know about the rules.
    pub(crate) notes: Vec<String>,
    /// What to do.
    pub(crate) next: Vec<String>,
}

/// A rule of promotion, and the figure for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    /// Its name: `sameArtifact`, `gate/METRIC`, `minClassRecall`, `comparable`, `sameLabels`, `minImprovement`, `requireSignificance` or
    /// `betterForTheMix`.
    pub(crate) rule: String,
    /// How the figure stands to the limit.
    pub(crate) outcome: Outcome,
    /// Whether the operator's decision names this rule.
    pub(crate) decisive: bool,
    /// The figure and the limit, in words.
    pub(crate) message: String,
}

/// How a figure stands to the limit of the spec as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Outcome {
    /// It keeps it.
    Passed,
    /// It does not.
    Failed,
    /// The status has no figure.
    NoFigure,
    /// The spec does not ask.
    NotAsked,
}

impl Why {
    /// Why `version` is where it is; `spec` is its classifier.
    pub(crate) fn of(spec: &ComplaintClassifier, classifier: &ClassifierInfo, version: &VersionInfo) -> Self {
        let case = Case {
            promotion: &spec.spec.promotion,
            classifier,
            version,
        };
        let decision = decision(&case);
        let mut rules = match version.adaptation {
            Some(_) => case.rules_of_adapted(),
            None => case.rules(),
        };
        let named = mark(&mut rules, version.rejection.as_ref());
        Self {
            namespace: version.namespace.clone(),
            version: version.name.clone(),
            classifier: classifier.name.clone(),
            stage: version.stage,
            notes: case.notes(&rules, named),
            next: next(&case, &decision),
            decision,
            rules,
        }
    }
}

fn decision(case: &Case<'_>) -> Reason {
    let (version, classifier) = (case.version, case.classifier);
    if let Some(stalled) = &version.stalled {
        return stalled.clone();
    }
    if let Some(rejection) = version
        .rejection
        .as_ref()
        .filter(|_| version.stage == Some(Stage::Rejected))
    {
        return rejection.clone();
    }
    let own = classifier
        .promotions
        .iter()
        .find(|promotion| promotion.version == version.name && promotion.sha256 == version.sha256);
    let promoted = own.map_or("its promotion is no longer on record".to_owned(), |promotion| {
        let from = promotion
            .from
            .as_ref()
            .map_or(String::new(), |from| format!(", replacing {from}"));
        format!("promoted{from}: {}", in_words(promotion.reason))
    });
    let reason = |word: &str, message: String| Reason {
        reason: word.into(),
        message,
        since: version.promotion_time,
    };
    match version.stage {
        Some(Stage::Champion) => reason("Champion", promoted),
        Some(Stage::Retired) => reason("Retired", format!("{promoted}; another version serves now")),
        _ => version.waiting.clone().unwrap_or_else(|| Reason {
            reason: "NotDecided".into(),
            message: "the operator has not decided about it yet".into(),
            since: None,
        }),
    }
}

/// The reason of a promotion, in words.
pub(crate) fn in_words(reason: complaint_api::PromotionReason) -> &'static str {
    use complaint_api::PromotionReason as R;
    match reason {
        R::FirstVersion => "there was no champion, and it passed the gates",
        R::Restored => "the store's record names it as the last champion",
        R::Better => "it was better than the champion on the same rows",
        R::Adapted => "it is adapted to the mix of the traffic, and better on rows weighed to it",
        R::Pinned => "spec.promotion.modelVersion named it, whatever the rules said",
    }
}

/// The rules that a rejection's reason may mean.
fn rule_of(reason: &str) -> Option<&'static [&'static str]> {
    Some(match reason {
        "SameAsChampion" => &["sameArtifact"],
        "GateFailed" => &["gate/", "minClassRecall"],
        "NotComparable" => &["comparable"],
        "LabelsChanged" => &["sameLabels"],
        "NotBetter" => &["minImprovement", "betterForTheMix"],
        "ChampionChanged" => &["betterForTheMix"],
        "NotSignificant" => &["requireSignificance"],
        _ => return None,
    })
}

/// Marks the rule that decided: the first of those that the reason means whose figure does not pass. Returns whether there is one.
fn mark(rules: &mut [Rule], rejection: Option<&Reason>) -> bool {
    let Some(names) = rejection.and_then(|rejection| rule_of(&rejection.reason)) else {
        return false;
    };
    // The champion has changed: the figures say nothing about that.
    let by_name = rejection.is_some_and(|rejection| rejection.reason == "ChampionChanged");
    let decisive = rules.iter_mut().find(|rule| {
        names.iter().any(|name| rule.rule.starts_with(name))
            && (by_name || matches!(rule.outcome, Outcome::Failed | Outcome::NoFigure))
    });
    decisive.map(|rule| rule.decisive = true).is_some()
}

/// What to do about a decision.
fn next(case: &Case<'_>, decision: &Reason) -> Vec<String> {
    let (version, classifier) = (&case.version.name, &case.classifier.name);
    let pin = format!("To serve it whatever the rules say: kubectl complaints promote {version}");
    let texts: &[&str] = match decision.reason.as_str() {
        "Champion" | "SameAsChampion" => &[],
        "Retired" => return vec![format!("To serve it again: kubectl complaints promote {version}")],
        "GateFailed" => {
            &["Train with better data or a wider search (a TrainingRun with another name), or change the gate."]
        }
        "NotComparable" => &["Train again with the split of the classifier (spec.evaluation)."],
        "LabelsChanged" => &["Set spec.promotion.allowLabelChanges: true if callers know the new categories."],
        "NotBetter" => {
            &["Nothing has to be done: the champion is as good, or the gain is below spec.promotion.minImprovement."]
        }
        "NotSignificant" => &["Train or evaluate on more rows: a larger test part narrows the interval."],
        "ChampionChanged" => return vec!["Nothing has to be done: the next drift makes another version.".into()],
        "PolicyManual" => return vec![format!("To serve it: kubectl complaints promote {version}")],
        "OtherPinned" => {
            return vec![
                format!("To let the policy decide: kubectl complaints unpin {classifier}"),
                format!("To serve it: kubectl complaints promote {version}"),
            ];
        }
        "Paused" => return vec![format!("To go on: kubectl complaints resume {classifier}")],
        "NotCompared" | "RestorePending" | "RolloutUnderWay" | "NotDecided" | "Pinned" => {
            return vec![format!(
                "Wait, and look again: kubectl complaints status {classifier} --watch"
            )];
        }
        "NotEvaluated" => &["Set spec.evaluation.holdout of the classifier, so that a Job can evaluate it."],
        "RestoreNeedsPin" => return vec![format!("To serve it: kubectl complaints promote {version}")],
        "ArtifactOutsideStore" | "VersionReplaced" => {
            return vec!["No pin serves it: follow the message above, and record it under a new name.".into()];
        }
        _ if case.version.stalled.is_some() => {
            return vec!["Its server refuses it: follow the message above, or train again.".into()];
        }
        _ => {
            return vec![format!(
                "Look at the classifier: kubectl complaints status {classifier}"
            )];
        }
    };
    let mut next: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    if !next.is_empty() {
        next.push(pin);
    }
    next
}
