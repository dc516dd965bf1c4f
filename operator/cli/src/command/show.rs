//! `status`, `versions`, `runs`, `compare` and `why`: what the custom resources say.

use complaint_api::{ComplaintClassifier, ModelVersion};
use jiff::Timestamp;
use serde::Serialize;

use super::watch;
use crate::{
    cluster::Cluster,
    compare::SideBySide,
    console::Console,
    error::Error,
    info::{ClassifierInfo, Info, Objects, Unreadable, VersionInfo},
    render::Page,
    view,
    why::Why,
};

/// What a list is for programs.
#[derive(Serialize)]
struct Listed<'a, T> {
    #[serde(flatten)]
    items: T,
    #[serde(skip_serializing_if = "is_none")]
    unreadable: &'a [Unreadable],
}

fn is_none(unreadable: &&[Unreadable]) -> bool {
    unreadable.is_empty()
}

/// The text of a view of what is known.
pub(super) type View<'a> = dyn Fn(&Info) -> Result<String, Error> + 'a;

/// Prints a view once, or whenever something changes.
async fn print(cluster: &Cluster, console: &Console, watched: bool, view: &View<'_>) -> Result<(), Error> {
    if watched {
        return watch::watch(cluster, console, view).await;
    }
    let info = Info::of(&cluster.objects().await?);
    console.print(&view(&info)?)
}

fn is_wide(cluster: &Cluster) -> bool {
    cluster.scope == crate::cluster::Scope::All
}

pub(super) async fn status(cluster: &Cluster, console: &Console, watched: bool) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Classifiers<'a> {
        classifiers: &'a [ClassifierInfo],
    }
    let wide = is_wide(cluster);
    print(cluster, console, watched, &|info| {
        let items = Classifiers {
            classifiers: &info.classifiers,
        };
        let unreadable = &info.unreadable;
        console.text(|now| view::classifiers(info, wide, now), &Listed { items, unreadable })
    })
    .await
}

pub(super) async fn status_of(
    cluster: &Cluster,
    console: &Console,
    name: &str,
    watched: bool,
    exit_code: bool,
) -> Result<(), Error> {
    let namespace = cluster.namespace()?.to_owned();
    // Its absence is an error that names it.
    cluster.get::<ComplaintClassifier>(name).await?;
    let ready = std::cell::Cell::new(None);
    print(cluster, console, watched, &|info| {
        let found = info
            .classifiers
            .iter()
            .find(|classifier| classifier.name == name && classifier.namespace == namespace);
        let Some(classifier) = found else {
            return Err(Error::NotFound {
                kind: "ComplaintClassifier".into(),
                name: name.into(),
                namespace: namespace.clone(),
                hint: "it was deleted".into(),
            });
        };
        ready.set(Some(classifier.is_ready()));
        console.text(|now| view::detail(info, classifier, now), classifier)
    })
    .await?;
    match exit_code && ready.get() != Some(true) {
        true => Err(Error::NotReady(format!("ComplaintClassifier {name} is not ready"))),
        false => Ok(()),
    }
}

/// Leaves only what belongs to the classifier.
fn only(info: &Info, classifier: Option<&str>) -> Info {
    let mut info = info.clone();
    if let Some(name) = classifier {
        info.versions.retain(|version| version.classifier == name);
        info.runs.retain(|run| run.classifier == name);
    }
    info
}

pub(super) async fn versions(
    cluster: &Cluster,
    console: &Console,
    classifier: Option<String>,
    watched: bool,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Versions<'a> {
        versions: &'a [VersionInfo],
    }
    exists(cluster, classifier.as_deref()).await?;
    let wide = is_wide(cluster);
    print(cluster, console, watched, &|info| {
        let info = only(info, classifier.as_deref());
        let items = Versions {
            versions: &info.versions,
        };
        let unreadable = &info.unreadable;
        console.text(|now| view::versions(&info, wide, now), &Listed { items, unreadable })
    })
    .await
}

pub(super) async fn runs(
    cluster: &Cluster,
    console: &Console,
    classifier: Option<String>,
    watched: bool,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Runs<'a> {
        runs: &'a [crate::info::RunInfo],
    }
    exists(cluster, classifier.as_deref()).await?;
    let wide = is_wide(cluster);
    print(cluster, console, watched, &|info| {
        let info = only(info, classifier.as_deref());
        let items = Runs { runs: &info.runs };
        let unreadable = &info.unreadable;
        console.text(|now| view::runs(&info, wide, now), &Listed { items, unreadable })
    })
    .await
}

/// An empty list of a classifier that does not exist would mislead. With all namespaces there is none to look in.
async fn exists(cluster: &Cluster, classifier: Option<&str>) -> Result<(), Error> {
    match (classifier, is_wide(cluster)) {
        (Some(name), false) => cluster.get::<ComplaintClassifier>(name).await.map(drop),
        _ => Ok(()),
    }
}

/// What is known of one version and its classifier, if that exists.
pub(super) struct Subject {
    pub(super) version: ModelVersion,
    pub(super) classifier: Option<ComplaintClassifier>,
    info: Info,
}

impl Subject {
    pub(super) async fn of(cluster: &Cluster, name: &str) -> Result<Self, Error> {
        let version: ModelVersion = cluster.get(name).await?;
        let owner = &version.spec.classifier_ref.name;
        let classifier = match cluster.get::<ComplaintClassifier>(owner).await {
            Ok(classifier) => Some(classifier),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        let info = Info::of(&Objects {
            classifiers: classifier.iter().cloned().collect(),
            versions: vec![version.clone()],
            ..Objects::default()
        });
        Ok(Self {
            version,
            classifier,
            info,
        })
    }

    pub(super) fn version(&self) -> Result<&VersionInfo, Error> {
        let first = self.info.versions.first();
        first.ok_or_else(|| Error::Other("the version is not there".into()))
    }
}

pub(super) async fn compare(cluster: &Cluster, console: &Console, a: &str, b: &str) -> Result<(), Error> {
    let (left, right) = tokio::try_join!(Subject::of(cluster, a), Subject::of(cluster, b))?;
    let both = SideBySide::of(left.version()?, right.version()?);
    console.show(|_| view::compare(&both), &both)
}

pub(super) async fn why(cluster: &Cluster, console: &Console, name: &str) -> Result<(), Error> {
    let subject = Subject::of(cluster, name).await?;
    let (Some(spec), Some(classifier)) = (&subject.classifier, subject.info.classifiers.first()) else {
        let owner = &subject.version.spec.classifier_ref.name;
        return Err(Error::NotFound {
            kind: "ComplaintClassifier".into(),
            name: owner.clone(),
            namespace: cluster.namespace()?.into(),
            hint: format!("ModelVersion {name} belongs to it, and without it nothing is decided; apply it"),
        });
    };
    let why = Why::of(spec, classifier, subject.version()?);
    let page = |_: Timestamp| -> Page { view::why(&why) };
    console.show(page, &why)
}
