//! One place's turn: what its Job says, which versions the next one logs, and when it is tried again. Pure.

use std::time::Duration;

use complaint_api::{
    ComplaintClassifier, MlflowState, MlflowVersion, ModelVersion,
    condition::{self, Statement, TRACKED},
};
use complaint_contract::{
    AliasedVersion, MlflowTarget, ProgramError, TRACKED_VERSIONS, TrackRequest, TrackResult, TrackedAliases,
    TrackedOutcome, TrackedVersion,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::batch::v1::Job,
    apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference},
};
use kube::ResourceExt;

use super::{
    build,
    gather::Seen,
    place::{self, Place},
    plan::Plan,
};
use crate::{
    candidate::means,
    settings::Settings,
    store::Store,
    store_job::{self, Answer},
    trainer,
};

/// Pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// The longest pause.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(4);
/// The reason of `Tracked` while a Job works, or is about to.
const LOGGING: &str = "Logging";
/// The reason of `Tracked` where all is logged.
const LOGGED: &str = "Logged";

/// What is to be done in one place.
struct Wanted<'a> {
    /// The versions that the next Job logs, oldest first.
    next: Vec<(&'a ModelVersion, TrackedVersion)>,
    aliases: TrackedAliases,
}

/// What a Job was asked, and what it said.
type Said = (TrackRequest, TrackResult);

/// One place's turn.
pub(super) struct Turn<'p, 'a> {
    pub(super) classifier: &'p ComplaintClassifier,
    pub(super) seen: &'a Seen,
    pub(super) place: &'p Place,
    pub(super) plan: &'p mut Plan<'a>,
    pub(super) now: Timestamp,
}

