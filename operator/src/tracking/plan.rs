//! Decides which versions are logged, which aliases are set, and what a Job's end says. Pure; the clock is an argument.

use std::time::Duration;

use complaint_api::{
    ComplaintClassifier, MlflowState, MlflowVersion, ModelVersion,
    condition::{self, Statement, TRACKED},
};
use jiff::Timestamp;
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::ResourceExt;

use super::{gather::Seen, place, turn::Turn};
use crate::{candidate::evaluation, complaint_classifier::in_order, settings::Settings};

/// What to do about tracking.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    /// Jobs to make.
    pub(crate) start: Vec<Job>,
    /// Jobs whose end is on record, or that nobody needs.
    pub(crate) done: Vec<&'a Job>,
    /// What changes in the statuses of versions.
    pub(crate) told: Vec<Told<'a>>,
    /// How the places stand.
    pub(crate) states: Vec<MlflowState>,
    /// The classifier's condition; `None` where nothing is tracked.
    pub(crate) summary: Option<Statement>,
    /// When there is something to do again, if nothing happens before.
    pub(crate) again: Option<Duration>,
    /// Whether a Job works, or one is made or deleted.
    pub(crate) works: bool,
}

/// The next state of a version: `None` removes.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) version: &'a ModelVersion,
    pub(crate) statement: Option<Statement>,
    pub(crate) mlflow: Option<MlflowVersion>,
}

pub(crate) fn plan<'a>(
    classifier: &ComplaintClassifier,
    seen: &'a Seen,
    owner: &OwnerReference,
    settings: &Settings,
    now: Timestamp,
) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut newest_first = in_order(&seen.versions);
    newest_first.reverse();
    // What its run has not told yet may belong elsewhere.
    newest_first.retain(|version| evaluation(version).is_some() || !seen.awaited.contains(&version.name_any()));
    let places = place::all(classifier, &newest_first);
    for place in &places {
        let mut turn = Turn {
            classifier,
            seen,
            place,
            plan: &mut plan,
            now,
        };
        turn.take(&newest_first, owner, settings);
    }
    for version in newest_first {
        if !places.iter().any(|place| place.has(version, classifier)) {
            let statement = place::tracking(version, classifier).map(|_| {
                let message = "its classifier's versions belong into more than eight places of tracking servers: remove spec.tracking from some TrainingRuns";
                Statement::new(TRACKED, Some(false), "TooManyPlaces", message)
            });
            plan.tell(version, statement, None);
        }
    }
    let is_of_place = |job: &Job| {
        places
            .iter()
            .any(|place| job.metadata.name.as_ref() == Some(&place.job))
    };
    plan.done.extend(seen.jobs.iter().filter(|job| !is_of_place(job)));
    plan.works |= !plan.start.is_empty() || !plan.done.is_empty();
    if places.is_empty() {
        plan.summary = None;
    }
    plan
}

/// Whether the version's status says anything of tracking.
pub(super) fn is_told(version: &ModelVersion) -> bool {
    let status = version.status.as_ref();
    status.is_some_and(|status| status.mlflow.is_some() || condition::find(&status.conditions, TRACKED).is_some())
}

impl<'a> Plan<'a> {
    /// Changes a version's state, if it is another.
    pub(super) fn tell(
        &mut self,
        version: &'a ModelVersion,
        statement: Option<Statement>,
        mlflow: Option<MlflowVersion>,
    ) {
        let status = version.status.as_ref();
        let conditions = status.map_or(&[][..], |status| &status.conditions);
        let same = match (condition::find(conditions, TRACKED), &statement) {
            (None, None) => true,
            (Some(now), Some(next)) => next.is_said_by(now),
            _ => false,
        };
        if !same || status.and_then(|status| status.mlflow.as_ref()) != mlflow.as_ref() {
            self.told.push(Told {
                version,
                statement,
                mlflow,
            });
        }
    }

    /// The worst that is said of a place is said of the classifier.
    pub(super) fn sum_up(&mut self, statement: Statement) {
        let rank = |statement: &Statement| match statement.status {
            Some(false) => 2,
            None => 1,
            Some(true) => 0,
        };
        if self.summary.as_ref().is_none_or(|known| rank(known) < rank(&statement)) {
            self.summary = Some(statement);
        }
    }

    pub(super) fn look_again(&mut self, pause: Duration) {
        self.again = Some(self.again.map_or(pause, |known| known.min(pause)));
    }
}
