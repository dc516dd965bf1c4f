//! Builds the changes of a plan: the statuses of versions, then the claim, the Service, the PodDisruptionBudget, the
//! Deployment and the HorizontalPodAutoscaler of a classifier. Pure and infallible.

use std::collections::BTreeMap;

use complaint_api::{
    ComplaintClassifier, ModelVersion, PodTemplate, ServiceType,
    condition::{self, REJECTED, Statement},
    labels,
};
use complaint_contract::{CategoryThreshold, ReviewTarget};
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        autoscaling::v2::{
            CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec,
            MetricTarget, ResourceMetricSource,
        },
        core::v1::{
            Container, ContainerPort, HTTPGetAction, Lifecycle, LifecycleHandler, PodSpec, PodTemplateSpec, Probe,
            Service, ServicePort, ServiceSpec, SleepAction, VolumeMount,
        },
        policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    },
    apimachinery::pkg::{
        apis::meta::v1::{Condition, LabelSelector, ObjectMeta, OwnerReference},
        util::intstr::IntOrString,
    },
};
use kube::ResourceExt;

use super::{
    CONTAINER,
    collection::Collection,
    gather::Seen,
    over,
    plan::Plan,
    rollout::{self, digest_prefix},
};
use crate::{
    candidate::means,
    change::{Change, Manifest, Target},
    monitoring,
    settings::Settings,
    signing,
    status::Owned,
    store::{self, Store},
    workload::{self, Workload},
};

/// The port of the server's container.
pub(crate) const PORT: u16 = 8080;
const TERMINATION_LOG: &str = "/dev/termination-log";
/// Seconds that a terminating pod keeps serving, until every load balancer has removed it.
const DRAIN_SECONDS: i64 = 5;
/// Failure threshold of the startup probe, every two seconds, of a server that fetches its model: longer than the
/// server's own limit.
const STARTUP_FAILURES: i32 = 90;

/// The changes of `plan`, in order: the statuses of versions first, the workload last.
pub(crate) fn build(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    plan: &Plan,
    owner: &OwnerReference,
    settings: &Settings,
    now: Timestamp,
) -> Vec<Change> {
    if plan.hold.is_some() {
        return Vec::new();
    }
    let mut changes = verdicts(classifier, seen, plan, now);
    // The claim is created once: most of its fields are immutable, and its size may have been raised by hand.
    if let Some(claim) = store::claim(classifier, settings).filter(|_| !seen.claim) {
        changes.push(Change::Ensure(Manifest::of(&claim)));
    }
    let wanted = service(classifier, owner);
    changes.extend(
        seen.service
            .as_ref()
            .and_then(|found| without_foreign_ports(found, &wanted)),
    );
    changes.push(Change::Apply(Manifest::of(&wanted)));
    match (disruption_budget(classifier, owner, settings), &seen.budget) {
        (Some(wanted), found) => changes.push(over::apply(&wanted, found.as_ref())),
        (None, Some(unwanted)) => changes.push(Change::Delete(Target::of(unwanted))),
        (None, None) => {}
    }
    changes.extend(workload(classifier, seen, plan, owner, settings));
    changes
}

/// Sets the Service's ports where another port than ours is there. Server-side apply would add ours beside one that somebody
/// changed by hand, and the API server refuses two ports of one name.
fn without_foreign_ports(found: &Service, wanted: &Service) -> Option<Change> {
    let ports = |service: &Service| -> Vec<ServicePort> {
        let spec = service.spec.iter();
        spec.flat_map(|spec| spec.ports.iter().flatten()).cloned().collect()
    };
    let (found_ports, mut wanted) = (ports(found), ports(wanted));
    if found_ports
        .iter()
        .all(|port| wanted.iter().any(|ours| ours.port == port.port))
    {
        return None;
    }
    for ours in &mut wanted {
        let before = found_ports.iter().find(|port| port.name == ours.name);
        ours.node_port = before.and_then(|port| port.node_port);
    }
    let patch = serde_json::json!({ "spec": { "ports": wanted } });
    Some(Change::Merge(Target::of(found), patch))
}

