//! The replicas of each ReplicaSet during a rollout.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

use super::DESIRED;

/// The desired replicas of a Deployment.
pub fn wanted(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// The desired replicas of a ReplicaSet.
pub fn spec_of(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// The desired replicas of a group of ReplicaSets.
pub fn told<'a>(sets: impl IntoIterator<Item = &'a ReplicaSet>) -> i32 {
    sets.into_iter().map(spec_of).sum()
}

/// The available replicas of a group of ReplicaSets.
pub fn available<'a>(sets: impl IntoIterator<Item = &'a ReplicaSet>) -> i32 {
    sets.into_iter()
        .filter_map(|set| set.status.as_ref())
        .filter_map(|status| status.available_replicas)
        .sum()
}

/// The existing replicas of a group of ReplicaSets.
pub fn existing<'a>(sets: impl IntoIterator<Item = &'a ReplicaSet>) -> i32 {
    sets.into_iter()
        .filter_map(|set| set.status.as_ref())
        .map(|status| status.replicas)
        .sum()
}

/// Whether old Pods are removed before new ones are created.
pub fn is_recreate(deployment: &Deployment) -> bool {
    let strategy = deployment.spec.as_ref().and_then(|spec| spec.strategy.as_ref());
    strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

/// maxSurge and maxUnavailable of a rolling update. Surge is rounded up and unavailability down. If both are 0, one Pod
/// may be unavailable, so that the rollout can proceed.
pub fn slack(deployment: &Deployment) -> (i32, i32) {
    if is_recreate(deployment) {
        return (0, 0);
    }
    let replicas = wanted(deployment);
    let rolling = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.strategy.as_ref())
        .and_then(|strategy| strategy.rolling_update.as_ref());
    let surge = rolling
        .and_then(|rolling| rolling.max_surge.as_ref())
        .map_or(replicas.div_ceil_percent(25), |value| {
            resolve(value, |percent| replicas.div_ceil_percent(percent))
        });
    let unavailable = rolling
        .and_then(|rolling| rolling.max_unavailable.as_ref())
        .map_or(replicas * 25 / 100, |value| {
            resolve(value, |percent| replicas * percent / 100)
        });
    if surge == 0 && unavailable == 0 {
        (0, 1)
    } else {
        (surge, unavailable)
    }
}

/// The largest number of unavailable Pods, at most the desired replicas.
pub fn max_unavailable(deployment: &Deployment) -> i32 {
    if wanted(deployment) == 0 {
        0
    } else {
        slack(deployment).1.min(wanted(deployment))
    }
}

trait Percent {
    fn div_ceil_percent(self, percent: i32) -> i32;
}

impl Percent for i32 {
    fn div_ceil_percent(self, percent: i32) -> i32 {
        (self * percent + 99) / 100
    }
}

fn resolve(value: &IntOrString, percent: impl Fn(i32) -> i32) -> i32 {
    match value {
        IntOrString::Int(count) => *count,
        IntOrString::String(text) => text.trim_end_matches('%').parse().map_or(0, percent),
    }
}

/// The size of the new ReplicaSet, given all of them.
pub fn for_new_set(deployment: &Deployment, all: &[&ReplicaSet], now: i32) -> i32 {
    let wanted = wanted(deployment);
    if is_recreate(deployment) {
        return wanted;
    }
    let most = wanted + slack(deployment).0;
    let present = told(all.iter().copied());
    if present >= most {
        now
    } else {
        now + (most - present).min(wanted - now)
    }
}

/// Sizes of the ReplicaSets of a Deployment that was scaled during a rollout: each keeps its share of the Pods. Returns
/// the sets whose size changes.
pub fn proportionally<'a>(deployment: &Deployment, active: &[&'a ReplicaSet]) -> Vec<(&'a ReplicaSet, i32)> {
    let wanted = wanted(deployment);
    let present = told(active.iter().copied());
    let allowed = if wanted > 0 { wanted + slack(deployment).0 } else { 0 };
    let to_add = allowed - present;
    let mut sorted = active.to_vec();
    // The largest first; of equal ones the newest when scaling up, the oldest when scaling down.
    sorted.sort_by_key(|set| {
        let created = set
            .metadata
            .creation_timestamp
            .as_ref()
            .map_or(0, |time| time.0.as_second());
        (-spec_of(set), if to_add > 0 { -created } else { created })
    });
    let mut added = 0;
    let mut sizes: Vec<(&ReplicaSet, i32)> = Vec::new();
    for set in sorted {
        let part = if to_add == 0 {
            0
        } else {
            share(set, allowed, to_add, added)
        };
        added += part;
        sizes.push((set, spec_of(set) + part));
    }
    if let Some((_, first)) = sizes.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    sizes.retain(|(set, size)| *size != spec_of(set));
    sizes
}

/// A ReplicaSet's share of the replicas to add, or to remove if negative.
fn share(set: &ReplicaSet, allowed: i32, to_add: i32, added: i32) -> i32 {
    let size = spec_of(set);
    let rest = to_add - added;
    if size == 0 || rest == 0 {
        return 0;
    }
    let annotated = set
        .annotations()
        .get(super::MAX)
        .and_then(|text| text.parse::<i32>().ok());
    let before = annotated.filter(|most| *most > 0).unwrap_or(allowed).max(1);
    let scaled = (f64::from(size) * f64::from(allowed) / f64::from(before)).round();
    #[allow(clippy::cast_possible_truncation, reason = "a product of replica counts")]
    let part = scaled as i32 - size;
    if to_add > 0 { part.min(rest) } else { part.max(rest) }
}

/// Whether the Deployment was scaled after this ReplicaSet.
pub fn was_scaled(deployment: &Deployment, set: &ReplicaSet) -> bool {
    let desired = set.annotations().get(DESIRED).and_then(|text| text.parse::<i32>().ok());
    spec_of(set) > 0 && desired.is_some_and(|desired| desired != wanted(deployment))
}
