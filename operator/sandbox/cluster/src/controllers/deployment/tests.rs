//! Rollouts in memory: the plans of the Deployment and ReplicaSet controllers, executed in turn.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::plan::plan;
use super::replicas::spec_of;
use super::{REVISION, status};
use crate::controllers::pods::{is_controlled_by, is_ready};
use crate::controllers::replica_set;

struct World {
    deployment: Deployment,
    sets: Vec<ReplicaSet>,
    pods: Vec<Pod>,
    now: Timestamp,
    made: usize,
    /// The fewest ready and the most existing Pods at any time.
    fewest_ready: usize,
    most: usize,
}

impl World {
    fn new(spec: Value) -> Self {
        let mut spec = spec;
        spec["selector"] = json!({ "matchLabels": { "app": "d" } });
        spec["template"] = template(1);
        let deployment = json!({ "metadata": { "name": "d", "namespace": "ns", "uid": "d-uid", "generation": 1 },
                                 "spec": spec });
        Self {
            deployment: serde_json::from_value(deployment).expect("a Deployment"),
            sets: Vec::new(),
            pods: Vec::new(),
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            made: 0,
            fewest_ready: usize::MAX,
            most: 0,
        }
    }

    fn change(&mut self, spec: Value) {
        let mut object = serde_json::to_value(&self.deployment).expect("JSON");
        for (key, value) in spec.as_object().expect("an object") {
            object["spec"][key] = value.clone();
        }
        self.deployment = serde_json::from_value(object).expect("a Deployment");
        *self.deployment.metadata.generation.get_or_insert(0) += 1;
    }

    fn settle(&mut self) {
        for _ in 0..200 {
            if !(self.deployment_pass() | self.replica_set_passes()) {
                return;
            }
        }
        panic!("the plans do not converge");
    }

    fn deployment_pass(&mut self) -> bool {
        let plan = plan(&self.deployment, &self.sets, &self.pods, self.now);
        let mut busy = false;
        if let Some(set) = plan.create {
            let mut set = *set;
            self.made += 1;
            set.metadata.uid = Some(format!("set-{}", self.made));
            set.metadata.generation = Some(1);
            let created = self.now + SignedDuration::from_millis(i64::try_from(self.made).expect("few"));
            set.metadata.creation_timestamp = Some(Time(created));
            self.sets.push(set);
            busy = true;
        }
        for (name, size) in plan.scale {
            let set = self
                .sets
                .iter_mut()
                .find(|set| set.name_any() == name)
                .expect("the set");
            set.spec.as_mut().expect("a spec").replicas = Some(size);
            *set.metadata.generation.get_or_insert(0) += 1;
            busy = true;
        }
        for (name, annotations) in plan.annotate {
            let set = self
                .sets
                .iter_mut()
                .find(|set| set.name_any() == name)
                .expect("the set");
            set.annotations_mut().extend(annotations);
            busy = true;
        }
        busy |= !plan.delete.is_empty() || plan.revision.is_some() || plan.status.is_some();
        self.sets.retain(|set| !plan.delete.contains(&set.name_any()));
        if let Some(revision) = plan.revision {
            self.deployment.annotations_mut().insert(REVISION.into(), revision);
        }
        if let Some(status) = plan.status {
            self.deployment.status = Some(status);
        }
        busy
    }

    fn replica_set_passes(&mut self) -> bool {
        let mut busy = false;
        for position in 0..self.sets.len() {
            let set = self.sets[position].clone();
            let uid = set.uid().expect("a uid");
            let owned: Vec<Pod> = self
                .pods
                .iter()
                .filter(|pod| is_controlled_by(*pod, &uid))
                .cloned()
                .collect();
            let plan = replica_set::plan::plan(&set, &owned, self.now);
            busy |= !plan.create.is_empty() || !plan.delete.is_empty() || plan.status.is_some();
            for mut pod in plan.create {
                self.made += 1;
                pod.metadata.name = Some(format!(
                    "{}{}",
                    pod.metadata.generate_name.as_deref().unwrap_or(""),
                    self.made
                ));
                self.pods.push(pod);
            }
            self.pods.retain(|pod| !plan.delete.contains(&pod.name_any()));
            if let Some(status) = plan.status {
                self.sets[position].status = Some(status);
            }
            self.most = self.most.max(self.pods.len());
            self.fewest_ready = self.fewest_ready.min(self.ready());
        }
        busy
    }

