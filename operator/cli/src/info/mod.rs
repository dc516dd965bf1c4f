//! What the custom resources say about classifiers, versions and runs: read-only, and pure.
//!
//! [`Info::of`] turns the objects of a namespace, or of all, into one model, once. Every view draws from it: tables, detail pages,
//! JSON and YAML, and whatever else shows the same things. It adds no decision: what waits, was rejected or blocks is what the
//! operator wrote into conditions, and where the operator writes nothing, what the spec says plainly.
//!
//! The names of serialised fields are documented in `docs/cli.md` and do not change within a version of the API.

mod classifier;
mod reason;
mod run;
mod version;

use complaint_api::{ComplaintClassifier, ModelVersion, TrainingRun};
use kube::{Resource, ResourceExt, core::DeserializeGuard};
use serde::Serialize;

pub use classifier::{
    ChampionInfo, ClassifierInfo, DistanceInfo, MonitoringInfo, Newcomer, NewcomerState, PromotionInfo, RetrainingInfo,
    State,
};
pub use reason::{ConditionInfo, Reason};
pub use run::RunInfo;
pub use version::VersionInfo;

/// The objects that a view is made from.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// The classifiers.
    pub classifiers: Vec<ComplaintClassifier>,
    /// Their versions.
    pub versions: Vec<ModelVersion>,
    /// Their runs.
    pub runs: Vec<TrainingRun>,
    /// Objects that are not as this program expects them.
    pub unreadable: Vec<Unreadable>,
}

impl Objects {
    /// Adds what was listed of the classifiers.
    pub fn add_classifiers(&mut self, listed: Vec<DeserializeGuard<ComplaintClassifier>>) {
        self.classifiers.extend(readable(listed, &mut self.unreadable));
    }

    /// Adds what was listed of the versions.
    pub fn add_versions(&mut self, listed: Vec<DeserializeGuard<ModelVersion>>) {
        self.versions.extend(readable(listed, &mut self.unreadable));
    }

    /// Adds what was listed of the runs.
    pub fn add_runs(&mut self, listed: Vec<DeserializeGuard<TrainingRun>>) {
        self.runs.extend(readable(listed, &mut self.unreadable));
    }
}

fn readable<K>(listed: Vec<DeserializeGuard<K>>, unreadable: &mut Vec<Unreadable>) -> Vec<K>
where
    K: Resource<DynamicType = ()>,
{
    let mut objects = Vec::new();
    for DeserializeGuard(object) in listed {
        match object {
            Ok(object) => objects.push(object),
            Err(invalid) => unreadable.push(Unreadable {
                kind: K::kind(&()).into_owned(),
                namespace: invalid.metadata.namespace.unwrap_or_default(),
                name: invalid.metadata.name.unwrap_or_default(),
                error: invalid.error,
            }),
        }
    }
    objects
}

/// An object that this program can't read: one of a newer or older operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub error: String,
}

/// Everything that is known, sorted: by namespace and name, versions and runs with the newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Info {
    /// The classifiers.
    pub classifiers: Vec<ClassifierInfo>,
    /// All versions.
    pub versions: Vec<VersionInfo>,
    /// All runs.
    pub runs: Vec<RunInfo>,
    /// Objects that could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

impl Info {
    /// What `objects` say.
    pub fn of(objects: &Objects) -> Self {
        let classifier_of = |version: &ModelVersion| {
            objects.classifiers.iter().find(|classifier| {
                classifier.name_any() == version.spec.classifier_ref.name
                    && classifier.namespace() == version.namespace()
            })
        };
        let mut versions: Vec<VersionInfo> = objects
            .versions
            .iter()
            .map(|version| VersionInfo::of(version, classifier_of(version)))
            .collect();
        versions.sort_by(|a, b| {
            (&a.namespace, &a.classifier, b.created, &b.name).cmp(&(&b.namespace, &b.classifier, a.created, &a.name))
        });
        let mut runs: Vec<RunInfo> = objects.runs.iter().map(RunInfo::of).collect();
        runs.sort_by(|a, b| {
            (&a.namespace, &a.classifier, b.created, &b.name).cmp(&(&b.namespace, &b.classifier, a.created, &a.name))
        });
        let mut classifiers: Vec<ClassifierInfo> = objects
            .classifiers
            .iter()
            .map(|classifier| ClassifierInfo::of(classifier, &versions, &runs))
            .collect();
        classifiers.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Self {
            classifiers,
            versions,
            runs,
            unreadable: objects.unreadable.clone(),
        }
    }

    /// Versions of a classifier, the newest first.
    pub fn versions_of<'a>(&'a self, classifier: &'a ClassifierInfo) -> impl Iterator<Item = &'a VersionInfo> {
        let (namespace, name) = (&classifier.namespace, &classifier.name);
        let all = self.versions.iter();
        all.filter(move |version| version.namespace == *namespace && version.classifier == *name)
    }

    /// Runs for a classifier, the newest first.
    pub fn runs_of<'a>(&'a self, classifier: &'a ClassifierInfo) -> impl Iterator<Item = &'a RunInfo> {
        let (namespace, name) = (&classifier.namespace, &classifier.name);
        let all = self.runs.iter();
        all.filter(move |run| run.namespace == *namespace && run.classifier == *name)
    }
}
