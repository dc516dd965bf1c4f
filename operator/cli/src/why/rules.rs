//! The rules of `spec.promotion`, each with the figure that the status has for it. Pure.

use complaint_api::{Gate, Promotion, Stage};
use complaint_contract::{Comparison, limits::CLASS_RECALL_ROWS};

use super::{Outcome, Rule, rule_of};
use crate::info::{ClassifierInfo, VersionInfo};

/// The facts that rules read.
pub(super) struct Case<'a> {
    pub(super) promotion: &'a Promotion,
    pub(super) classifier: &'a ClassifierInfo,
    pub(super) version: &'a VersionInfo,
}

fn rule(name: impl Into<String>, outcome: Outcome, message: impl Into<String>) -> Rule {
    Rule {
        rule: name.into(),
        outcome,
        decisive: false,
        message: message.into(),
    }
}

fn passed(holds: bool) -> Outcome {
    if holds { Outcome::Passed } else { Outcome::Failed }
}

impl Case<'_> {
    /// The rules for a version of a training.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let mut rules = vec![self.same_artifact()];
        rules.extend(self.gates());
        rules.push(self.class_recall());
        match &self.version.comparison {
            Some(comparison) => rules.extend(self.compared(comparison)),
            None => {
                let (outcome, message) = self.not_compared();
                for name in ["comparable", "sameLabels", "minImprovement", "requireSignificance"] {
                    rules.push(rule(name, outcome, message.clone()));
                }
            }
        }
        rules
    }

    /// The rules for a version that was adapted to another mix of categories.
    pub(super) fn rules_of_adapted(&self) -> Vec<Rule> {
        let mut rules = vec![self.same_artifact()];
        rules.extend(self.gates());
        rules.push(self.class_recall());
        if let Some(adaptation) = &self.version.adaptation {
            let weighed = adaptation.reweighted;
            rules.push(rule(
                "betterForTheMix",
                passed(weighed.adapted > weighed.given),
                format!(
                    "accuracy {:.4} against {:.4} of the model that it was adapted from, on held-out rows weighed to the mix of the traffic (as many as {:.0}); more is needed",
                    weighed.adapted, weighed.given, weighed.rows
                ),
            ));
        }
        rules
    }

    fn same_artifact(&self) -> Rule {
        let name = "sameArtifact";
        match &self.classifier.champion {
            None => rule(name, Outcome::NotAsked, "there is no champion"),
            Some(champion) if champion.name == self.version.name && champion.sha256 == self.version.sha256 => {
                rule(name, Outcome::NotAsked, "it is the champion")
            }
            Some(champion) => {
                let differs = champion.sha256 != self.version.sha256;
                let verb = if differs { "differs from" } else { "is" };
                rule(
                    name,
                    passed(differs),
                    format!("its artifact {verb} that of the champion {}", champion.name),
                )
            }
        }
    }

    fn gates(&self) -> Vec<Rule> {
        if self.promotion.gates.is_empty() {
            return vec![rule("gates", Outcome::NotAsked, "spec.promotion.gates is empty")];
        }
        self.promotion.gates.iter().map(|gate| self.gate(gate)).collect()
    }

    fn gate(&self, gate: &Gate) -> Rule {
        let metric = gate.measured();
        let name = match &gate.level {
            None => format!("gate/{metric}"),
            Some(level) => format!("gate/{}/{level}", gate.metric.name()),
        };
        let (limit, word) = match (gate.min, gate.max) {
            (Some(min), _) => (min, "at least"),
            (None, Some(max)) => (max, "at most"),
            (None, None) => return rule(name, Outcome::NotAsked, "the gate has no limit"),
        };
        let evaluation = self.version.evaluation.as_ref();
        match evaluation.and_then(|evaluation| gate.metric.of(evaluation, gate.level.as_deref())) {
            None => rule(
                name,
                Outcome::NoFigure,
                format!("status.evaluation has no {metric}; {word} {limit} is needed"),
            ),
            Some(value) => {
                let holds = if gate.min.is_some() {
                    value >= limit
                } else {
                    value <= limit
                };
                rule(
                    name,
                    passed(holds),
                    format!("{metric} {value}; {word} {limit} is needed"),
                )
            }
        }
    }

    fn class_recall(&self) -> Rule {
        let name = "minClassRecall";
        let Some(least) = self.promotion.min_class_recall else {
            return rule(name, Outcome::NotAsked, "spec.promotion.minClassRecall is not set");
        };
        let evaluation = self.version.evaluation.as_ref();
        match evaluation.and_then(|evaluation| evaluation.min_class_recall.as_ref()) {
            None => rule(
                name,
                Outcome::NoFigure,
                match evaluation {
                    Some(_) => format!(
                        "status.evaluation.minClassRecall is not set: no category has {CLASS_RECALL_ROWS} test rows; at least {least} is needed"
                    ),
                    None => format!("status.evaluation is not set; at least {least} is needed"),
                },
            ),
            Some(weakest) => {
                let label = weakest
                    .label
                    .as_ref()
                    .map_or(String::new(), |label| format!(" of `{label}`"));
                rule(
                    name,
                    passed(weakest.recall >= least),
                    format!(
                        "the lowest recall is {}{label} on {} test rows; at least {least} is needed",
                        weakest.recall, weakest.support
                    ),
                )
            }
        }
    }

    /// Why there is nothing to compare.
    fn not_compared(&self) -> (Outcome, String) {
        let first = self.classifier.promotions.last();
        let was_first =
            first.is_some_and(|promotion| promotion.version == self.version.name && promotion.from.is_none());
        match &self.classifier.champion {
            None => (Outcome::NotAsked, "there is no champion to compare with".into()),
            Some(_) if was_first => (Outcome::NotAsked, "there was no champion when it was promoted".into()),
            Some(_) => (
                Outcome::NoFigure,
                "status.comparison is not set: it was not compared with a champion".into(),
            ),
        }
    }

    fn compared(&self, comparison: &Comparison) -> Vec<Rule> {
        let champion = &comparison.champion_ref.name;
        let by_metric = comparison.metric == self.promotion.metric;
        let comparable = match (comparison.same_split, by_metric) {
            (true, true) => format!(
                "compared with {champion} on the same {} rows, by {}",
                comparison.rows, comparison.metric
            ),
            (false, _) => format!("trained with another split than {champion}, which may have seen its test rows"),
            (true, false) => format!(
                "compared by {}, and spec.promotion.metric is {}",
                comparison.metric, self.promotion.metric
            ),
        };
        let labels = match (comparison.same_labels, self.promotion.allow_label_changes) {
            (true, _) => rule(
                "sameLabels",
                Outcome::Passed,
                format!("its categories are those of {champion}"),
            ),
            (false, true) => rule(
                "sameLabels",
                Outcome::Passed,
                format!("its categories are not those of {champion}, which spec.promotion.allowLabelChanges allows"),
            ),
            (false, false) => rule(
                "sameLabels",
                Outcome::Failed,
                format!("its categories are not those of {champion}, and spec.promotion.allowLabelChanges is false"),
            ),
        };
        let least = self.promotion.min_improvement;
        let needed = if least > 0.0 {
            format!("at least {least}")
        } else {
            "more than 0".into()
        };
        let [lower, upper] = comparison.confidence_interval;
        let significance = format!("the 95 % interval of the difference is [{lower}, {upper}]");
        vec![
            rule("comparable", passed(comparison.same_split && by_metric), comparable),
            labels,
            rule(
                "minImprovement",
                passed(comparison.difference > 0.0 && comparison.difference >= least),
                format!(
                    "{} {} against {} of {champion}: a difference of {}; {needed} is needed",
                    comparison.metric, comparison.value, comparison.champion_value, comparison.difference
                ),
            ),
            match self.promotion.require_significance {
                true => rule(
                    "requireSignificance",
                    passed(lower > 0.0),
                    format!("{significance}; its lower end must be above 0"),
                ),
                false => rule(
                    "requireSignificance",
                    Outcome::NotAsked,
                    format!("{significance}; spec.promotion.requireSignificance is false"),
                ),
            },
        ]
    }

    /// What to know about the rules; `named` says whether one of them is what the operator's decision means.
    pub(super) fn notes(&self, rules: &[Rule], named: bool) -> Vec<String> {
        let mut notes = Vec::new();
        let version = self.version;
        if let (Some(comparison), Some(champion)) = (&version.comparison, &self.classifier.champion)
            && comparison.champion_sha256.to_string() != champion.sha256
            && champion.sha256 != version.sha256
        {
            notes.push(format!(
                "The comparison is with {}, and the champion is now {}.",
                comparison.champion_ref.name, champion.name
            ));
        }
        let by_rule = version
            .rejection
            .as_ref()
            .is_some_and(|rejection| rule_of(&rejection.reason).is_some());
        if by_rule && !named {
            notes.push(
                "The figures keep every limit of spec.promotion as it is now: the rules, or what they measure, have changed since the decision."
                    .into(),
            );
        }
        let fails = rules.iter().any(|rule| rule.outcome == Outcome::Failed);
        if version.stage == Some(Stage::Champion) && fails {
            notes.push("It serves in spite of the rule that fails: a pin ignores the rules, and a changed spec judges no champion again.".into());
        }
        if version.evaluation.is_none() {
            notes.push(
                "Nothing in this cluster has evaluated it (status.evaluation is not set); spec.metrics is a claim, and decides nothing.".into(),
            );
        }
        notes
    }
}
