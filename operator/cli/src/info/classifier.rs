//! What a ComplaintClassifier says, with the newcomers among its versions.

use complaint_api::{
    CategoryShift, ClassifierReplicas, ComplaintClassifier, ComplaintClassifierStatus, EstimatedShare, Metric,
    Monitoring, PromotionComparison, PromotionPolicy, PromotionReason, Stage, VersionDigest, WindowVerdict,
    condition::{self, DRIFTED, MONITORED, READY, STALLED},
    round4,
};
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;

use super::{
    RunInfo, VersionInfo,
    reason::{self, ConditionInfo, Reason},
};

/// A classifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassifierInfo {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Whether it is as its spec asks.
    pub state: State,
    /// What blocks it, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Reason>,
    /// Whether the operator has seen the last change of the spec. The rest of the status is about an older one otherwise.
    pub up_to_date: bool,
    /// Who serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub champion: Option<ChampionInfo>,
    /// Who is being rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenger: Option<VersionDigest>,
    /// Who served before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_champion: Option<VersionDigest>,
    /// Whether the operator promotes.
    pub policy: PromotionPolicy,
    /// The metric that decides.
    pub metric: Metric,
    /// The version that the spec pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
    /// Whether the spec stops everything.
    pub paused: bool,
    /// Versions that wait or were rejected since the champion was made, the newest first.
    pub newcomers: Vec<Newcomer>,
    /// Names of the runs that have not ended.
    pub active_runs: Vec<String>,
    /// The server pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<ClassifierReplicas>,
    /// The Service's address inside the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What production shows, if the spec asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<MonitoringInfo>,
    /// When it is trained again, if the spec asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retraining: Option<RetrainingInfo>,
    /// The last promotions, the newest first.
    pub promotions: Vec<PromotionInfo>,
    /// All conditions.
    pub conditions: Vec<ConditionInfo>,
}

/// Whether a classifier is as its spec asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum State {
    /// Every pod serves the champion.
    Ready,
    /// The operator is working on it, or waits for what it can't do itself.
    NotReady,
    /// Somebody has to act.
    Stalled,
    /// The spec stops everything.
    Paused,
    /// The operator has not said anything yet.
    Unknown,
}

/// The version that serves.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChampionInfo {
    /// Its name.
    pub name: String,
    /// Digest of its artifact.
    pub sha256: String,
    /// Its value of the metric that decides, on its own test rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Since when it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why it was promoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<PromotionReason>,
}

/// A version that is not champion.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Newcomer {
    /// Its name.
    pub name: String,
    /// What is the matter with it.
    pub state: NewcomerState,
    /// Why.
    pub reason: String,
    /// Why, for people.
    pub message: String,
}

/// What is the matter with a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NewcomerState {
    /// Nothing is decided about it.
    Waiting,
    /// It was accepted, and its pods are starting.
    RollingOut,
    /// It is not promoted automatically.
    Rejected,
    /// It can't serve.
    Stalled,
}

/// What production shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MonitoringInfo {
    /// The share of right answers, estimated without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_accuracy: Option<EstimatedShare>,
    /// The share of right answers by corrections that were drawn before anybody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_accuracy: Option<EstimatedShare>,
    /// The share of right answers on the held-out rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_accuracy: Option<f64>,
    /// `True`, `False` or `Unknown`: whether the traffic differs from the held-out rows.
    pub drifted: String,
    /// In what, or why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Reason>,
    /// Why the servers' counts can't be read, if they can't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmonitored: Option<Reason>,
    /// The end of the last window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_end: Option<Timestamp>,
    /// The length of a window, such as `24h`.
    pub window: String,
    /// The last windows, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowVerdict>,
    /// The accuracy below which the traffic has drifted: `referenceAccuracy` less `maxAccuracyDrop` of the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_accuracy: Option<f64>,
    /// How far the traffic is from the held-out rows.
    pub distances: Vec<DistanceInfo>,
    /// The categories whose share has changed most since the training.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryShift>,
}

