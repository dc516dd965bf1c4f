//! One pass over a Deployment. Pure; the clock is an argument.
//!
//! A pass does one step, such as creating the new ReplicaSet, or scaling one up or down. The resulting change of a
//! ReplicaSet starts the next pass, as in upstream's controller.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

use super::replicas::{self, for_new_set, is_recreate, max_unavailable, proportionally, slack, spec_of, told, wanted};
use super::template::{HASH, hash, made_from};
use super::{DESIRED, MAX, REVISION, status};
use crate::controllers::events::Notice;
use crate::controllers::pods::{controlled_by, is_controlled_by, is_terminal};

/// The actions of a pass, in the order of the fields.
#[derive(Debug, Default)]
pub struct Plan {
    /// The new ReplicaSet to create.
    pub create: Option<Box<ReplicaSet>>,
    /// ReplicaSets to scale: name and size.
    pub scale: Vec<(String, i32)>,
    /// ReplicaSets whose annotations to sync with the Deployment: name, annotations.
    pub annotate: Vec<(String, Vec<(String, String)>)>,
    /// Old ReplicaSets beyond the history limit.
    pub delete: Vec<String>,
    /// The revision to set on the Deployment.
    pub revision: Option<String>,
    /// The status to write.
    pub status: Option<DeploymentStatus>,
    /// Events for the Deployment.
    pub notices: Vec<Notice>,
    /// Requeue after this time.
    pub again: Option<SignedDuration>,
}

struct View<'a> {
    deployment: &'a Deployment,
    new: Option<&'a ReplicaSet>,
    old: Vec<&'a ReplicaSet>,
    all: Vec<&'a ReplicaSet>,
}

/// Plans one pass. `sets` are the ReplicaSets the Deployment controls, `pods` the Pods its selector selects.
pub fn plan(deployment: &Deployment, sets: &[ReplicaSet], pods: &[Pod], now: Timestamp) -> Plan {
    let Some(spec) = deployment.spec.as_ref() else {
        return Plan::default();
    };
    let mut sorted: Vec<&ReplicaSet> = sets.iter().collect();
    sorted.sort_by_key(|set| {
        (
            set.metadata.creation_timestamp.as_ref().map(|time| time.0),
            set.name_any(),
        )
    });
    let new = sorted.iter().copied().find(|set| made_from(set, &spec.template));
    let old = sorted
        .iter()
        .copied()
        .filter(|set| Some(set.name_any()) != new.map(ResourceExt::name_any))
        .collect();
    let view = View {
        deployment,
        new,
        old,
        all: sorted,
    };
    let mut plan = Plan::default();
    let mut deployment_status = None;
    let mut estimate = false;
    if deployment.metadata.deletion_timestamp.is_none() {
        let paused = spec.paused == Some(true);
        let scaling = view.all.iter().any(|set| replicas::was_scaled(deployment, set));
        if paused || scaling {
            view.rescale(&mut plan);
        } else if view.new.is_none() && !(is_recreate(deployment) && view.drain(pods, &mut plan)) {
            deployment_status = view.create_new(&mut plan, now);
        } else if is_recreate(deployment) {
            estimate = true;
            view.recreate(pods, &mut plan);
        } else {
            estimate = true;
            view.roll(&mut plan);
        }
        if !paused {
            view.follow_annotations(&mut plan);
        }
    }
    let mut seen = deployment.clone();
    if let Some(prepared) = deployment_status {
        seen.status = Some(prepared);
    }
    status::follow_pause(&mut seen, now);
    let (status, left) = status::of(&seen, &view.all, view.new, estimate, now);
    if view.new.is_some()
        && status::is_settled(&view.all)
        && status::is_complete(deployment, &status)
        && deployment.metadata.deletion_timestamp.is_none()
    {
        view.clean_up(&mut plan);
    }
    plan.again = left;
    plan.status = (Some(&status) != deployment.status.as_ref()).then_some(status);
    plan
}

