//! A classifier in one line, and what of it needs somebody. Pure.

use complaint_api::{EstimatedShare, Metric, RunPhase};
use jiff::Timestamp;

use super::board::Key;
use crate::info::{ClassifierInfo, Info, Newcomer, NewcomerState, Reason, State};

/// How much something needs somebody; the gravest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing goes on until somebody acts, or answers are probably wrong.
    Act,
    /// Somebody should look.
    Look,
    /// Something is under way, or was stopped on purpose.
    Know,
}

/// Something that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matter {
    pub(crate) level: Level,
    /// A few words.
    pub(crate) title: String,
    /// A sentence, or nothing.
    pub(crate) message: String,
}

/// A share of right answers in production.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Accuracy {
    pub(crate) share: EstimatedShare,
    /// By corrections, not estimated.
    pub(crate) measured: bool,
}

/// The champion in a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Serving {
    pub(crate) name: String,
    pub(crate) value: Option<f64>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) pinned: bool,
}

/// Whether the traffic has drifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Drift {
    /// The spec does not ask.
    NotAsked,
    /// It has, in this.
    Yes(String),
    /// It has not.
    No,
    /// Nobody knows, for this reason.
    Unknown(String),
}

/// A classifier in one line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// `None`: only its versions or runs exist.
    pub(crate) state: Option<State>,
    /// The word of what blocks it.
    pub(crate) blocked: Option<String>,
    pub(crate) serving: Option<Serving>,
    pub(crate) metric: Metric,
    pub(crate) accuracy: Option<Accuracy>,
    pub(crate) drift: Drift,
    /// Answers of the last window, and its length.
    pub(crate) traffic: Option<(u64, String)>,
    pub(crate) versions: usize,
    pub(crate) runs: usize,
    /// What needs somebody, the gravest first.
    pub(crate) matters: Vec<Matter>,
}

impl Row {
    /// The row of the classifier with this key, from the info of it and all that belongs to it.
    pub(crate) fn of(key: &Key, info: &Info) -> Self {
        let classifier = info.classifiers.first();
        let shown = classifier.and_then(|classifier| classifier.monitoring.as_ref());
        let accuracy = shown.and_then(|shown| {
            let measured = shown.measured_accuracy.map(|share| Accuracy { share, measured: true });
            measured.or(shown
                .estimated_accuracy
                .map(|share| Accuracy { share, measured: false }))
        });
        let traffic = shown.and_then(|shown| Some((shown.windows.first()?.answers, shown.window.clone())));
        let blocked = classifier.and_then(|classifier| classifier.blocked.as_ref());
        Self {
            namespace: key.0.clone(),
            name: key.1.clone(),
            state: classifier.map(|classifier| classifier.state),
            blocked: blocked.map(|blocked| blocked.reason.clone()),
            serving: classifier.and_then(serving),
            metric: classifier.map(|classifier| classifier.metric).unwrap_or_default(),
            accuracy,
            drift: drift(classifier),
            traffic,
            versions: info.versions.len(),
            runs: info.runs.len(),
            matters: classifier.map_or_else(Vec::new, |classifier| matters(classifier, info)),
        }
    }

    /// Where it stands in the list: what needs somebody first.
    pub(crate) fn rank(&self) -> (bool, Option<Level>, usize, &str, &str) {
        let level = self.matters.first().map(|matter| matter.level);
        let gravest = self.matters.iter().filter(|matter| Some(matter.level) == level).count();
        // Without anything to say it comes last; the more of a level, the earlier.
        (
            level.is_none(),
            level,
            usize::MAX - gravest,
            &self.namespace,
            &self.name,
        )
    }

    /// Whether its names have the text in them.
    pub(crate) fn has(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let champion = self.serving.as_ref().map_or("", |serving| serving.name.as_str());
        [self.name.as_str(), self.namespace.as_str(), champion]
            .iter()
            .any(|name| name.to_lowercase().contains(&text))
    }
}

fn serving(classifier: &ClassifierInfo) -> Option<Serving> {
    let champion = classifier.champion.as_ref()?;
    Some(Serving {
        name: champion.name.clone(),
        value: champion.value,
        since: champion.since,
        pinned: classifier.pinned.as_ref() == Some(&champion.name),
    })
}