/// How far the traffic is from the held-out rows in one respect.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DistanceInfo {
    /// What was measured: `categoryDistance`, `probabilityShift` or `unknownWordShift`, as in `status.monitoring`.
    pub name: &'static str,
    /// The figure, beyond chance; unset: no window has been judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The limit of `spec.monitoring`.
    pub max: f64,
}

/// When a classifier is trained again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetrainingInfo {
    /// The schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Its time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Whether the spec suspends it.
    pub suspended: bool,
    /// The next scheduled time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// The last scheduled time with a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// The time of a request for which no run was made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<Timestamp>,
}

/// A promotion.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionInfo {
    /// The version that became champion.
    pub version: String,
    /// Digest of its artifact.
    pub sha256: String,
    /// The champion before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Why.
    pub reason: PromotionReason,
    /// How much better it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<PromotionComparison>,
    /// When.
    pub time: Timestamp,
}

impl ClassifierInfo {
    /// What `classifier` says, with the `versions` and `runs` of all classifiers, the newest first.
    pub(super) fn of(classifier: &ComplaintClassifier, versions: &[VersionInfo], runs: &[RunInfo]) -> Self {
        let none = ComplaintClassifierStatus::default();
        let status = classifier.status.as_ref().unwrap_or(&none);
        let promotion = &classifier.spec.promotion;
        let (namespace, name) = (classifier.namespace().unwrap_or_default(), classifier.name_any());
        let (state, blocked) = state(classifier, status);
        let own: Vec<&VersionInfo> = versions
            .iter()
            .filter(|version| version.namespace == namespace && version.classifier == name)
            .collect();
        Self {
            created: classifier.creation_timestamp().map(|time| time.0),
            state,
            blocked,
            up_to_date: status.observed_generation == classifier.metadata.generation,
            champion: champion(status, promotion.metric),
            challenger: status.challenger.clone(),
            previous_champion: status.previous_champion.clone(),
            policy: promotion.policy,
            metric: promotion.metric,
            pinned: promotion.model_version.clone(),
            paused: classifier.spec.paused,
            newcomers: newcomers(&own),
            active_runs: runs
                .iter()
                .filter(|run| run.namespace == namespace && run.classifier == name && run.is_active())
                .map(|run| run.name.clone())
                .collect(),
            replicas: status.replicas,
            url: status.url.clone(),
            monitoring: classifier.spec.monitoring.as_ref().map(|spec| monitoring(spec, status)),
            retraining: retraining(classifier, status),
            promotions: promotions(status),
            conditions: reason::all(&status.conditions),
            namespace,
            name,
        }
    }

    /// Whether it is as its spec asks, and the spec is the last one.
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready && self.up_to_date
    }
}

/// `Stalled` is told even where the classifier is ready: a schedule that never comes stops no pod.
fn state(classifier: &ComplaintClassifier, status: &ComplaintClassifierStatus) -> (State, Option<Reason>) {
    let conditions = &status.conditions;
    if let Some(stalled) = reason::of(conditions, STALLED, "True") {
        return (State::Stalled, Some(stalled));
    }
    let ready = condition::find(conditions, READY);
    match ready.map(|ready| ready.status.as_str()) {
        _ if classifier.spec.paused => (State::Paused, None),
        Some("True") => (State::Ready, None),
        Some("False") => (State::NotReady, ready.map(Reason::from)),
        _ => (State::Unknown, ready.map(Reason::from)),
    }
}

fn champion(status: &ComplaintClassifierStatus, metric: Metric) -> Option<ChampionInfo> {
    let champion = status.champion.as_ref()?;
    let promotion = status.promotions.first();
    let promotion = promotion.filter(|promotion| promotion.sha256 == champion.sha256);
    Some(ChampionInfo {
        name: champion.name.clone(),
        sha256: champion.sha256.clone(),
        value: metric.of(&champion.metrics),
        since: champion.promotion_time.as_ref().map(|time| time.0),
        reason: promotion.map(|promotion| promotion.reason),
    })
}

