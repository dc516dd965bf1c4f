//! Reads what the deletion of files needs.

use std::collections::BTreeSet;

use complaint_api::{ComplaintClassifier, DeletionPolicy, ModelVersion};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{PersistentVolumeClaim, Pod},
};
use kube::{Resource, ResourceExt};

use super::{COMPONENT, build, has_finalizer, job_name};
use crate::{
    cache::{Cached, Caches, Kept, kind},
    candidate,
    error::Error,
    object::{Objects, is_owned_by},
    store::Store,
    store_job, trainer,
};

/// The cluster as the deletion of this classifier's files sees it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its versions that are being deleted and wait for the deletion of their files.
    pub(crate) deleted: Vec<ModelVersion>,
    /// What else of this cluster names their artifacts.
    pub(crate) named: Vec<Named>,
    /// Whether the claim with the store is gone, or about to go.
    pub(crate) is_store_missing: bool,
    /// The Job that deletes.
    pub(crate) job: Option<Job>,
    /// Its pods.
    pub(crate) pods: Vec<Pod>,
}

/// Something that names an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Kind, name and namespace.
    pub(crate) by: String,
    pub(crate) sha256: String,
    /// Where it is; `None`: unknown, or in any store.
    pub(crate) uri: Option<String>,
}

pub(crate) async fn gather(
    classifier: &ComplaintClassifier,
    objects: &Objects,
    caches: &Caches,
) -> Result<Seen, Error> {
    let name = classifier.name_any();
    let deleted = objects.readable(|version: &ModelVersion| {
        version.spec.classifier_ref.name == name
            && version.metadata.deletion_timestamp.is_some()
            && version.spec.deletion_policy == DeletionPolicy::Delete
            && has_finalizer(version)
    });
    let jobs = objects.readable(|job: &Job| {
        store_job::classifier_of(job, COMPONENT).as_ref() == Some(&name)
            && job.name_any() == job_name(&name)
            && is_owned_by(job, classifier)
    });
    let job = jobs.into_iter().next();
    if deleted.is_empty() {
        return Ok(Seen { job, ..Seen::default() });
    }
    let asked = job.as_ref().and_then(build::request_of);
    let asked = asked.iter().flat_map(|request| &request.digests);
    let mut digests: BTreeSet<String> = asked.map(ToString::to_string).collect();
    digests.extend(deleted.iter().map(|version| version.spec.artifact.sha256.clone()));
    let mut named = named(caches);
    named.retain(|named| digests.contains(&named.sha256));
    Ok(Seen {
        deleted,
        named,
        is_store_missing: job.is_none() && is_store_missing(classifier, objects).await?,
        pods: match &job {
            Some(job) => trainer::pods(job, objects).await?,
            None => Vec::new(),
        },
        job,
    })
}

/// What versions and classifiers of all watched namespaces name: they may share a store.
fn named(caches: &Caches) -> Vec<Named> {
    fn unreadable<K: Cached>(kept: &Kept<K>) -> impl Iterator<Item = Named> {
        let artifacts = kept.0.as_ref().err().map(|unreadable| &unreadable.artifacts);
        artifacts.into_iter().flatten().map(|sha256| Named {
            by: called(kept),
            sha256: sha256.clone(),
            uri: None,
        })
    }
    let mut versions = ModelVersion::store(caches).all();
    versions.retain(|kept| kept.meta().deletion_timestamp.is_none());
    let classifiers = ComplaintClassifier::store(caches).all();
    let mut named = Vec::new();
    for kept in &versions {
        named.extend(unreadable(kept));
        named.extend(kept.readable().map(|version| Named {
            by: called(kept),
            sha256: version.spec.artifact.sha256.clone(),
            uri: Some(version.spec.artifact.uri.clone()),
        }));
    }
    for kept in &classifiers {
        named.extend(unreadable(kept));
        let Some(classifier) = kept.readable() else { continue };
        let recorded = recorded(classifier).into_iter();
        named.extend(recorded.map(|(name, sha256)| {
            // Its version tells where it is.
            let version = versions.iter().filter_map(|kept| kept.readable()).find(|version| {
                version.namespace() == classifier.namespace() && candidate::means(&name, &sha256, version)
            });
            Named {
                by: called(kept),
                uri: version.map(|version| version.spec.artifact.uri.clone()),
                sha256,
            }
        }));
    }
    named
}

fn called<K: Cached>(kept: &Kept<K>) -> String {
    let namespace = kept.namespace().unwrap_or_default();
    format!("{} {} in namespace {namespace}", kind::<K>(), kept.name_any())
}

/// Names and digests of a classifier's record.
fn recorded(classifier: &ComplaintClassifier) -> Vec<(String, String)> {
    let Some(status) = &classifier.status else {
        return Vec::new();
    };
    let champion = status
        .champion
        .iter()
        .map(|champion| (&champion.name, &champion.sha256));
    let others = [&status.challenger, &status.previous_champion];
    let others = others
        .into_iter()
        .flatten()
        .map(|version| (&version.name, &version.sha256));
    champion
        .chain(others)
        .map(|(name, sha256)| (name.clone(), sha256.clone()))
        .collect()
}

/// A pod that mounts a claim that is not there never starts.
async fn is_store_missing(classifier: &ComplaintClassifier, objects: &Objects) -> Result<bool, Error> {
    let Store::Claim(claim) = Store::of(classifier) else {
        return Ok(false);
    };
    let found: Option<PersistentVolumeClaim> = objects.get(&claim).await?;
    Ok(found.is_none_or(|claim| claim.metadata.deletion_timestamp.is_some()))
}