impl<'a> Turn<'_, 'a> {
    /// Says what is to be done in this place.
    pub(super) fn take(&mut self, newest_first: &[&'a ModelVersion], owner: &OwnerReference, settings: &Settings) {
        let mut state = self.state();
        let mut answered: Vec<&ModelVersion> = Vec::new();
        let (job, answer) = self.job();
        let mut failure = None;
        let mut works = None;
        match answer {
            None => {}
            Some(Answer::Lost) => failure = job.and_then(|job| lost(&mut state, job)),
            Some(Answer::Works { blocked }) => works = Some(blocked),
            Some(Answer::Failed { error, .. }) => failure = Some(error),
            Some(Answer::Given((request, result))) => {
                answered = self.apply(&mut state, &request, &result);
            }
        }
        let wanted = self.wanted(newest_first, &answered);
        let aliases_differ = |state: &MlflowState| {
            let name = |version: &Option<AliasedVersion>| version.as_ref().map(|version| version.name.clone());
            name(&wanted.aliases.champion) != state.champion || name(&wanted.aliases.challenger) != state.challenger
        };
        let is_idle = wanted.next.is_empty() && !aliases_differ(&state);
        if let (Some(job), Some(error)) = (job, failure) {
            if is_idle {
                state.failures = 0;
                state.failed_job = None;
                self.plan.done.push(job);
            } else {
                self.failed(&mut state, job, &error, &wanted, settings);
            }
        } else if let Some(blocked) = works {
            self.plan.works = true;
            let statement = match blocked {
                Some(blocked) if !blocked.is_passing() => Some(Statement::new(
                    TRACKED,
                    Some(false),
                    &blocked.reason,
                    format!("the pod of Job {} can't start: {}", self.place.job, blocked.message),
                )),
                _ => None,
            };
            self.waits(&state, &wanted, statement);
        } else if let Some(job) = job {
            // Answered, or its words are lost; the next Job comes when this one is gone.
            self.plan.done.push(job);
            if is_idle {
                self.rest(&state);
            } else {
                self.waits(&state, &wanted, None);
            }
        } else if is_idle {
            self.rest(&state);
        } else {
            let request = TrackRequest {
                namespace: self.classifier.namespace().unwrap_or_default(),
                classifier: self.classifier.name_any(),
                mlflow: self.place.target.clone(),
                versions: wanted.next.iter().map(|(_, version)| version.clone()).collect(),
                aliases: wanted.aliases.clone(),
            };
            let job = build::job(self.classifier, self.place, &request, owner, settings);
            self.plan.start.push(job);
            self.waits(&state, &wanted, None);
        }
        self.plan.states.push(state);
    }

    /// How the place stood before.
    fn state(&self) -> MlflowState {
        let MlflowTarget {
            uri,
            experiment,
            registered_model,
        } = self.place.target.clone();
        let status = self.classifier.status.iter();
        let mut known = status.flat_map(|status| &status.mlflow);
        let known = known.find(|state| state.is_at(&self.place.target)).cloned();
        known.unwrap_or(MlflowState {
            uri,
            experiment,
            registered_model,
            ..MlflowState::default()
        })
    }

    /// The Job of the place and what it says. One that was made for another place, or with another Secret, goes.
    fn job(&self) -> (Option<&'a Job>, Option<Answer<Said>>) {
        let mut jobs = self.seen.jobs.iter();
        let Some(job) = jobs.find(|job| job.metadata.name.as_ref() == Some(&self.place.job)) else {
            return (None, None);
        };
        let request = build::asked(job).filter(|request| {
            request.mlflow == self.place.target && build::secret_of(job) == self.place.secret.as_deref()
        });
        let Some(request) = request else {
            return (Some(job), None);
        };
        let read = |message: &str| TrackResult::read(message).map(|result| (request.clone(), result));
        (Some(job), Some(store_job::answer(job, &self.seen.pods, read)))
    }

    /// Takes over what a Job said; returns the versions that it was about.
    fn apply(
        &mut self,
        state: &mut MlflowState,
        request: &TrackRequest,
        result: &TrackResult,
    ) -> Vec<&'a ModelVersion> {
        state.champion = request.aliases.champion.as_ref().map(|version| version.name.clone());
        state.challenger = request.aliases.challenger.as_ref().map(|version| version.name.clone());
        state.missing_aliases = result.missing_aliases.clone();
        state.failures = 0;
        state.failed_job = None;
        let mut answered = Vec::new();
        for outcome in &result.versions {
            let asked = request.versions.iter().find(|version| version.name == outcome.name);
            let version = asked.and_then(|asked| {
                let mut versions = self.seen.versions.iter();
                versions.find(|version| {
                    means(&asked.name, &asked.sha256.to_string(), version) && self.place.has(version, self.classifier)
                })
            });
            if let Some(version) = version {
                let record = record(&self.place.target, outcome);
                let statement = match &outcome.error {
                    Some(error) => Statement::new(TRACKED, Some(false), &error.reason, &error.message),
                    None => logged(&record),
                };
                self.plan.tell(version, Some(statement), Some(record));
                answered.push(version);
            }
        }
        answered
    }

    /// What is to be done, but for the versions that were just answered. The champion and the challenger come first, then the
    /// newest.
    fn wanted(&mut self, newest_first: &[&'a ModelVersion], answered: &[&'a ModelVersion]) -> Wanted<'a> {
        let store = Store::of(self.classifier);
        let status = self.classifier.status.as_ref();
        let is_named = |version: &ModelVersion| {
            let champion = status.and_then(|status| status.champion.as_ref());
            let challenger = status.and_then(|status| status.challenger.as_ref());
            champion.is_some_and(|champion| means(&champion.name, &champion.sha256, version))
                || challenger.is_some_and(|challenger| means(&challenger.name, &challenger.sha256, version))
        };
        let mut pending: Vec<(&ModelVersion, TrackedVersion)> = Vec::new();
        for version in newest_first {
            let is_answered = answered.iter().any(|answered| std::ptr::eq(*answered, *version));
            if is_answered || !self.place.has(version, self.classifier) {
                continue;
            }
            let record = version.status.as_ref().and_then(|status| status.mlflow.as_ref());
            if let Some(record) = record.filter(|record| record.is_at(&self.place.target)) {
                self.settled(version, record);
                continue;
            }
            match place::requested(version, &store) {
                Ok(requested) => pending.push((version, requested)),
                Err(unfit) => {
                    let statement = Statement::new(TRACKED, Some(false), unfit.reason, unfit.message);
                    self.plan.tell(version, Some(statement), None);
                }
            }
        }
        pending.sort_by_key(|(version, _)| !is_named(version));
        // The others have no condition before it is their turn: there may be hundreds.
        pending.truncate(TRACKED_VERSIONS);
        // Versions of the registered model are numbered in the order in which they are made.
        pending.reverse();
        pending.sort_by_key(|(version, _)| version.creation_timestamp().map(|time| time.0));
        // Also those that were just answered: their record is not in the cache yet.
        let mut nameable: Vec<&ModelVersion> = pending.iter().map(|(version, _)| *version).collect();
        nameable.extend(self.plan.told.iter().filter_map(|told| {
            let record = told.mlflow.as_ref()?;
            (record.is_at(&self.place.target) && record.registered_version.is_some()).then_some(told.version)
        }));
        Wanted {
            aliases: place::aliases(self.classifier, self.seen, self.place, &nameable),
            next: pending,
        }
    }

    /// A version that a Job answered for earlier keeps what was said of it.
    fn settled(&mut self, version: &'a ModelVersion, record: &MlflowVersion) {
        let conditions = version.status.as_ref().map_or(&[][..], |status| &status.conditions);
        let statement = match condition::find(conditions, TRACKED) {
            _ if record.registered_version.is_some() => logged(record),
            Some(told) => Statement::new(TRACKED, Some(false), &told.reason, &told.message),
            None => {
                let message =
                    "the tracking server did not take the version: another spec.tracking.mlflow.experiment tries again";
                Statement::new(TRACKED, Some(false), "NotLogged", message)
            }
        };
        self.plan.tell(version, Some(statement), Some(record.clone()));
    }

    /// The Job failed. It stays until it is tried again: its end tells when that is.
    fn failed(
        &mut self,
        state: &mut MlflowState,
        job: &'a Job,
        error: &ProgramError,
        wanted: &Wanted<'a>,
        settings: &Settings,
    ) {
        count(state, job);
        let pause = pause(state.failures);
        let mut ends = ["Failed", "Complete"].into_iter();
        let end = ends.find_map(|end| trainer::condition(job, end)?.last_transition_time.as_ref());
        let due = end.map_or(self.now, |end| end.0) + pause;
        match Duration::try_from(due.duration_since(self.now)) {
            Ok(left) if !left.is_zero() && trainer::is_current(job, settings) => self.plan.look_again(left),
            _ => {
                self.plan.done.push(job);
                self.plan.look_again(Duration::from_secs(1));
            }
        }
        let message = format!(
            "{}. It is tried again {} minutes after the failure, or as soon as Job {} is deleted",
            error.message.trim_end_matches('.'),
            pause.as_mins(),
            self.place.job
        );
        let statement = Statement::new(TRACKED, Some(false), &error.reason, message);
        self.plan.sum_up(statement.clone());
        for (version, _) in &wanted.next {
            self.plan.tell(version, Some(statement.clone()), None);
        }
    }

    /// Versions wait for a Job. What failed before is told until it goes well.
    fn waits(&mut self, state: &MlflowState, wanted: &Wanted<'a>, blocked: Option<Statement>) {
        let message = format!("Job {} logs it", self.place.job);
        let works = blocked.unwrap_or_else(|| Statement::new(TRACKED, None, LOGGING, message));
        let old = |conditions: &[Condition]| {
            let told = condition::find(conditions, TRACKED).filter(|told| state.failures > 0 && told.status == "False");
            told.map(|told| Statement::new(TRACKED, Some(false), &told.reason, &told.message))
        };
        for (version, _) in &wanted.next {
            let told = version.status.as_ref().and_then(|status| old(&status.conditions));
            self.plan
                .tell(version, Some(told.unwrap_or_else(|| works.clone())), None);
        }
        let told = self
            .classifier
            .status
            .as_ref()
            .and_then(|status| old(&status.conditions));
        self.plan.sum_up(told.unwrap_or(works));
    }

    /// There is nothing to do.
    fn rest(&mut self, state: &MlflowState) {
        let target = &self.place.target;
        self.plan.sum_up(match state.missing_aliases.as_slice() {
            [] => Statement::new(
                TRACKED,
                Some(true),
                LOGGED,
                format!("{} has the versions in experiment {}", target.uri, target.experiment),
            ),
            missing => Statement::new(
                TRACKED,
                Some(false),
                "AliasNotSet",
                format!(
                    "the registered model {} has no version for its alias {}: somebody deleted it there. The next promotion sets the alias again",
                    target.registered_model,
                    missing.join(" and ")
                ),
            ),
        });
    }
}