/// Of versions with the newest first: those about which nothing is decided, and those that were rejected after the champion was made.
fn newcomers(versions: &[&VersionInfo]) -> Vec<Newcomer> {
    let champion = versions
        .iter()
        .position(|version| version.stage == Some(Stage::Champion))
        .unwrap_or(versions.len());
    let newcomer = |(place, version): (usize, &&VersionInfo)| {
        let (state, why) = match version.stage {
            Some(Stage::Champion | Stage::Retired) => return None,
            Some(Stage::Challenger) => (NewcomerState::RollingOut, &version.waiting),
            Some(Stage::Rejected) if place > champion => return None,
            Some(Stage::Rejected) => (NewcomerState::Rejected, &version.rejection),
            None | Some(Stage::Candidate) if version.stalled.is_some() => (NewcomerState::Stalled, &version.stalled),
            None | Some(Stage::Candidate) => (NewcomerState::Waiting, &version.waiting),
        };
        let why = why.clone().unwrap_or_else(|| Reason::new("Unknown", ""));
        Some(Newcomer {
            name: version.name.clone(),
            state,
            reason: why.reason,
            message: why.message,
        })
    };
    versions.iter().enumerate().filter_map(newcomer).collect()
}

fn monitoring(spec: &Monitoring, status: &ComplaintClassifierStatus) -> MonitoringInfo {
    let shown = status.monitoring.clone().unwrap_or_default();
    let drifted = condition::find(&status.conditions, DRIFTED);
    let monitored = condition::find(&status.conditions, MONITORED);
    MonitoringInfo {
        estimated_accuracy: shown.estimated_accuracy,
        measured_accuracy: shown.measured_accuracy,
        reference_accuracy: shown.reference_accuracy,
        drifted: drifted.map_or_else(|| "Unknown".into(), |condition| condition.status.clone()),
        drift: drifted.map(Reason::from),
        unmonitored: monitored
            .filter(|condition| condition.status != "True")
            .map(Reason::from),
        window_end: shown.windows.first().map(|window| window.end_time.0),
        window: if shown.window.is_empty() {
            spec.window.clone()
        } else {
            shown.window
        },
        windows: shown.windows,
        min_accuracy: shown
            .reference_accuracy
            .map(|value| round4(value - spec.max_accuracy_drop)),
        distances: [
            ("categoryDistance", shown.category_distance, spec.max_category_distance),
            ("probabilityShift", shown.probability_shift, spec.max_probability_shift),
            (
                "unknownWordShift",
                shown.unknown_word_shift,
                spec.max_unknown_word_shift,
            ),
        ]
        .map(|(name, value, max)| DistanceInfo { name, value, max })
        .to_vec(),
        categories: shown.categories,
    }
}

fn retraining(classifier: &ComplaintClassifier, status: &ComplaintClassifierStatus) -> Option<RetrainingInfo> {
    let wanted = classifier.spec.retraining.as_ref()?;
    let requested = wanted.request_time.as_ref().map(|time| time.0);
    let answered = status.last_request_time.as_ref().map(|time| time.0);
    Some(RetrainingInfo {
        schedule: wanted.schedule.clone(),
        time_zone: wanted.time_zone.clone(),
        suspended: wanted.suspend,
        next: status.next_schedule_time.as_ref().map(|time| time.0),
        last: status.last_schedule_time.as_ref().map(|time| time.0),
        requested: requested.filter(|time| answered.is_none_or(|answered| *time > answered)),
    })
}

fn promotions(status: &ComplaintClassifierStatus) -> Vec<PromotionInfo> {
    let info = |promotion: &complaint_api::PromotionRecord| PromotionInfo {
        version: promotion.version.clone(),
        sha256: promotion.sha256.clone(),
        from: promotion.from.clone(),
        reason: promotion.reason,
        comparison: promotion.comparison,
        time: promotion.time.0,
    };
    status.promotions.iter().map(info).collect()
}
