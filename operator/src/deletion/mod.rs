//! Deletion of artifacts: the files of a version with `deletionPolicy: Delete` go when its ModelVersion is deleted.
//!
//! A finalizer keeps the ModelVersion until a short Job has deleted its files: one Job a classifier, for all of its versions
//! that are being deleted. The files stay where anything else names them, and where they can't be deleted within ten minutes;
//! the ModelVersion goes in any case.

mod build;
mod finalizer;
mod gather;
mod plan;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use complaint_api::{ComplaintClassifier, DeletionPolicy, ModelVersion, labels};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use crate::{
    change,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    object::{Objects, owner_reference},
    queue::Next,
    store_job,
};

pub(crate) use finalizer::Finalizers;

/// The component in the labels of the Jobs and their pods.
const COMPONENT: &str = "deletion";
/// How many artifacts one Job deletes: so many are named in its answer.
pub(crate) const AT_ONCE: usize = 30;
/// How long a version waits for the deletion of its files.
const DEADLINE: SignedDuration = SignedDuration::from_mins(10);
/// The longest pause while versions wait.
const WHILE_DELETING: Duration = Duration::from_secs(30);

/// The controller that deletes the files of versions.
pub(crate) struct Deletions;

impl Reconciler for Deletions {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "deletion-controller";

    fn watches(on: &Watches) {
        store_job::watch(on, COMPONENT);
        on.on_versions();
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.namespace());
        let now = context.now();
        let seen = gather::gather(classifier, &objects, &context.caches).await?;
        let mut plan = plan::plan(classifier, &seen, now);
        release(classifier, &plan, &objects, context).await?;
        let Some(request) = plan.start.take() else {
            return Ok(next(&plan, now));
        };
        let owner = owner_reference(classifier)?;
        let job = build::job(classifier, &request, &owner, &context.settings);
        match change::apply(&[job], &objects).await {
            Ok(_) => Ok(next(&plan, now)),
            Err(error) if error.is_in_terminating_namespace() => {
                let left = plan.left("the namespace is being deleted");
                release(classifier, &left, &objects, context).await?;
                Ok(Next::OnChange)
            }
            Err(error) => {
                context.publish_refusal(classifier, "FileDeletionRefused", &error).await;
                Err(error)
            }
        }
    }
}

/// Lets versions go whose files are gone, or stay, and tells about it.
async fn release(
    classifier: &ComplaintClassifier,
    plan: &plan::Plan<'_>,
    objects: &Objects,
    context: &Context,
) -> Result<(), Error> {
    change::apply(&build::build(plan), objects).await?;
    context
        .publish(classifier, status::deleted(plan).into_iter().collect())
        .await;
    for (version, fate) in &plan.released {
        let notice = status::notice(version, fate);
        context.publish(*version, notice.into_iter().collect()).await;
    }
    Ok(())
}

fn next(plan: &plan::Plan<'_>, now: Timestamp) -> Next {
    let deadlines = plan.waiting.iter().filter_map(|version| deadline(version));
    deadlines.min().map_or(Next::OnChange, |deadline| {
        let left = Duration::try_from(deadline.duration_since(now)).unwrap_or_default();
        // A look costs no request.
        Next::After(left.clamp(Duration::from_secs(1), WHILE_DELETING))
    })
}

/// The name of the Job for a classifier.
fn job_name(classifier: &str) -> String {
    format!("{classifier}-delete")
}

/// When a version that is being deleted goes, whatever became of its files.
fn deadline(version: &ModelVersion) -> Option<Timestamp> {
    let deleted = version.metadata.deletion_timestamp.as_ref()?;
    deleted.0.checked_add(DEADLINE).ok()
}

/// Whether the version waits for the deletion of its files before it goes.
pub(crate) fn has_finalizer(version: &ModelVersion) -> bool {
    version
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == labels::ARTIFACT_FINALIZER)
}

/// The finalizers that the version has by its policy; `None` for none.
pub(crate) fn finalizers(version: &ModelVersion) -> Option<Vec<String>> {
    let ours = (version.spec.deletion_policy == DeletionPolicy::Delete).then(|| labels::ARTIFACT_FINALIZER.to_owned());
    let finalizers: Vec<String> = others(version.finalizers()).into_iter().chain(ours).collect();
    Some(finalizers).filter(|finalizers| !finalizers.is_empty())
}

/// The finalizers of others.
fn others(finalizers: &[String]) -> Vec<String> {
    let others = finalizers
        .iter()
        .filter(|finalizer| *finalizer != labels::ARTIFACT_FINALIZER);
    others.cloned().collect()
}