fn drift(classifier: Option<&ClassifierInfo>) -> Drift {
    let Some(shown) = classifier.and_then(|classifier| classifier.monitoring.as_ref()) else {
        return Drift::NotAsked;
    };
    let word = |reason: &Option<Reason>| {
        reason
            .as_ref()
            .map_or("Unknown".to_owned(), |reason| reason.reason.clone())
    };
    match shown.drifted.as_str() {
        "True" => Drift::Yes(word(&shown.drift)),
        _ if shown.unmonitored.is_some() => Drift::Unknown(word(&shown.unmonitored)),
        "False" => Drift::No,
        _ => Drift::Unknown(word(&shown.drift)),
    }
}

/// What of a classifier needs somebody, the gravest first. It repeats what the operator says, and decides nothing.
pub(crate) fn matters(classifier: &ClassifierInfo, info: &Info) -> Vec<Matter> {
    let mut matters = Vec::new();
    let mut add = |level, title: String, message: &str| {
        matters.push(Matter {
            level,
            title,
            message: message.to_owned(),
        });
    };
    let blocked = classifier.blocked.as_ref();
    let (word, said) = blocked.map_or(("", ""), |blocked| (blocked.reason.as_str(), blocked.message.as_str()));
    match classifier.state {
        State::Stalled => add(Level::Act, format!("Stalled: {word}"), said),
        State::NotReady if classifier.champion.is_some() => add(Level::Look, format!("Not ready: {word}"), said),
        State::NotReady => add(Level::Look, format!("Serves nothing: {word}"), said),
        State::Unknown if word.is_empty() => add(Level::Look, "Not seen by the operator".into(), "its status is empty"),
        State::Unknown => add(Level::Look, word.into(), said),
        State::Paused => add(
            Level::Know,
            "Paused".into(),
            "nothing is promoted, rolled out, changed or trained (spec.paused)",
        ),
        State::Ready => {}
    }
    if !classifier.up_to_date && classifier.state != State::Unknown {
        add(
            Level::Know,
            "Changed".into(),
            "the operator has not seen the last change of the spec: the rest may be older",
        );
    }
    if let Some(shown) = &classifier.monitoring {
        if let (Drift::Yes(word), Some(drift)) = (drift(Some(classifier)), &shown.drift) {
            // The message begins with the reason.
            let message = drift.message.strip_prefix(&word).unwrap_or(&drift.message).trim_start();
            add(Level::Act, format!("Drifted: {word}"), message);
        }
        if let Some(unmonitored) = &shown.unmonitored {
            add(
                Level::Look,
                format!("Not monitored: {}", unmonitored.reason),
                &unmonitored.message,
            );
        }
    }
    for newcomer in &classifier.newcomers {
        if let Some((level, title)) = newcomer_matter(newcomer) {
            add(level, title, &newcomer.message);
        }
    }
    if let Some(run) = info.runs.first().filter(|run| run.phase == Some(RunPhase::Failed)) {
        let (word, said) = run.problem.as_ref().map_or(("", ""), |why| (&why.reason, &why.message));
        add(Level::Look, format!("Training {} failed: {word}", run.name), said);
    }
    for run in info.runs.iter().filter(|run| run.is_active()) {
        let message = match (&run.problem, &run.progress) {
            (Some(problem), _) => format!("{}: {}", problem.reason, problem.message),
            (None, Some(progress)) => format!("{} %: {}", progress.percent, progress.message),
            (None, None) => "it waits for its pod".into(),
        };
        add(Level::Know, format!("{} trains", run.name), &message);
    }
    if classifier
        .retraining
        .as_ref()
        .is_some_and(|retraining| retraining.suspended)
    {
        add(
            Level::Know,
            "Retraining suspended".into(),
            "spec.retraining.suspend is true",
        );
    }
    matters.sort_by_key(|matter| matter.level);
    matters
}

/// Reasons of waiting versions that only a person ends.
const NEED_A_PERSON: [&str; 4] = ["PolicyManual", "NotEvaluated", "RestoreNeedsPin", "ClassifierNotFound"];

/// A newcomer that a rule rejected needs nobody: the champion is as good.
fn newcomer_matter(newcomer: &Newcomer) -> Option<(Level, String)> {
    let Newcomer { name, reason, .. } = newcomer;
    Some(match newcomer.state {
        NewcomerState::Stalled => (Level::Look, format!("{name} can't serve: {reason}")),
        NewcomerState::RollingOut => (Level::Know, format!("{name} is rolling out")),
        NewcomerState::Waiting if NEED_A_PERSON.contains(&reason.as_str()) => {
            (Level::Look, format!("{name} waits for you: {reason}"))
        }
        NewcomerState::Waiting => (Level::Know, format!("{name} waits: {reason}")),
        NewcomerState::Rejected => return None,
    })
}