/// What versions are told: rejected ones why, and one that was brought back by pin that it serves after all.
fn verdicts(classifier: &ComplaintClassifier, seen: &Seen, plan: &Plan, now: Timestamp) -> Vec<Change> {
    let champion = classifier.status.as_ref().and_then(|status| status.champion.as_ref());
    let mut changes = Vec::new();
    for version in &seen.versions {
        let name = version.name_any();
        let rejected = plan.rejected.iter().find(|rejected| rejected.version == name);
        let was_rejected = version
            .status
            .as_ref()
            .is_some_and(|status| status.rejection().is_some());
        if let Some(rejected) = rejected {
            let statement = Statement::new(REJECTED, Some(true), &rejected.reason, &rejected.message);
            changes.push(verdict(version, &[statement], now));
        } else if was_rejected && champion.is_some_and(|champion| means(&champion.name, &champion.sha256, version)) {
            changes.push(verdict(version, &[], now));
        }
    }
    changes
}

fn verdict(version: &ModelVersion, statements: &[Statement], now: Timestamp) -> Change {
    let stored = version.status.as_ref();
    let conditions = stored.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let part = Verdict {
        conditions: condition::merge(conditions, statements, version.metadata.generation, now),
    };
    Change::Status {
        of: Target::as_read(version),
        stored: serde_json::json!(stored),
        part: part.part(),
    }
}

/// The Deployment and its autoscaler.
fn workload(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    plan: &Plan,
    owner: &OwnerReference,
    settings: &Settings,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let autoscaler = autoscaler(classifier, owner);
    if let (None, Some(unwanted)) = (&autoscaler, &seen.autoscaler) {
        // First, because it would change the replicas that are set next.
        changes.push(Change::Delete(Target::of(unwanted)));
    }
    match (&plan.target, &seen.deployment) {
        (Some(version), _) => {
            let serving = &classifier.spec.serving;
            let replicas = rollout::replicas_to_set(serving, seen.deployment.as_ref());
            let mut wanted = deployment(classifier, version, replicas, owner, settings);
            if serving.autoscaling.is_some() && replicas.is_some() {
                // A concurrent scaling must not be undone: the apply conflicts and is retried.
                wanted.metadata.resource_version = seen.deployment.as_ref().and_then(ResourceExt::resource_version);
            }
            changes.push(over::apply(&wanted, seen.deployment.as_ref()));
        }
        (None, Some(deployment)) if plan.deletes_deployment() => {
            changes.push(Change::Delete(Target::of(deployment)));
        }
        _ => {}
    }
    let scalable = plan.target.is_some() || (seen.deployment.is_some() && !plan.deletes_deployment());
    match (autoscaler, &seen.autoscaler) {
        (Some(wanted), found) if scalable => changes.push(over::apply(&wanted, found.as_ref())),
        // There is nothing to scale.
        (Some(_), Some(idle)) => changes.push(Change::Delete(Target::of(idle))),
        _ => {}
    }
    changes
}

/// This controller's part of a version's status.
#[derive(serde::Serialize)]
struct Verdict {
    conditions: Vec<Condition>,
}

impl Owned for Verdict {
    const FIELDS: &'static [&'static str] = &[];
    const CONDITIONS: &'static [&'static str] = &[REJECTED];
}

fn server_labels(classifier: &ComplaintClassifier) -> BTreeMap<String, String> {
    let mut labels = workload::labels("complaint-inference", "server", &classifier.name_any());
    labels.insert(labels::CLASSIFIER.into(), classifier.name_any());
    labels
}

fn metadata(classifier: &ComplaintClassifier, owner: &OwnerReference) -> ObjectMeta {
    ObjectMeta {
        name: Some(classifier.name_any()),
        namespace: classifier.namespace(),
        labels: Some(server_labels(classifier)),
        owner_references: Some(vec![owner.clone()]),
        ..ObjectMeta::default()
    }
}