/// Counts a Job that failed, once.
fn count(state: &mut MlflowState, job: &Job) {
    if state.failed_job != job.metadata.uid {
        state.failures = state.failures.saturating_add(1);
        state.failed_job = job.metadata.uid.clone();
    }
}

/// What a Job said is gone with its pod. Another one finds that all is logged, and is made at once; where its words are lost,
/// too, that is a failure.
fn lost(state: &mut MlflowState, job: &Job) -> Option<ProgramError> {
    count(state, job);
    (state.failures > 1).then(|| ProgramError {
        reason: "ResultLost".into(),
        message: "what the Job said is gone with its pod: keep pods of Jobs until their Job is deleted".into(),
    })
}

/// How long after the last of so many failures a Job tries again.
pub(super) fn pause(failures: u32) -> SignedDuration {
    let doubled = FIRST_PAUSE.checked_mul(1 << failures.saturating_sub(1).min(10));
    doubled.map_or(LONGEST_PAUSE, |pause| pause.min(LONGEST_PAUSE))
}

fn record(target: &MlflowTarget, outcome: &TrackedOutcome) -> MlflowVersion {
    MlflowVersion {
        uri: target.uri.clone(),
        experiment: target.experiment.clone(),
        registered_model: target.registered_model.clone(),
        run_id: outcome.run_id.clone(),
        model_id: outcome.model_id.clone(),
        registered_version: outcome.registered_version.clone(),
    }
}

/// What is said of a version that is logged.
fn logged(record: &MlflowVersion) -> Statement {
    let message = format!(
        "{} has it as run {} of experiment {} and version {} of registered model {}",
        record.uri,
        record.run_id.as_deref().unwrap_or_default(),
        record.experiment,
        record.registered_version.as_deref().unwrap_or_default(),
        record.registered_model
    );
    Statement::new(TRACKED, Some(true), LOGGED, message)
}