    fn ready(&self) -> usize {
        self.pods.iter().filter(|pod| is_ready(pod)).count()
    }

    /// Makes the first unready Pod ready.
    fn make_one_ready(&mut self) -> bool {
        let Some(pod) = self.pods.iter_mut().find(|pod| !is_ready(pod)) else {
            return false;
        };
        let condition = json!({ "type": "Ready", "status": "True", "lastTransitionTime": self.now.to_string() });
        let ready = json!({ "phase": "Running", "conditions": [condition] });
        pod.status = Some(serde_json::from_value(ready).expect("a status"));
        true
    }

    fn roll_out(&mut self) {
        self.settle();
        while self.make_one_ready() {
            self.settle();
        }
    }

    fn images(&self) -> BTreeSet<String> {
        let specs = self.pods.iter().filter_map(|pod| pod.spec.as_ref());
        specs.filter_map(|spec| spec.containers[0].image.clone()).collect()
    }

    fn reason(&self, kind: &str) -> (String, String) {
        let status = self.deployment.status.clone().unwrap_or_default();
        let condition = status::find(&status, kind).expect("the condition").clone();
        (condition.status, condition.reason.unwrap_or_default())
    }
}

fn template(version: u32) -> Value {
    json!({ "metadata": { "labels": { "app": "d" } },
            "spec": { "containers": [{ "name": "main", "image": format!("example.com/main:{version}") }] } })
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.into(), reason.into())
}

#[test]
fn a_rolling_update_keeps_its_promises() {
    for (replicas, surge, unavailable) in [(2, 1, 0), (4, 0, 1), (5, 2, 1), (10, 3, 2), (1, 1, 0)] {
        let strategy = json!({ "type": "RollingUpdate",
                               "rollingUpdate": { "maxSurge": surge, "maxUnavailable": unavailable } });
        let mut world =
            World::new(json!({ "replicas": replicas, "strategy": strategy, "progressDeadlineSeconds": 600 }));
        world.roll_out();
        assert_eq!(world.reason("Progressing"), pair("True", "NewReplicaSetAvailable"));
        (world.most, world.fewest_ready) = (0, usize::MAX);
        world.change(json!({ "template": template(2) }));
        world.roll_out();
        assert_eq!(world.images(), BTreeSet::from(["example.com/main:2".to_string()]));
        assert_eq!(world.pods.len(), replicas);
        assert!(world.most <= replicas + surge, "{} Pods with surge {surge}", world.most);
        assert!(
            world.fewest_ready >= replicas - unavailable,
            "{} ready Pods of {replicas}",
            world.fewest_ready
        );
        assert_eq!(world.deployment.annotations()[REVISION], "2");
        assert_eq!(world.reason("Progressing"), pair("True", "NewReplicaSetAvailable"));
        assert_eq!(world.reason("Available"), pair("True", "MinimumReplicasAvailable"));
    }
}

#[test]
fn recreate_never_mixes_templates() {
    let mut world = World::new(json!({ "replicas": 2, "strategy": { "type": "Recreate" } }));
    world.roll_out();
    world.change(json!({ "template": template(2) }));
    for _ in 0..20 {
        world.deployment_pass();
        assert!(world.images().len() <= 1, "old and new Pods side by side");
        world.replica_set_passes();
        assert!(world.images().len() <= 1, "old and new Pods side by side");
    }
    assert_eq!(world.images(), BTreeSet::from(["example.com/main:2".to_string()]));
}