/// The selector of the server pods, which excludes the trainer's pods with the same classifier label.
fn selector(classifier: &ComplaintClassifier) -> BTreeMap<String, String> {
    BTreeMap::from([
        (labels::CLASSIFIER.to_owned(), classifier.name_any()),
        (labels::COMPONENT.to_owned(), "server".to_owned()),
    ])
}

/// The argument for a category's threshold.
fn threshold(threshold: &CategoryThreshold) -> Option<String> {
    let target = threshold.target()?;
    let argument = match target {
        ReviewTarget::Precision(_) => "--min-precision",
        ReviewTarget::Recall(_) => "--min-recall",
    };
    Some(format!("{argument}={}={}", threshold.category, target.share()))
}

/// The Deployment that serves `version`. `replicas` is `None` if another field manager owns the number.
pub(crate) fn deployment(
    classifier: &ComplaintClassifier,
    version: &ModelVersion,
    replicas: Option<i32>,
    owner: &OwnerReference,
    settings: &Settings,
) -> Deployment {
    let mut metadata = metadata(classifier, owner);
    metadata.annotations = Some(BTreeMap::from([(labels::MODEL_VERSION.to_owned(), version.name_any())]));
    Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas,
            progress_deadline_seconds: Some(classifier.spec.rollout.progress_deadline_seconds),
            revision_history_limit: Some(3),
            selector: LabelSelector {
                match_labels: Some(selector(classifier)),
                match_expressions: None,
            },
            // A pod stops only when its successor is ready, so that no request is lost.
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            template: pod_template(classifier, version, settings),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pod_template(classifier: &ComplaintClassifier, version: &ModelVersion, settings: &Settings) -> PodTemplateSpec {
    let sha256 = &version.spec.artifact.sha256;
    let store = Store::of(classifier);
    let collection = Collection::of(classifier, &store);
    let default = PodTemplate::default();
    let mut labels = server_labels(classifier);
    labels.insert(labels::DIGEST_PREFIX.into(), digest_prefix(sha256).into());
    let mut template = workload::pod_template(Workload {
        labels,
        template: classifier.spec.serving.pod_template.as_ref().unwrap_or(&default),
        affinity: store::affinity(classifier, settings),
        volumes: store
            .volume(!collection.writes)
            .into_iter()
            .chain(collection.volumes.clone())
            .collect(),
        container: container(classifier, version, &store, &collection, settings),
        base: PodSpec {
            termination_grace_period_seconds: Some(30),
            ..PodSpec::default()
        },
    });
    let annotations = template
        .metadata
        .get_or_insert_default()
        .annotations
        .get_or_insert_default();
    annotations.insert(labels::DIGEST.into(), format!("sha256:{sha256}"));
    template
}

fn container(
    classifier: &ComplaintClassifier,
    version: &ModelVersion,
    store: &Store,
    collection: &Collection,
    settings: &Settings,
) -> Container {
    let digest = format!("sha256:{}", version.spec.artifact.sha256);
    let uri = &version.spec.artifact.uri;
    // A plan's target always is in the store.
    let model = store.open(uri).unwrap_or_default();
    let remote = model.starts_with("s3://");
    let probe = |path: String, period, failures| Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path),
            port: IntOrString::String("http".into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(2),
        failure_threshold: Some(failures),
        ..Probe::default()
    };
    let mut args: Vec<String> = [
        "--model",
        &model,
        "--digest",
        &digest,
        "--bind",
        &format!("0.0.0.0:{PORT}"),
        "--name",
        &classifier.name_any(),
        "--termination-log",
        TERMINATION_LOG,
    ]
    .map(str::to_owned)
    .into();
    if let Some(probability) = classifier.spec.serving.abstain_below {
        args.extend(["--abstain-below".to_owned(), probability.to_string()]);
    }
    args.extend(classifier.spec.serving.thresholds.iter().filter_map(threshold));
    if let Some(spec) = &classifier.spec.monitoring {
        args.extend([
            "--statistics-window".to_owned(),
            format!("{}s", monitoring::seconds(&spec.window)),
        ]);
    }
    args.extend(signing::verification(classifier));
    args.extend(collection.args.iter().cloned());
    let mounts: Vec<VolumeMount> = store.mount(true).into_iter().chain(collection.mounts.clone()).collect();
    Container {
        name: CONTAINER.into(),
        image: Some(settings.inference_image.clone()),
        image_pull_policy: Some(settings.image_pull_policy.clone()),
        args: Some(args),
        ports: Some(vec![ContainerPort {
            name: Some("http".into()),
            container_port: PORT.into(),
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        readiness_probe: Some(probe(format!("/v2/health/ready?digest={digest}"), 2, 2)),
        liveness_probe: Some(probe("/v2/health/live".into(), 10, 3)),
        // The server is live once it has its model, and gives up by itself if the store is too slow.
        startup_probe: remote.then(|| probe("/v2/health/live".into(), 2, STARTUP_FAILURES)),
        env_from: store.variables(None).map(|variables| vec![variables]),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction { seconds: DRAIN_SECONDS }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        termination_message_path: Some(TERMINATION_LOG.into()),
        volume_mounts: (!mounts.is_empty()).then_some(mounts),
        ..Container::default()
    }
}

/// The Service of the server pods. It exists before the first champion, so that its address is known.
pub(crate) fn service(classifier: &ComplaintClassifier, owner: &OwnerReference) -> Service {
    let wanted = &classifier.spec.serving.service;
    let mut metadata = metadata(classifier, owner);
    metadata.annotations = Some(wanted.annotations.clone()).filter(|annotations| !annotations.is_empty());
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(
                match wanted.type_ {
                    ServiceType::ClusterIP => "ClusterIP",
                    ServiceType::NodePort => "NodePort",
                    ServiceType::LoadBalancer => "LoadBalancer",
                }
                .into(),
            ),
            selector: Some(selector(classifier)),
            ports: Some(vec![ServicePort {
                name: Some("http".into()),
                port: wanted.port,
                protocol: Some("TCP".into()),
                app_protocol: Some("http".into()),
                target_port: Some(IntOrString::String("http".into())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// From two replicas on, a drain evicts one pod at a time. Pods that must share a node get no budget: the successor of
/// an evicted pod could not start on another node, and the drain would never end.
pub(crate) fn disruption_budget(
    classifier: &ComplaintClassifier,
    owner: &OwnerReference,
    settings: &Settings,
) -> Option<PodDisruptionBudget> {
    let bound_to_one_node = store::affinity(classifier, settings).is_some();
    let (_, most) = classifier.spec.serving.bounds();
    (most >= 2 && !bound_to_one_node).then(|| PodDisruptionBudget {
        metadata: metadata(classifier, owner),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(selector(classifier)),
                match_expressions: None,
            }),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}

/// The autoscaler of the Deployment, if requested.
pub(crate) fn autoscaler(classifier: &ComplaintClassifier, owner: &OwnerReference) -> Option<HorizontalPodAutoscaler> {
    let wanted = classifier.spec.serving.autoscaling?;
    Some(HorizontalPodAutoscaler {
        metadata: metadata(classifier, owner),
        spec: HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".into()),
                kind: "Deployment".into(),
                name: classifier.name_any(),
            },
            min_replicas: Some(wanted.min_replicas),
            max_replicas: wanted.max_replicas,
            metrics: Some(vec![MetricSpec {
                type_: "Resource".into(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".into(),
                    target: MetricTarget {
                        type_: "Utilization".into(),
                        average_utilization: Some(wanted.target_cpu_utilization_percentage),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            }]),
            ..HorizontalPodAutoscalerSpec::default()
        },
        status: None,
    })
}

/// The Service's address inside the cluster.
pub(crate) fn url(classifier: &ComplaintClassifier, settings: &Settings) -> String {
    format!(
        "http://{}.{}.svc.{}:{}",
        classifier.name_any(),
        classifier.namespace().unwrap_or_default(),
        settings.cluster_domain,
        classifier.spec.serving.service.port
    )
}
