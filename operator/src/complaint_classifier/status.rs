//! The status after the changes were applied. Pure; the clock is an argument.

use complaint_api::{
    ClassifierReplicas, ComplaintClassifier, ComplaintClassifierStatus, PromotionComparison, PromotionReason,
    PromotionRecord, VersionDigest,
    condition::{self, AVAILABLE, PROGRESSING, READY, RECONCILING, STALLED, Statement},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::{
    build,
    gather::Seen,
    judge,
    plan::{Hold, Plan, champion_record},
    rollout::{self, Rollout},
};
use crate::{context::Notice, settings::Settings, status::Owned};

/// This controller owns the whole status.
impl Owned for ComplaintClassifierStatus {
    const FIELDS: &'static [&'static str] = &[
        "observedGeneration",
        "champion",
        "challenger",
        "previousChampion",
        "replicas",
        "url",
        "promotions",
    ];
    const CONDITIONS: &'static [&'static str] = &[READY, AVAILABLE, PROGRESSING, RECONCILING, STALLED];
}

const PROMOTIONS_KEPT: usize = 20;
/// Reason of both conditions with 0 replicas.
const SCALED_TO_ZERO: &str = "ScaledToZero";

/// The next status and the Events about the change.
pub(crate) fn next(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    plan: &Plan,
    settings: &Settings,
    now: Timestamp,
) -> (ComplaintClassifierStatus, Vec<Notice>) {
    let old = classifier.status.clone().unwrap_or_default();
    let mut status = ComplaintClassifierStatus {
        observed_generation: classifier.metadata.generation,
        url: Some(build::url(classifier, settings)),
        // The record, which can't be computed again.
        champion: plan.champion.clone(),
        previous_champion: old.previous_champion.clone(),
        promotions: old.promotions.clone(),
        ..ComplaintClassifierStatus::default()
    };
    let mut notices = Vec::new();
    if plan.restored {
        record(&mut status, plan, PromotionReason::Restored, None, now, &mut notices);
    }
    promote(plan, &mut status, now, &mut notices);
    status.challenger = plan
        .target
        .as_ref()
        .map(|target| VersionDigest {
            name: target.name_any(),
            sha256: target.spec.artifact.sha256.clone(),
        })
        .filter(|target| {
            status
                .champion
                .as_ref()
                .is_none_or(|champion| champion.name != target.name)
        });
    status.replicas = Some(replicas(classifier, seen, &status));
    let statements = statements(plan, &status);
    notices.extend(condition_notices(&old, &statements));
    status.conditions = condition::merge(&old.conditions, &statements, classifier.metadata.generation, now);
    (status, notices)
}

fn promote(plan: &Plan, status: &mut ComplaintClassifierStatus, now: Timestamp, notices: &mut Vec<Notice>) {
    let (Some(reason), Some(version)) = (plan.promote, &plan.target) else {
        return;
    };
    let from = status.champion.take();
    status.previous_champion = from
        .as_ref()
        .map(|champion| VersionDigest {
            name: champion.name.clone(),
            sha256: champion.sha256.clone(),
        })
        .or(status.previous_champion.take());
    status.champion = Some(champion_record(version, Some(now)));
    record(status, plan, reason, from.as_ref(), now, notices);
}

/// Adds the champion to the front of the record.
fn record(
    status: &mut ComplaintClassifierStatus,
    plan: &Plan,
    reason: PromotionReason,
    from: Option<&complaint_api::ClassifierChampion>,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) {
    let Some(champion) = &status.champion else { return };
    let comparison = match (from, &plan.target) {
        (Some(from), Some(version)) => judge::comparison(version, from),
        _ => None,
    };
    let from_name = from.map(|champion| champion.name.clone());
    let replaced = from_name
        .as_ref()
        .map_or(String::new(), |name| format!(", replacing {name}"));
    let gained = comparison.map_or(String::new(), |c| format!(" ({} {:+})", c.metric.name(), c.difference));
    let note = format!(
        "ModelVersion {} is champion{replaced}{gained}: {reason:?}",
        champion.name
    );
    notices.push(Notice::normal("Promoted", note).about(&champion.name));
    status.promotions.insert(
        0,
        PromotionRecord {
            version: champion.name.clone(),
            from: from_name,
            reason,
            comparison: comparison.map(|comparison| PromotionComparison {
                metric: comparison.metric,
                difference: comparison.difference,
                confidence_interval: comparison.confidence_interval,
            }),
            time: Time(now),
        },
    );
    status.promotions.truncate(PROMOTIONS_KEPT);
}

fn replicas(classifier: &ComplaintClassifier, seen: &Seen, status: &ComplaintClassifierStatus) -> ClassifierReplicas {
    let all: Vec<_> = seen.pods.iter().collect();
    let serving: Vec<_> = match &status.champion {
        Some(champion) => rollout::pods_of(seen, &champion.sha256).collect(),
        None => Vec::new(),
    };
    ClassifierReplicas {
        desired: match (&seen.deployment, classifier.spec.serving.bounds()) {
            (_, (least, most)) if least == most => least,
            (Some(deployment), _) => rollout::desired(deployment),
            (None, (least, _)) => least,
        },
        ready: rollout::ready_count(&all),
        serving: rollout::ready_count(&serving),
    }
}