#[test]
fn no_progress_until_the_deadline_is_told_once_and_recovers() {
    let mut world = World::new(json!({ "replicas": 1, "progressDeadlineSeconds": 10 }));
    world.settle();
    assert_eq!(world.reason("Progressing"), pair("True", "ReplicaSetUpdated"));
    let wait = plan(&world.deployment, &world.sets, &[], world.now).again;
    assert_eq!(wait, Some(SignedDuration::from_secs(10)));
    world.now += SignedDuration::from_secs(10);
    world.settle();
    assert_eq!(world.reason("Progressing"), pair("False", "ProgressDeadlineExceeded"));
    assert_eq!(world.reason("Available"), pair("False", "MinimumReplicasUnavailable"));
    world.roll_out();
    assert_eq!(world.reason("Progressing"), pair("True", "NewReplicaSetAvailable"));
}

#[test]
fn going_back_to_an_earlier_template_takes_its_set_again() {
    let mut world = World::new(json!({ "replicas": 1 }));
    world.roll_out();
    let first = world.sets[0].name_any();
    world.change(json!({ "template": template(2) }));
    world.roll_out();
    world.change(json!({ "template": template(1) }));
    world.roll_out();
    assert_eq!(world.sets.len(), 2);
    let set = world
        .sets
        .iter()
        .find(|set| set.name_any() == first)
        .expect("the first set");
    assert_eq!((spec_of(set), set.annotations()[REVISION].as_str()), (1, "3"));
}

#[test]
fn history_is_kept_up_to_its_limit() {
    let mut world = World::new(json!({ "replicas": 1, "revisionHistoryLimit": 2 }));
    for version in 1..=6 {
        world.change(json!({ "template": template(version) }));
        world.roll_out();
    }
    let revisions: BTreeSet<&str> = world
        .sets
        .iter()
        .map(|set| set.annotations()[REVISION].as_str())
        .collect();
    assert_eq!(revisions, BTreeSet::from(["4", "5", "6"]));
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut world = World::new(json!({ "replicas": 1, "progressDeadlineSeconds": 600 }));
    world.roll_out();
    world.change(json!({ "paused": true }));
    world.settle();
    assert_eq!(world.reason("Progressing"), pair("Unknown", "DeploymentPaused"));
    world.change(json!({ "template": template(2), "replicas": 3 }));
    world.roll_out();
    assert_eq!((world.sets.len(), world.pods.len()), (1, 3));
    world.change(json!({ "paused": false }));
    world.roll_out();
    assert_eq!(world.images(), BTreeSet::from(["example.com/main:2".to_string()]));
    assert_eq!(world.reason("Progressing"), pair("True", "NewReplicaSetAvailable"));
}

#[test]
fn scaling_in_the_middle_of_a_rollout_keeps_the_shares() {
    let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 2, "maxUnavailable": 0 } });
    let mut world = World::new(json!({ "replicas": 4, "strategy": strategy }));
    world.roll_out();
    world.change(json!({ "template": template(2) }));
    world.settle();
    let sizes = |world: &World| world.sets.iter().map(spec_of).collect::<Vec<_>>();
    assert_eq!(sizes(&world), [4, 2]);
    world.change(json!({ "replicas": 8 }));
    world.deployment_pass();
    assert_eq!(sizes(&world).iter().sum::<i32>(), 10);
    assert!(sizes(&world)[0] > 4 && sizes(&world)[1] > 2, "{:?}", sizes(&world));
    world.roll_out();
    assert_eq!(sizes(&world), [0, 8]);
}

#[test]
fn scaling_to_zero_is_complete() {
    let mut world = World::new(json!({ "replicas": 3, "progressDeadlineSeconds": 600 }));
    world.settle();
    world.change(json!({ "replicas": 0 }));
    world.settle();
    let status = world.deployment.status.clone().expect("a status");
    assert_eq!(
        (status.replicas, status.unavailable_replicas, status.observed_generation),
        (None, None, Some(2))
    );
    assert_eq!(world.reason("Progressing"), pair("True", "NewReplicaSetAvailable"));
    assert!(world.pods.is_empty());
}
