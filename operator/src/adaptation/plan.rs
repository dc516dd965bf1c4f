//! Decides whether the champion is adapted now, and what a Job's end means. Pure.

use complaint_api::{
    ComplaintClassifier, ModelVersion, OnDrift,
    condition::{self, ADAPTED, DRIFTED, Statement},
};
use complaint_contract::{AdaptRequest, AdaptResult, Sha256Digest, adapted_name};
use complaint_drift::verdict::Reason;
use jiff::Timestamp;
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::ResourceExt;

use super::{build, gather::Seen};
use crate::{
    candidate::means,
    monitoring::champion,
    settings::Settings,
    store_job::{self, Answer},
};

/// What to do about the champion of a classifier.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// A Job to make.
    pub(crate) start: Option<Box<Job>>,
    /// The version that a Job made.
    pub(crate) adapted: Option<Box<AdaptResult>>,
    /// Jobs whose end is on record, or that nobody needs.
    pub(crate) done: Vec<&'a Job>,
    /// What the condition says; `None`: what it said before, if that is still asked for.
    pub(crate) told: Option<Statement>,
    /// The episode of drift that needs no further adaptation.
    pub(crate) ended: Option<Timestamp>,
    /// Whether a Job works, or is made.
    pub(crate) works: bool,
}

/// Whether drifts of the classifier are answered by adaptations.
pub(crate) fn is_asked(classifier: &ComplaintClassifier) -> bool {
    let monitoring = classifier.spec.monitoring.as_ref();
    monitoring.is_some_and(|monitoring| monitoring.on_drift == OnDrift::Adapt)
}

pub(crate) fn plan<'a>(
    classifier: &ComplaintClassifier,
    seen: &'a Seen,
    owner: &OwnerReference,
    settings: &Settings,
) -> Plan<'a> {
    let mut plan = Plan::default();
    if classifier.spec.paused {
        return plan;
    }
    let wanted = job_name(classifier);
    let job = seen.jobs.iter().find(|job| job.metadata.name.as_ref() == Some(&wanted));
    let Some(episode) = Episode::of(classifier) else {
        plan.done = seen.jobs.iter().collect();
        return plan;
    };
    let request: Option<AdaptRequest> = job.and_then(store_job::request_of);
    let is_current = request.as_ref().is_some_and(|request| episode.is_of(request));
    plan.done = seen
        .jobs
        .iter()
        .filter(|other| !is_current || other.metadata.name.as_ref() != Some(&wanted))
        .collect();
    match (job, request) {
        (Some(job), Some(request)) if is_current => plan.follow(classifier, seen, job, &request, episode.time),
        // A Job of this name and another champion goes first; its end is a change that leads here again.
        (Some(_), _) => plan.works = true,
        (None, _) => plan.begin(classifier, seen, &episode, owner, settings),
    }
    plan
}

/// A drift that lasts, and for which the champion is not adapted yet.
struct Episode {
    time: Timestamp,
    sha256: Sha256Digest,
    max_loss: f64,
    /// Whether the last window that was judged has another mix of categories.
    has_shifted: bool,
}

impl Episode {
    fn of(classifier: &ComplaintClassifier) -> Option<Self> {
        let monitoring = classifier.spec.monitoring.as_ref().filter(|_| is_asked(classifier))?;
        let status = classifier.status.as_ref()?;
        condition::find(&status.conditions, DRIFTED).filter(|told| told.status == "True")?;
        let shown = status.monitoring.as_ref()?;
        let time = shown.drift_time.as_ref()?.0;
        let last = status.last_adaptation_time.as_ref().map(|time| time.0);
        // What rolls out is champion soon, and the drift would be another one's.
        let is_open = last.is_none_or(|last| last < time) && status.challenger.is_none();
        let judged = shown.windows.iter().find(|window| window.judged);
        is_open.then_some(Self {
            time,
            sha256: champion(classifier)?,
            max_loss: monitoring.max_loss,
            has_shifted: judged.is_some_and(|window| {
                window
                    .reasons
                    .iter()
                    .any(|reason| reason == Reason::CategoriesShifted.name())
            }),
        })
    }

    fn is_of(&self, request: &AdaptRequest) -> bool {
        request.sha256 == self.sha256 && request.max_loss == self.max_loss
    }
}

/// The name of the Job that adapts the champion.
pub(crate) fn job_name(classifier: &ComplaintClassifier) -> String {
    format!("{}-adapt", classifier.name_any())
}

/// The champion's record.
pub(crate) fn champion_version<'a>(classifier: &ComplaintClassifier, seen: &'a Seen) -> Option<&'a ModelVersion> {
    let champion = classifier.status.as_ref()?.champion.as_ref()?;
    let mut versions = seen.versions.iter();
    versions.find(|version| means(&champion.name, &champion.sha256, version))
}

