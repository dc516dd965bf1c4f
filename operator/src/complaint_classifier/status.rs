//! The status after the changes were applied. Pure; the clock is an argument.

use complaint_api::{
    ClassifierReplicas, ComplaintClassifier, ComplaintClassifierStatus, PromotionComparison, PromotionReason,
    PromotionRecord, VersionDigest,
    condition::{self, AVAILABLE, PROGRESSING, READY, RECONCILING, STALLED, Statement},
    labels,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::{
    build,
    gather::{Seen, Unread},
    judge,
    plan::{Hold, Plan, Restore, champion_record},
    rollout::{self, Rollout},
};
use crate::{
    candidate::Hindrance,
    context::Notice,
    retraining::{self, Fault},
    settings::Settings,
    status::Owned,
};

/// This controller owns the status but for the times of retraining.
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
/// The reason of `Ready` while a version waits for a pod to load it, and none is asked for.
const WAITING_FOR_REPLICAS: &str = "WaitingForReplicas";
/// Reason of both conditions where no pod is asked for.
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
                .is_none_or(|champion| (&champion.name, &champion.sha256) != (&target.name, &target.sha256))
        });
    status.replicas = Some(replicas(classifier, seen, &status));
    let mut statements = statements(plan, &status, retraining::fault(classifier));
    let passing = matches!(&plan.rollout, Some(Rollout::Blocked(blocked)) if blocked.is_passing());
    notices.extend(condition_notices(&old, &statements, passing));
    notices.extend(unreadable(seen, &old, &status, &mut statements));
    status.conditions = condition::merge(&old.conditions, &statements, classifier.metadata.generation, now);
    (status, notices)
}

fn promote(plan: &Plan, status: &mut ComplaintClassifierStatus, now: Timestamp, notices: &mut Vec<Notice>) {
    let (Some(reason), Some(version)) = (plan.promote, &plan.target) else {
        return;
    };
    let at = promotion_time(status, now);
    let from = status.champion.take();
    status.previous_champion = from
        .as_ref()
        .map(|champion| VersionDigest {
            name: champion.name.clone(),
            sha256: champion.sha256.clone(),
        })
        .or(status.previous_champion.take());
    status.champion = Some(champion_record(version, Some(at)));
    record(status, plan, reason, from.as_ref(), at, notices);
}

