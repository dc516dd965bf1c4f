//! The pods of a Job, built from its template.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

use super::TRACKING;
use super::indexes::INDEX;
use crate::controllers::pods::controlled_by;

/// The annotation with an index's failures before this pod.
pub const INDEX_FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";

/// The pod of a Job; for an Indexed Job with `(index, earlier failures)`.
pub fn build(job: &Job, index: Option<(i32, i32)>, per_index_limit: bool) -> Pod {
    let template = job.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
    let from = template.metadata.unwrap_or_default();
    let mut metadata = ObjectMeta {
        namespace: job.namespace(),
        generate_name: Some(format!("{}-", job.name_any())),
        labels: from.labels,
        annotations: from.annotations,
        finalizers: Some(
            from.finalizers
                .into_iter()
                .flatten()
                .chain([TRACKING.to_string()])
                .collect(),
        ),
        owner_references: controlled_by(job),
        ..ObjectMeta::default()
    };
    let mut spec = template.spec.unwrap_or_default();
    if let Some((index, failures)) = index {
        metadata.generate_name = Some(format!("{}-{index}-", job.name_any()));
        metadata
            .labels
            .get_or_insert_default()
            .insert(INDEX.into(), index.to_string());
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(INDEX.into(), index.to_string());
        if per_index_limit {
            annotations.insert(INDEX_FAILURES.into(), failures.to_string());
        }
        spec.hostname = Some(format!("{}-{index}", job.name_any()));
        spec.containers
            .iter_mut()
            .chain(spec.init_containers.iter_mut().flatten())
            .for_each(tell_index);
    }
    Pod {
        metadata,
        spec: Some(spec),
        status: None,
    }
}

/// `JOB_COMPLETION_INDEX` comes from the pod's label unless the template sets the variable itself.
fn tell_index(container: &mut Container) {
    let env = container.env.get_or_insert_default();
    if env.iter().any(|variable| variable.name == "JOB_COMPLETION_INDEX") {
        return;
    }
    env.push(EnvVar {
        name: "JOB_COMPLETION_INDEX".into(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: None,
                field_path: format!("metadata.labels['{INDEX}']"),
            }),
            ..EnvVarSource::default()
        }),
        value: None,
    });
}