/// The name of the version that the result is recorded as.
pub(crate) fn version_name(classifier: &ComplaintClassifier, result: &AdaptResult) -> String {
    adapted_name(&classifier.name_any(), &result.artifact.sha256)
}

/// The version that the result is recorded as, if there is one of its name.
pub(crate) fn recorded<'a>(
    classifier: &ComplaintClassifier,
    seen: &'a Seen,
    result: &AdaptResult,
) -> Option<&'a ModelVersion> {
    let name = version_name(classifier, result);
    seen.versions.iter().find(|version| version.name_any() == name)
}

impl<'a> Plan<'a> {
    fn begin(
        &mut self,
        classifier: &ComplaintClassifier,
        seen: &Seen,
        episode: &Episode,
        owner: &OwnerReference,
        settings: &Settings,
    ) {
        if !episode.has_shifted {
            self.tell(
                None,
                "MixUnchanged",
                "the traffic has drifted, and its mix of categories has not: an adaptation would change nothing. Train on rows of today, by monitoring.onDrift: Retrain or by hand",
            );
            return;
        }
        let Some(version) = champion_version(classifier, seen) else {
            self.tell(
                Some(false),
                "ChampionNotFound",
                "the champion has no ModelVersion to adapt: apply its record again",
            );
            return;
        };
        let Some(mix) = &seen.mix else {
            self.tell(
                None,
                "AwaitsWindow",
                "the operator has begun anew: the next window that is judged tells the mix of categories",
            );
            return;
        };
        let request = AdaptRequest {
            namespace: classifier.namespace().unwrap_or_default(),
            classifier: classifier.name_any(),
            version: version.name_any(),
            sha256: episode.sha256,
            // So many digits say all that an estimate of some thousand answers knows.
            mix: mix.iter().map(|share| (share * 1e6).round() / 1e6).collect(),
            max_loss: episode.max_loss,
        };
        match build::job(classifier, version, &request, owner, settings) {
            Some(job) => {
                self.start = Some(Box::new(job));
                self.works = true;
                self.tell(None, "Adapting", "a Job adapts the champion to the mix of the traffic");
            }
            None => self.fail(
                episode.time,
                "TooManyCategories",
                "the champion has more categories than a Job can be told the shares of: train again",
            ),
        }
    }

    fn follow(
        &mut self,
        classifier: &ComplaintClassifier,
        seen: &'a Seen,
        job: &'a Job,
        request: &AdaptRequest,
        time: Timestamp,
    ) {
        match store_job::answer(job, &seen.pods, AdaptResult::read) {
            Answer::Works { blocked } => {
                self.works = true;
                match blocked {
                    Some(blocked) => {
                        let message = format!("the pod of Job {} can't start: {}", job.name_any(), blocked.message);
                        self.tell(None, &blocked.reason, message);
                    }
                    None => self.tell(None, "Adapting", "a Job adapts the champion to the mix of the traffic"),
                }
                return;
            }
            Answer::Lost => self.works = true,
            Answer::Failed { error, .. } => self.fail(time, &error.reason, error.message),
            Answer::Given(result) if result.adaptation.given_sha256 != request.sha256 => {
                self.fail(time, "ResultUnreadable", "the Job's result is not about the champion");
            }
            Answer::Given(result) => {
                let other = recorded(classifier, seen, &result);
                if other.is_some_and(|other| other.spec.artifact.sha256 != result.artifact.sha256.to_string()) {
                    let name = version_name(classifier, &result);
                    let message = format!("a ModelVersion {name} with another artifact exists: delete it");
                    self.fail(time, "NameTaken", message);
                } else {
                    self.made(classifier, time, result);
                }
            }
        }
        self.done.push(job);
    }

    fn made(&mut self, classifier: &ComplaintClassifier, time: Timestamp, result: AdaptResult) {
        let name = version_name(classifier, &result);
        let (weighed, plain) = (result.adaptation.reweighted, result.adaptation.held_out);
        self.tell(
            Some(true),
            "Adapted",
            format!(
                "ModelVersion {name} is the champion for the mix of the traffic: accuracy on held-out rows weighed to it (as many as {:.0}) {:.3}, champion {:.3}; on the {:.0} rows as they are {:.3}, champion {:.3}",
                weighed.rows, weighed.adapted, weighed.given, plain.rows, plain.adapted, plain.given
            ),
        );
        self.ended = Some(time);
        self.adapted = Some(Box::new(result));
    }

    fn fail(&mut self, time: Timestamp, reason: &str, message: impl Into<String>) {
        self.ended = Some(time);
        self.tell(Some(false), reason, message);
    }

    fn tell(&mut self, status: Option<bool>, reason: &str, message: impl Into<String>) {
        self.told = Some(Statement::new(ADAPTED, status, reason, message));
    }
}