impl View<'_> {
    fn spec(&self) -> &k8s_openapi::api::apps::v1::DeploymentSpec {
        self.deployment
            .spec
            .as_ref()
            .expect("`plan` returned before for a Deployment without a spec")
    }

    /// Scales a set and records an Event.
    fn resize(&self, plan: &mut Plan, set: &ReplicaSet, size: i32) {
        let from = spec_of(set);
        if from == size || plan.scale.iter().any(|(name, _)| *name == set.name_any()) {
            return;
        }
        let direction = if size > from { "up" } else { "down" };
        plan.notices.push(Notice::normal(
            "ScalingReplicaSet",
            format!(
                "Scaled {direction} replica set {} from {from} to {size}",
                set.name_any()
            ),
        ));
        plan.scale.push((set.name_any(), size));
    }

    fn active_old(&self) -> impl Iterator<Item = &ReplicaSet> {
        self.old.iter().copied().filter(|set| spec_of(set) > 0)
    }

    /// Syncs sizes only: the Deployment was scaled, or is paused.
    fn rescale(&self, plan: &mut Plan) {
        let active: Vec<&ReplicaSet> = self.all.iter().copied().filter(|set| spec_of(set) > 0).collect();
        let newest = self.new.or_else(|| self.old.last().copied());
        match active.as_slice() {
            [] => {
                if let Some(set) = newest {
                    self.resize(plan, set, wanted(self.deployment));
                }
            }
            [only] => self.resize(plan, only, wanted(self.deployment)),
            _ if self.new.is_some_and(|new| self.is_saturated(new)) => {
                for set in self.active_old() {
                    self.resize(plan, set, 0);
                }
            }
            _ if !is_recreate(self.deployment) => {
                for (set, size) in proportionally(self.deployment, &active) {
                    self.resize(plan, set, size);
                }
            }
            _ => {}
        }
    }

    fn is_saturated(&self, set: &ReplicaSet) -> bool {
        let wanted = wanted(self.deployment);
        let desired = set.annotations().get(DESIRED).and_then(|text| text.parse::<i32>().ok());
        spec_of(set) == wanted && desired == Some(wanted) && replicas::available([set]) == wanted
    }

    /// Creates the ReplicaSet of the current template. Returns a status that counts a name collision.
    fn create_new(&self, plan: &mut Plan, now: Timestamp) -> Option<DeploymentStatus> {
        let mut current = self.deployment.status.clone().unwrap_or_default();
        let template = &self.spec().template;
        let hash = hash(template, current.collision_count.unwrap_or(0));
        let name = format!("{}-{hash}", self.deployment.name_any());
        if self.all.iter().any(|set| set.name_any() == name) {
            current.collision_count = Some(current.collision_count.unwrap_or(0) + 1);
            return Some(current);
        }
        let mut template = template.clone();
        template
            .metadata
            .get_or_insert_default()
            .labels
            .get_or_insert_default()
            .insert(HASH.into(), hash.clone());
        let mut selector = self.spec().selector.clone();
        selector.match_labels.get_or_insert_default().insert(HASH.into(), hash);
        let size = for_new_set(self.deployment, &self.all, 0);
        let revision = (self.last_revision() + 1).to_string();
        let set = ReplicaSet {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: self.deployment.namespace(),
                labels: template.metadata.as_ref().and_then(|metadata| metadata.labels.clone()),
                annotations: Some(self.annotations(&revision).into_iter().collect()),
                owner_references: controlled_by(self.deployment),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: Some(size),
                min_ready_seconds: self.spec().min_ready_seconds,
                selector,
                template: Some(template),
            }),
            status: None,
        };
        plan.create = Some(Box::new(set));
        plan.revision = Some(revision);
        if size > 0 {
            let message = format!("Scaled up replica set {name} from 0 to {size}");
            plan.notices.push(Notice::normal("ScalingReplicaSet", message));
        }
        if status::deadline(self.deployment).is_some() {
            let message = format!("Created new replica set \"{name}\"");
            status::set(
                &mut current,
                "Progressing",
                "True",
                "NewReplicaSetCreated",
                &message,
                now,
            );
        }
        Some(current)
    }

    /// Removes old Pods of a Recreate rollout; true while some remain.
    fn drain(&self, pods: &[Pod], plan: &mut Plan) -> bool {
        for set in self.active_old() {
            self.resize(plan, set, 0);
        }
        !plan.scale.is_empty() || pods.iter().any(|pod| !is_terminal(pod) && self.is_old(pod))
    }

    fn is_old(&self, pod: &Pod) -> bool {
        self.old
            .iter()
            .any(|set| set.uid().is_some_and(|uid| is_controlled_by(pod, &uid)))
    }

    fn recreate(&self, pods: &[Pod], plan: &mut Plan) {
        if !self.drain(pods, plan)
            && let Some(new) = self.new
        {
            self.resize(plan, new, wanted(self.deployment));
        }
    }

    fn roll(&self, plan: &mut Plan) {
        let Some(new) = self.new else { return };
        let wanted = wanted(self.deployment);
        let size = if spec_of(new) > wanted {
            wanted
        } else {
            for_new_set(self.deployment, &self.all, spec_of(new))
        };
        if size != spec_of(new) {
            self.resize(plan, new, size);
            return;
        }
        let floor = wanted - max_unavailable(self.deployment);
        let unready = spec_of(new) - replicas::available([new]);
        let mut spare = told(self.all.iter().copied()) - floor - unready;
        if spare <= 0 {
            return;
        }
        let mut sizes: Vec<(&ReplicaSet, i32)> = self.active_old().map(|set| (set, spec_of(set))).collect();
        // Unhealthy old Pods go first, because they serve no traffic.
        for (set, size) in &mut sizes {
            let broken = (*size - replicas::available([*set])).min(spare).max(0);
            *size -= broken;
            spare -= broken;
        }
        let mut serving = (replicas::available(self.all.iter().copied()) - floor).max(0);
        for (_, size) in &mut sizes {
            let cut = (*size).min(serving);
            *size -= cut;
            serving -= cut;
        }
        for (set, size) in sizes {
            self.resize(plan, set, size);
        }
    }

    fn last_revision(&self) -> i64 {
        self.old.iter().filter_map(|set| revision(*set)).max().unwrap_or(0)
    }

    /// Annotations of a ReplicaSet: the Deployment's, except those that are not copied, and the sizes.
    fn annotations(&self, revision: &str) -> Vec<(String, String)> {
        let own = [
            REVISION,
            DESIRED,
            MAX,
            "deployment.kubernetes.io/revision-history",
            LAST_APPLIED,
        ];
        let inherited = self
            .deployment
            .annotations()
            .iter()
            .filter(|(key, _)| !own.contains(&key.as_str()));
        let sizes = self.sizes();
        inherited
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain([(REVISION.into(), revision.into())])
            .chain(sizes)
            .collect()
    }

    fn sizes(&self) -> [(String, String); 2] {
        let wanted = wanted(self.deployment);
        let most = wanted + slack(self.deployment).0;
        [(DESIRED.into(), wanted.to_string()), (MAX.into(), most.to_string())]
    }

    fn follow_annotations(&self, plan: &mut Plan) {
        let sizes = self.sizes();
        for set in self.all.iter().copied() {
            let is_new = self.new.is_some_and(|new| new.name_any() == set.name_any());
            let mut expected: Vec<(String, String)> = Vec::new();
            if is_new {
                let last = self.last_revision();
                let own = revision(set).unwrap_or(0);
                let own = if own > last { own } else { last + 1 }.to_string();
                expected = self.annotations(&own);
                if self.deployment.annotations().get(REVISION) != Some(&own) {
                    plan.revision = Some(own);
                }
            } else if spec_of(set) > 0 || plan.scale.iter().any(|(name, _)| *name == set.name_any()) {
                expected.extend(sizes.clone());
            }
            expected.retain(|(key, value)| set.annotations().get(key) != Some(value));
            if !expected.is_empty() {
                plan.annotate.push((set.name_any(), expected));
            }
        }
    }

    /// Deletes the oldest ReplicaSets beyond the history limit.
    fn clean_up(&self, plan: &mut Plan) {
        let limit = usize::try_from(self.spec().revision_history_limit.unwrap_or(10)).unwrap_or(usize::MAX);
        let mut empty: Vec<&ReplicaSet> = self
            .old
            .iter()
            .copied()
            .filter(|set| {
                let unused = set.status.as_ref().is_some_and(|status| status.replicas == 0) && spec_of(set) == 0;
                unused
                    && set.metadata.deletion_timestamp.is_none()
                    && set.status.as_ref().and_then(|status| status.observed_generation) >= set.metadata.generation
            })
            .collect();
        empty.sort_by_key(|set| revision(*set));
        let surplus = self.old.len().saturating_sub(limit);
        plan.delete
            .extend(empty.into_iter().take(surplus).map(ResourceExt::name_any));
    }
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn revision(object: &impl ResourceExt) -> Option<i64> {
    object.annotations().get(REVISION)?.parse().ok()
}

/// Whether the next step may depend on the removal of Pods.
pub fn waits_for_pods(deployment: &Deployment) -> bool {
    is_recreate(deployment)
}