/// The time on record for a promotion that happens `now`: later than every one before. Times have whole seconds, a pin that
/// follows a promotion at once falls into the same one, and a clock may be set back; but the time says which promotion of
/// the classifier is meant and which was last.
fn promotion_time(status: &ComplaintClassifierStatus, now: Timestamp) -> Timestamp {
    let next = status
        .promotions
        .iter()
        .map(|promotion| promotion.time.0.as_second() + 1)
        .max();
    let second = next.map_or(now.as_second(), |next| next.max(now.as_second()));
    Timestamp::from_second(second).unwrap_or(now)
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
    notices.push(Notice::normal("Promoted", note).about(&champion.name).at(now));
    status.promotions.insert(
        0,
        PromotionRecord {
            version: champion.name.clone(),
            sha256: champion.sha256.clone(),
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

fn counts(status: &ComplaintClassifierStatus) -> ClassifierReplicas {
    status.replicas.unwrap_or_default()
}

fn statements(plan: &Plan, status: &ComplaintClassifierStatus, schedule: Option<Fault>) -> Vec<Statement> {
    let counts = counts(status);
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
    } else if let Some(fault) = schedule {
        // Somebody has to act, and what is served does not suffer from it.
        statements.push(Statement::new(STALLED, Some(true), fault.reason, fault.message));
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
        return match (&plan.target, &plan.restore, &plan.waiting) {
            (None, Some(restore), _) => say(Some(false), Hindrance::RestoreNeedsPin.reason(), restore_message(restore)),
            (None, None, Some((waiting, hindrance))) => say(
                Some(false),
                hindrance.reason(),
                format!("no ModelVersion was promoted yet; `kubectl describe mv {waiting}` says why that one can't be"),
            ),
            (None, None, None) => say(
                Some(false),
                "NoChampion",
                "no ModelVersion was promoted yet: apply a TrainingRun for this classifier, or pin a version with spec.promotion.modelVersion; `kubectl describe mv` says why versions were rejected".into(),
            ),
            (Some(first), _, _) if plan.rollout == Some(Rollout::Complete) && counts(status).desired == 0 => say(
                Some(false),
                WAITING_FOR_REPLICAS,
                format!(
                    "spec.serving.replicas is 0: the first version {} is promoted when a pod has loaded it; raise it",
                    first.name_any()
                ),
            ),
            (Some(first), _, _) => say(
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
            format!(
                "the ModelVersion {} that was promoted is gone; its pods go on serving: apply it again with the digest {}, or pin another version",
                champion.name, champion.sha256
            ),
        );
    }
    match &plan.rollout {
        Some(Rollout::Complete) if status.challenger.is_some() => say(
            Some(false),
            WAITING_FOR_REPLICAS,
            "spec.serving.replicas is 0: a version is promoted when a pod has loaded it".into(),
        ),
        // As asked for, so ready, like a Deployment of no replicas; `Available` tells that nobody answers.
        Some(Rollout::Complete) if counts(status).desired == 0 => say(
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
        Some(Rollout::Refused(reason, message)) => say(Some(false), reason, message.clone()),
        Some(Rollout::Broken(error)) => say(Some(false), &error.reason, error.message.clone()),
        Some(Rollout::NotStarted) | None => say(Some(false), "RollingOut", "the Deployment is being changed".into()),
    }
}

fn restore_message(restore: &Restore) -> String {
    if let Some(stored) = &restore.stored {
        return format!(
            "the store's record names {} (sha256:{}) as the last champion, and no ModelVersion here has its artifact: apply its record (`complaint-trainer show --modelversions` prints those of a store), or set spec.promotion.modelVersion",
            stored.name, stored.sha256
        );
    }
    let claimant = restore.claimant.as_ref().map_or(String::new(), |name| {
        format!(
            "; {name} claims to have served last, by its annotation {}",
            labels::PROMOTED_AT
        )
    });
    let found = if restore.record_lost {
        "the record of promotions was lost, and the pods go on as they are"
    } else {
        "the ModelVersions found are older than this ComplaintClassifier"
    };
    let asked = match restore.is_asked {
        true => "a Job asks the store which one served last (status.storeRecord says if that fails), or",
        false => "the store names no champion:",
    };
    format!("{found}: {asked} set spec.promotion.modelVersion to the version that is to serve{claimant}")
}

fn progressing(plan: &Plan) -> Option<Statement> {
    Some(match plan.rollout.as_ref()? {
        Rollout::Complete => Statement::new(PROGRESSING, Some(true), "Complete", "the rollout is complete"),
        Rollout::Blocked(blocked) => Statement::new(PROGRESSING, Some(false), &blocked.reason, &blocked.message),
        Rollout::Refused(reason, message) => Statement::new(PROGRESSING, Some(false), *reason, message),
        Rollout::Broken(error) => Statement::new(PROGRESSING, Some(false), &error.reason, &error.message),
        Rollout::InProgress { .. } | Rollout::NotStarted => {
            Statement::new(PROGRESSING, Some(true), "RollingOut", "the rollout is under way")
        }
    })
}

/// Names unreadable versions in `Ready`, and each new one in an Event.
fn unreadable(
    seen: &Seen,
    old: &ComplaintClassifierStatus,
    status: &ComplaintClassifierStatus,
    statements: &mut [Statement],
) -> Vec<Notice> {
    const NAMED: usize = 3;
    let says = |unread: &Unread| format!("ModelVersion {} can't be read and is left out", unread.version);
    let before = condition::find(&old.conditions, READY);
    let champion = status.champion.as_ref().map(|champion| champion.name.as_str());
    let Some(ready) = statements.iter_mut().find(|statement| statement.type_ == READY) else {
        return Vec::new();
    };
    let mut notices = Vec::new();
    for unread in seen.unreadable.iter().take(NAMED) {
        let note = format!(
            "{} ({}): apply it again with fields of this release",
            says(unread),
            unread.error
        );
        if Some(unread.version.as_str()) == champion {
            ready.reason = "VersionUnreadable".into();
            ready.message = "the champion's pods go on serving".into();
        }
        ready.message = format!("{}; {note}", ready.message);
        if before.is_none_or(|before| !before.message.contains(&says(unread))) {
            notices.push(Notice::warning("VersionUnreadable", note).about(&unread.version));
        }
    }
    if let Some(more) = seen.unreadable.len().checked_sub(NAMED).filter(|more| *more > 0) {
        ready.message = format!("{}; and {more} more", ready.message);
    }
    notices
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

/// Events for `Stalled` and for a rollout that is held up, when they begin or change; none for what passes by itself.
fn condition_notices(old: &ComplaintClassifierStatus, statements: &[Statement], passing: bool) -> Vec<Notice> {
    statements
        .iter()
        .filter(|s| {
            (s.type_ == STALLED && s.status == Some(true))
                || (s.type_ == PROGRESSING && s.status == Some(false) && !passing)
        })
        .filter(|s| condition::find(&old.conditions, s.type_).is_none_or(|before| before.reason != s.reason))
        .map(|s| Notice::warning(s.reason.clone(), s.message.clone()))
        .collect()
}
