//! Decides which files are deleted next, and which versions go. Pure; the clock is an argument.

use std::collections::BTreeSet;

use complaint_api::{ComplaintClassifier, ModelVersion};
use complaint_contract::{
    DeleteRequest, DeleteResult, Sha256Digest,
    layout::{MODEL, version_path},
};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::{AT_ONCE, build, deadline, gather::Seen};
use crate::{
    store::Store,
    store_job::{self, Answer},
};

/// What to do about the files of versions that are being deleted.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// Versions that go now.
    pub(crate) released: Vec<(&'a ModelVersion, Fate)>,
    /// Versions that wait for a Job.
    pub(crate) waiting: Vec<&'a ModelVersion>,
    /// What a Job is made for.
    pub(crate) start: Option<DeleteRequest>,
    /// The Job, if nobody waits for it any more, or it is to be made again.
    pub(crate) finished: Option<&'a Job>,
}

/// What became of a version's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They were deleted; so many bytes.
    Deleted { bytes: u64 },
    /// They were not there.
    Absent,
    /// They stay, because this names them.
    Kept { by: String },
    /// They stay, because they can't be deleted.
    Left { why: String },
    /// They stay, because the policy says so by now.
    Orphaned,
}

impl<'a> Plan<'a> {
    /// The versions that wait go, too, and leave their files.
    pub(crate) fn left(&self, why: &str) -> Self {
        let left = self.waiting.iter();
        Self {
            released: left.map(|version| (*version, Fate::Left { why: why.into() })).collect(),
            ..Self::default()
        }
    }
}

pub(crate) fn plan<'a>(classifier: &ComplaintClassifier, seen: &'a Seen, now: Timestamp) -> Plan<'a> {
    let mut plan = Plan::default();
    let asked = seen.job.as_ref().map(|job| Asked::of(job, seen));
    let mut wanted: Vec<Sha256Digest> = Vec::new();
    for version in &seen.deleted {
        match fate(classifier, version, seen, asked.as_ref(), now) {
            Ok(fate) => plan.released.push((version, fate)),
            Err(digest) => {
                plan.waiting.push(version);
                if !wanted.contains(&digest) {
                    wanted.push(digest);
                }
            }
        }
    }
    match &asked {
        None if !wanted.is_empty() => {
            wanted.truncate(AT_ONCE);
            plan.start = Some(build::request(classifier, wanted));
        }
        Some(asked) if !asked.is_awaited(&wanted, classifier, seen) => plan.finished = seen.job.as_ref(),
        _ => {}
    }
    plan
}

/// What became of the version's files, or the digest that is still to be deleted.
fn fate(
    classifier: &ComplaintClassifier,
    version: &ModelVersion,
    seen: &Seen,
    asked: Option<&Asked>,
    now: Timestamp,
) -> Result<Fate, Sha256Digest> {
    let Some(digest) = digest_of(classifier, version) else {
        return Ok(Fate::left(
            "they are not in the folder of their digest in the classifier's store",
        ));
    };
    if let Some(by) = named_by(classifier, &digest, seen) {
        return Ok(Fate::Kept { by: by.to_owned() });
    }
    if seen.is_store_missing {
        return Ok(Fate::left("the PersistentVolumeClaim of the store is gone"));
    }
    if let Some(fate) = asked.and_then(|asked| asked.fate(&digest)) {
        return Ok(fate);
    }
    match deadline(version) {
        Some(deadline) if now < deadline => Err(digest),
        _ => Ok(Fate::late(asked)),
    }
}

impl Fate {
    fn left(why: &str) -> Self {
        Self::Left { why: why.into() }
    }

    /// What a version is told that has waited too long.
    fn late(asked: Option<&Asked>) -> Self {
        let blocked = asked.and_then(|asked| match &asked.answer {
            Answer::Works { blocked } => blocked.as_ref(),
            _ => None,
        });
        let why = match (blocked, asked) {
            (Some(blocked), _) => format!(
                "the pod of the Job that deletes them did not start: {}",
                blocked.message
            ),
            (None, Some(_)) => "the Job that deletes them did not end within ten minutes".to_owned(),
            (None, None) => "no Job could be made within ten minutes that deletes them".to_owned(),
        };
        Self::Left { why }
    }
}

/// The model's path in the store.
fn path(classifier: &ComplaintClassifier, digest: &Sha256Digest) -> String {
    let namespace = classifier.namespace().unwrap_or_default();
    format!("{}/{MODEL}", version_path(&namespace, &classifier.name_any(), digest))
}

/// The digest of a version's artifact, if it is where the trainer keeps it: nothing else is deleted.
fn digest_of(classifier: &ComplaintClassifier, version: &ModelVersion) -> Option<Sha256Digest> {
    let artifact = &version.spec.artifact;
    let digest: Sha256Digest = artifact.sha256.parse().ok()?;
    (Store::of(classifier).uri(&path(classifier, &digest)) == artifact.uri).then_some(digest)
}

/// What else names the artifact. Two claims or buckets may be the same place under two names, so the path in the store decides.
fn named_by<'a>(classifier: &ComplaintClassifier, digest: &Sha256Digest, seen: &'a Seen) -> Option<&'a str> {
    let sha256 = digest.to_string();
    let path = format!("/{}", path(classifier, digest));
    let mut named = seen.named.iter();
    let found = named.find(|named| {
        let is_there = named.uri.as_ref().is_none_or(|uri| uri.ends_with(&path));
        named.sha256 == sha256 && is_there
    });
    found.map(|named| named.by.as_str())
}

/// What the Job was made for, and how far it is.
struct Asked {
    digests: BTreeSet<Sha256Digest>,
    answer: Answer<DeleteResult>,
}

impl Asked {
    fn of(job: &Job, seen: &Seen) -> Self {
        let request = build::request_of(job);
        Self {
            digests: request.map_or_else(BTreeSet::new, |request| request.digests.into_iter().collect()),
            answer: store_job::answer(job, &seen.pods, DeleteResult::read),
        }
    }

    /// What the Job says of an artifact; `None`: nothing yet, or it is asked again.
    fn fate(&self, digest: &Sha256Digest) -> Option<Fate> {
        if !self.digests.contains(digest) {
            return None;
        }
        match &self.answer {
            Answer::Given(result) => Some(fate_in(result, digest)),
            Answer::Failed { error, is_final: true } => Some(Fate::Left {
                why: format!("{}: {}", error.reason, error.message),
            }),
            Answer::Failed { is_final: false, .. } | Answer::Works { .. } | Answer::Lost => None,
        }
    }

    /// Whether the Job works, and what it does is still wanted, all of it.
    fn is_awaited(&self, wanted: &[Sha256Digest], classifier: &ComplaintClassifier, seen: &Seen) -> bool {
        matches!(self.answer, Answer::Works { .. })
            && wanted.iter().any(|digest| self.digests.contains(digest))
            && self
                .digests
                .iter()
                .all(|digest| named_by(classifier, digest, seen).is_none())
    }
}

fn fate_in(result: &DeleteResult, digest: &Sha256Digest) -> Fate {
    let mut deleted = result.deleted.iter();
    if let Some(artifact) = deleted.find(|artifact| artifact.sha256 == *digest) {
        Fate::Deleted { bytes: artifact.bytes }
    } else if result.kept.iter().any(|artifact| artifact.sha256 == *digest) {
        Fate::Kept {
            by: "the store's champion.json".into(),
        }
    } else if result.missing.contains(digest) {
        Fate::Absent
    } else {
        Fate::left("the answer of the Job that deletes does not name them")
    }
}
