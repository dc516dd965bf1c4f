//! Places in tracking servers: which versions belong into one, and which its aliases name. Pure.

use complaint_api::{ComplaintClassifier, MlflowTracking, MlflowVersion, ModelVersion};
use complaint_contract::{AliasedVersion, MlflowTarget, TrackedAliases, TrackedVersion, layout};
use jiff::Timestamp;
use kube::ResourceExt;

use super::gather::Seen;
use crate::{candidate::means, object::digest_of, store::Store};

/// Most places of one classifier; its status has room for so many.
const PLACES: usize = 8;

/// A place in a server, as a spec names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) target: MlflowTarget,
    /// The Secret with the credentials.
    pub(crate) secret: Option<String>,
    /// The name of the Job that logs there.
    pub(crate) job: String,
}

/// Why a version is never logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) reason: &'static str,
    pub(crate) message: &'static str,
}

impl Place {
    fn new(tracking: &MlflowTracking, classifier: &ComplaintClassifier) -> Self {
        let name = classifier.name_any();
        let target = target(tracking, classifier);
        // A name of 52 characters leaves room for so many.
        let job = if own(classifier) == Some(tracking) {
            format!("{name}-track")
        } else {
            format!("{name}-track-{:.4}", digest_of(&target))
        };
        Self {
            target,
            secret: tracking.secret_ref.as_ref().map(|secret| secret.name.clone()),
            job,
        }
    }

    /// Whether its registered model has the version of that record.
    fn has_model_of(&self, record: &MlflowVersion) -> bool {
        record.registered_version.is_some()
            && record.uri == self.target.uri
            && record.registered_model == self.target.registered_model
    }

    /// Whether `version` belongs here.
    pub(crate) fn has(&self, version: &ModelVersion, classifier: &ComplaintClassifier) -> bool {
        tracking(version, classifier).is_some_and(|tracking| target(tracking, classifier) == self.target)
    }
}

/// Where the classifier's versions are logged.
fn own(classifier: &ComplaintClassifier) -> Option<&MlflowTracking> {
    classifier.spec.tracking.as_ref()?.mlflow.as_ref()
}

fn target(tracking: &MlflowTracking, classifier: &ComplaintClassifier) -> MlflowTarget {
    tracking.target(&classifier.namespace().unwrap_or_default(), &classifier.name_any())
}

/// Where `version` is to be logged: as its run says, or its classifier.
pub(crate) fn tracking<'a>(
    version: &'a ModelVersion,
    classifier: &'a ComplaintClassifier,
) -> Option<&'a MlflowTracking> {
    let of_run = version.status.as_ref().and_then(|status| status.tracking.as_ref());
    of_run.or(classifier.spec.tracking.as_ref())?.mlflow.as_ref()
}

/// The places of all versions: the classifier's own first, then those of the newest versions.
pub(crate) fn all(classifier: &ComplaintClassifier, newest_first: &[&ModelVersion]) -> Vec<Place> {
    let of_versions = newest_first.iter().filter_map(|version| tracking(version, classifier));
    let mut places: Vec<Place> = Vec::new();
    for tracking in own(classifier).into_iter().chain(of_versions) {
        let target = target(tracking, classifier);
        if places.len() < PLACES && !places.iter().any(|known| known.target == target) {
            places.push(Place::new(tracking, classifier));
        }
    }
    places
}

/// `version` as a request names it.
pub(crate) fn requested(version: &ModelVersion, store: &Store) -> Result<TrackedVersion, Unfit> {
    const NO_REPORT: Unfit = Unfit {
        reason: "NoReport",
        message: "the version has no spec.report, which says what to log: apply it with its report under a new name, as `complaint-trainer show --modelversions` prints it",
    };
    const ELSEWHERE: Unfit = Unfit {
        reason: "ArtifactOutsideStore",
        message: "spec.artifact.uri is not the model.safetensors of a folder in the classifier's store: copy the version's folder there and record it under a new name",
    };
    let report = version.spec.report.as_ref().ok_or(NO_REPORT)?;
    let folder = |uri: &str, file: &str| {
        store.open(uri)?;
        let path = uri.strip_prefix(&store.uri(""))?;
        path.strip_suffix(file)?.strip_suffix('/').map(str::to_owned)
    };
    let artifact = folder(&version.spec.artifact.uri, layout::MODEL).ok_or(ELSEWHERE)?;
    if folder(&report.uri, layout::REPORT).as_ref() != Some(&artifact) {
        return Err(NO_REPORT);
    }
    Ok(TrackedVersion {
        name: version.name_any(),
        sha256: version.spec.artifact.sha256.parse().map_err(|_| ELSEWHERE)?,
        folder: artifact,
        time: version
            .creation_timestamp()
            .map_or(Timestamp::UNIX_EPOCH, |time| time.0)
            .to_string(),
    })
}

/// The versions that the aliases of a place's registered model are to name: those that it has, and those of `pending`. Places
/// that differ in their experiment only share the model and its aliases.
pub(crate) fn aliases(
    classifier: &ComplaintClassifier,
    seen: &Seen,
    place: &Place,
    pending: &[&ModelVersion],
) -> TrackedAliases {
    let named = |name: &str, sha256: &str| {
        let mut versions = seen.versions.iter();
        let version = versions.find(|version| means(name, sha256, version))?;
        let is_pending = pending.iter().any(|pending| std::ptr::eq(*pending, version));
        let record = version.status.as_ref().and_then(|status| status.mlflow.as_ref());
        let is_registered = record.is_some_and(|record| place.has_model_of(record));
        let sha256 = sha256.parse().ok()?;
        (is_pending || is_registered).then(|| AliasedVersion {
            name: name.to_owned(),
            sha256,
        })
    };
    let status = classifier.status.as_ref();
    let champion = status.and_then(|status| status.champion.as_ref());
    let challenger = status.and_then(|status| status.challenger.as_ref());
    TrackedAliases {
        champion: champion.and_then(|champion| named(&champion.name, &champion.sha256)),
        challenger: challenger.and_then(|challenger| named(&challenger.name, &challenger.sha256)),
    }
}
