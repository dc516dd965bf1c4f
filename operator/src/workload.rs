//! Pod templates: the `restricted` Pod Security Standard, no service account token, the user's settings.

use std::collections::BTreeMap;

use complaint_api::{PodTemplate, labels};
use k8s_openapi::{
    api::core::v1::{
        Affinity, Capabilities, Container, EmptyDirVolumeSource, EnvVar, PodAffinity, PodSecurityContext, PodSpec,
        PodTemplateSpec, SeccompProfile, SecurityContext, Volume, VolumeMount,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

/// The user id of the images.
const USER: i64 = 65_532;
const SCRATCH: &str = "/tmp";

/// The recommended labels of an object of the product.
pub fn labels(name: &str, component: &str, instance: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (labels::NAME.to_owned(), name.to_owned()),
        (labels::COMPONENT.to_owned(), component.to_owned()),
        (labels::INSTANCE.to_owned(), instance.to_owned()),
        (labels::MANAGED_BY.to_owned(), labels::OPERATOR.to_owned()),
    ])
}

/// The parameters of a pod template.
pub(crate) struct Workload<'a> {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) template: &'a PodTemplate,
    pub(crate) affinity: Option<PodAffinity>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) container: Container,
    pub(crate) base: PodSpec,
}

/// The pod template: the user's settings, overridden by the operator's.
pub(crate) fn pod_template(workload: Workload<'_>) -> PodTemplateSpec {
    let Workload {
        labels,
        template,
        affinity,
        mut volumes,
        mut container,
        base,
    } = workload;
    let mut all_labels = template.labels.clone();
    all_labels.extend(labels);
    volumes.push(Volume {
        name: "tmp".into(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    });
    harden(&mut container, template);
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(all_labels),
            annotations: Some(template.annotations.clone()).filter(|annotations| !annotations.is_empty()),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers: vec![container],
            volumes: Some(volumes),
            affinity: merged(template.affinity.clone(), affinity),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            image_pull_secrets: Some(template.image_pull_secrets.clone()).filter(|list| !list.is_empty()),
            node_selector: Some(template.node_selector.clone()).filter(|map| !map.is_empty()),
            priority_class_name: template.priority_class_name.clone(),
            service_account_name: template.service_account_name.clone(),
            tolerations: Some(template.tolerations.clone()).filter(|list| !list.is_empty()),
            security_context: Some(PodSecurityContext {
                fs_group: Some(USER),
                fs_group_change_policy: Some("OnRootMismatch".into()),
                run_as_group: Some(USER),
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".into(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            ..base
        }),
    }
}

/// An argument that reaches the program as it is: the kubelet replaces `$(NAME)` by the value of a variable, which may be a
/// Secret's, and `$$` by `$`.
fn escaped(argument: &str) -> String {
    argument.replace('$', "$$")
}

/// The text that the program gets for an argument of a pod template.
pub(crate) fn literal(argument: &str) -> String {
    argument.replace("$$", "$")
}

fn harden(container: &mut Container, template: &PodTemplate) {
    container.args = container
        .args
        .take()
        .map(|args| args.iter().map(|arg| escaped(arg)).collect());
    container.resources = template.resources.clone();
    let mut ours = container.env.take().unwrap_or_default();
    ours.push(EnvVar {
        name: "TMPDIR".into(),
        value: Some(SCRATCH.into()),
        value_from: None,
    });
    let mut env: Vec<EnvVar> = template
        .env
        .iter()
        .filter(|var| ours.iter().all(|own| own.name != var.name))
        .cloned()
        .collect();
    env.extend(ours);
    container.env = Some(env);
    container.volume_mounts.get_or_insert_default().push(VolumeMount {
        name: "tmp".into(),
        mount_path: SCRATCH.into(),
        ..VolumeMount::default()
    });
    container.security_context = Some(SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            add: None,
            drop: Some(vec!["ALL".into()]),
        }),
        read_only_root_filesystem: Some(true),
        ..SecurityContext::default()
    });
}

/// The user's affinity with the store's pod affinity added to it.
fn merged(user: Option<Affinity>, store: Option<PodAffinity>) -> Option<Affinity> {
    let Some(store) = store else { return user };
    let mut affinity = user.unwrap_or_default();
    let pods = affinity.pod_affinity.get_or_insert_default();
    pods.required_during_scheduling_ignored_during_execution
        .get_or_insert_default()
        .extend(
            store
                .required_during_scheduling_ignored_during_execution
                .unwrap_or_default(),
        );
    Some(affinity)
}