fn statements(plan: &Plan, status: &ComplaintClassifierStatus) -> Vec<Statement> {
    let counts = status.replicas.unwrap_or_default();
    let mut statements = vec![match counts.serving {
        0 if counts.desired == 0 => {
            Statement::new(AVAILABLE, Some(false), SCALED_TO_ZERO, "spec.serving.replicas is 0")
        }
        0 => Statement::new(AVAILABLE, Some(false), "NoEndpoint", "no ready pod serves the champion"),
        serving => Statement::new(
            AVAILABLE,
            Some(true),
            "Serving",
            format!("{serving} pods serve the champion"),
        ),
    }];
    let (ready, reason, message) = readiness(plan, status);
    statements.push(Statement::new(READY, ready, reason.clone(), message.clone()));
    if let Some((reason, message)) = &plan.stalled {
        statements.push(Statement::new(STALLED, Some(true), *reason, message));
    } else if ready == Some(false) {
        statements.push(Statement::new(RECONCILING, Some(true), reason, message));
    }
    statements.extend(progressing(plan));
    statements
}

fn readiness(plan: &Plan, status: &ComplaintClassifierStatus) -> (Option<bool>, String, String) {
    let say = |ready, reason: &str, message: String| (ready, reason.to_owned(), message);
    if let Some((reason, message)) = &plan.stalled {
        return say(Some(false), reason, message.clone());
    }
    if plan.hold == Some(Hold::Paused) {
        return say(None, "Paused", "nothing is changed while spec.paused is true".into());
    }
    let Some(champion) = &status.champion else {
        return match (&plan.target, &plan.not_evaluated) {
            (None, Some(waiting)) => say(
                Some(false),
                "NotEvaluated",
                format!(
                    "no ModelVersion was promoted yet, and no training of this cluster evaluated {waiting}: pin it with spec.promotion.modelVersion, or apply a TrainingRun for this classifier"
                ),
            ),
            (None, None) => say(
                Some(false),
                "NoChampion",
                "no ModelVersion was promoted yet: apply a TrainingRun for this classifier, or pin a version with spec.promotion.modelVersion; `kubectl describe mv` says why versions were rejected".into(),
            ),
            (Some(first), _) => say(
                Some(false),
                "RollingOut",
                format!("the first version {} is being rolled out", first.name_any()),
            ),
        };
    };
    if plan.target.is_none() {
        return say(
            Some(false),
            "ChampionNotFound",
            format!("ModelVersion {} is gone; its pods go on serving", champion.name),
        );
    }
    match &plan.rollout {
        Some(Rollout::Complete) if status.challenger.is_some() => say(
            Some(false),
            "WaitingForReplicas",
            "spec.serving.replicas is 0: a version is promoted when a pod has loaded it".into(),
        ),
        // Ready, like a Deployment with 0 replicas; `Available` is false.
        Some(Rollout::Complete) if status.replicas.unwrap_or_default().desired == 0 => say(
            Some(true),
            SCALED_TO_ZERO,
            format!(
                "spec.serving.replicas is 0: no pod answers; {} stays champion",
                champion.name
            ),
        ),
        Some(Rollout::Complete) => say(Some(true), "Serving", format!("every pod serves {}", champion.name)),
        Some(Rollout::Blocked(blocked)) => say(Some(false), &blocked.reason, blocked.message.clone()),
        Some(Rollout::InProgress { ready, desired }) => {
            let target = plan.target.as_ref().map(ResourceExt::name_any).unwrap_or_default();
            say(
                Some(false),
                "RollingOut",
                format!("{ready} of {desired} pods serve {target}"),
            )
        }
        Some(Rollout::Broken(error)) => say(Some(false), &error.reason, error.message.clone()),
        Some(Rollout::NotStarted) | None => say(Some(false), "RollingOut", "the Deployment is being changed".into()),
    }
}

fn progressing(plan: &Plan) -> Option<Statement> {
    Some(match plan.rollout.as_ref()? {
        Rollout::Complete => Statement::new(PROGRESSING, Some(true), "Complete", "the rollout is complete"),
        Rollout::Blocked(blocked) => Statement::new(PROGRESSING, Some(false), &blocked.reason, &blocked.message),
        Rollout::Broken(error) => Statement::new(PROGRESSING, Some(false), &error.reason, &error.message),
        Rollout::InProgress { .. } | Rollout::NotStarted => {
            Statement::new(PROGRESSING, Some(true), "RollingOut", "the rollout is under way")
        }
    })
}

/// Events about rejected versions.
pub(crate) fn rejections(plan: &Plan) -> Vec<Notice> {
    plan.rejected
        .iter()
        .map(|rejected| {
            let note = format!(
                "ModelVersion {} was not promoted: {}: {}",
                rejected.version, rejected.reason, rejected.message
            );
            Notice::warning("VersionRejected", note).about(&rejected.version)
        })
        .collect()
}

/// Events when `Stalled` or a blocked rollout begins or changes.
fn condition_notices(old: &ComplaintClassifierStatus, statements: &[Statement]) -> Vec<Notice> {
    statements
        .iter()
        .filter(|s| {
            (s.type_ == STALLED && s.status == Some(true)) || (s.type_ == PROGRESSING && s.status == Some(false))
        })
        .filter(|s| condition::find(&old.conditions, s.type_).is_none_or(|before| before.reason != s.reason))
        .map(|s| Notice::warning(s.reason.clone(), s.message.clone()))
        .collect()
}
