//! One pass over a CronJob. Pure; the clock is an argument.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::ResourceExt;

use super::schedule::Schedule;
use crate::controllers::events::Notice;
use crate::controllers::job::conditions::finished;
use crate::controllers::pods::controlled_by;

/// The scheduled time of a Job.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The actions of a pass, in the order of the fields.
#[derive(Debug, Default)]
pub struct Plan {
    /// Names of Jobs to delete.
    pub delete: Vec<String>,
    /// The Job to create; it is added to the active ones in the status.
    pub create: Option<Job>,
    /// The Events.
    pub notices: Vec<Notice>,
    /// The status to write.
    pub status: CronJobStatus,
    /// Requeue after this time.
    pub again: Option<SignedDuration>,
}

fn is_successful(job: &Job) -> bool {
    finished(job).is_some_and(|condition| condition.type_ == "Complete")
}

/// Plans one pass. `jobs` are the Jobs that the CronJob controls.
pub fn plan(cron: &CronJob, jobs: &[Job], now: Timestamp) -> Plan {
    let mut plan = Plan {
        status: cron.status.clone().unwrap_or_default(),
        ..Plan::default()
    };
    take_stock(jobs, &mut plan);
    clean_up(cron, jobs, &mut plan);
    let spec = &cron.spec;
    if cron.metadata.deletion_timestamp.is_some() || spec.suspend == Some(true) {
        return plan;
    }
    match Schedule::read(&spec.schedule, spec.time_zone.as_deref()) {
        Ok(schedule) => {
            start(cron, jobs, &schedule, now, &mut plan);
            plan.again = schedule.next(now).map(|next| next.duration_since(now));
        }
        Err(why) => {
            let message = format!("unparseable schedule: {:?} : {why}", spec.schedule);
            plan.notices.push(Notice::warning("UnparseableSchedule", message));
        }
    }
    plan
}

/// The active Jobs, and the time of the last success.
fn take_stock(jobs: &[Job], plan: &mut Plan) {
    let mut active = plan.status.active.take().unwrap_or_default();
    active.retain(|reference| {
        let found = jobs.iter().find(|job| job.uid() == reference.uid);
        match found.map(|job| (job, finished(job))) {
            Some((_, None)) => true,
            Some((job, Some(condition))) => {
                let message = format!("Saw completed job: {}, condition: {}", job.name_any(), condition.type_);
                plan.notices.push(Notice::normal("SawCompletedJob", message));
                false
            }
            None => {
                let message = format!(
                    "Active job went missing: {}",
                    reference.name.clone().unwrap_or_default()
                );
                plan.notices.push(Notice::normal("MissingJob", message));
                false
            }
        }
    });
    plan.status.active = Some(active).filter(|active| !active.is_empty());
    let ended = jobs.iter().filter(|job| is_successful(job));
    let ended = ended.filter_map(|job| job.status.as_ref()?.completion_time.clone());
    let latest = ended
        .chain(plan.status.last_successful_time.take())
        .max_by_key(|time| time.0);
    plan.status.last_successful_time = latest;
}

/// Deletes the oldest finished Jobs beyond the limits.
fn clean_up(cron: &CronJob, jobs: &[Job], plan: &mut Plan) {
    let limits = [
        (true, cron.spec.successful_jobs_history_limit),
        (false, cron.spec.failed_jobs_history_limit),
    ];
    for (successful, limit) in limits {
        let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
            continue;
        };
        let ended = jobs.iter().filter(|job| finished(job).is_some());
        let mut ended: Vec<&Job> = ended.filter(|job| is_successful(job) == successful).collect();
        ended.sort_by_key(|job| {
            let started = job.status.as_ref().and_then(|status| status.start_time.as_ref());
            (started.map(|time| time.0), job.name_any())
        });
        let surplus = ended.len().saturating_sub(limit);
        plan.delete.extend(ended[..surplus].iter().map(|job| job.name_any()));
    }
}

/// Starts the Job of the latest scheduled time, unless it exists, its deadline has passed, or another Job is active.
fn start(cron: &CronJob, jobs: &[Job], schedule: &Schedule, now: Timestamp, plan: &mut Plan) {
    let spec = &cron.spec;
    let done = plan
        .status
        .last_schedule_time
        .clone()
        .or_else(|| cron.creation_timestamp());
    let due = schedule.last(now).filter(|due| done.is_none_or(|done| *due > done.0));
    let Some(due) = due else { return };
    let late = now.duration_since(due);
    if spec
        .starting_deadline_seconds
        .is_some_and(|limit| late > SignedDuration::from_secs(limit))
    {
        let message = format!(
            "Missed scheduled time to start a job: {}",
            schedule.zoned(due).strftime("%a, %d %b %Y %H:%M:%S %z")
        );
        plan.notices.push(Notice::warning("MissSchedule", message));
        return;
    }
    if plan.status.active.is_some() && spec.concurrency_policy.as_deref() == Some("Forbid") {
        let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
        plan.notices.push(Notice::normal("JobAlreadyActive", message));
        return;
    }
    if spec.concurrency_policy.as_deref() == Some("Replace") {
        let running = jobs.iter().filter(|job| finished(job).is_none());
        plan.delete.extend(running.map(|job| job.name_any()));
        plan.status.active = None;
    }
    plan.status.last_schedule_time = Some(Time(due));
    plan.create = Some(build(cron, schedule, due));
}

/// At most one Job per minute: the name contains the time in minutes.
fn build(cron: &CronJob, schedule: &Schedule, due: Timestamp) -> Job {
    let template = cron.spec.job_template.clone();
    let from = template.metadata.unwrap_or_default();
    let mut annotations: BTreeMap<String, String> = from.annotations.unwrap_or_default();
    let written = schedule.zoned(due).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    annotations.insert(SCHEDULED.into(), written.replace("+00:00", "Z"));
    Job {
        metadata: ObjectMeta {
            name: Some(format!("{}-{}", cron.name_any(), due.as_second() / 60)),
            namespace: cron.namespace(),
            labels: from.labels,
            annotations: Some(annotations),
            owner_references: controlled_by(cron),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}
