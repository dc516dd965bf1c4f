//! Plans over objects as the API server would send them, and a cluster without one: what is planned is done to the objects.

use complaint_api::{ComplaintClassifier, Retraining, TrainingRun};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    build,
    plan::{self, Plan},
    status,
};
use crate::{change::Change, object::owner_reference, status::Owned};

mod decisions;
mod drift;
mod objects;
mod schedules;
mod years;

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn classifier(retraining: Value) -> ComplaintClassifier {
    let dataset = json!({ "source": { "uri": "https://example.org/c.csv" }, "format": "Csv",
                          "textField": "narrative", "labelFields": ["category"] });
    let mut spec = json!({ "retraining": { "template": { "dataset": dataset } } });
    for (field, value) in retraining.as_object().expect("an object") {
        spec["retraining"][field] = value.clone();
    }
    serde_json::from_value(json!({
        "metadata": { "name": "cards", "namespace": "default", "uid": "cc-uid", "generation": 1 },
        "spec": spec,
    }))
    .expect("a ComplaintClassifier")
}

/// A run that a person applied.
fn by_hand(name: &str) -> TrainingRun {
    let mut run = TrainingRun::new(name, template(&classifier(json!({}))));
    run.metadata.uid = Some(format!("{name}-uid"));
    run
}

fn template(classifier: &ComplaintClassifier) -> complaint_api::TrainingRunSpec {
    let retraining = classifier.spec.retraining.as_ref().expect("a retraining");
    retraining.template.spec("cards")
}

fn end(run: &mut TrainingRun) {
    let condition = json!({ "type": "Complete", "status": "True", "reason": "Trained", "message": "",
                            "lastTransitionTime": "2026-01-01T00:00:00Z" });
    run.status = serde_json::from_value(json!({ "conditions": [condition] })).expect("a status");
}

/// A cluster with one classifier.
struct Cluster {
    classifier: ComplaintClassifier,
    runs: Vec<TrainingRun>,
    /// Names of runs that ended and were deleted.
    past: Vec<String>,
}

/// What stops the operator within a reconcile.
#[derive(Clone, Copy, PartialEq)]
enum Killed {
    Never,
    BeforeTheRun,
    BeforeTheStatus,
}

impl Cluster {
    fn new(retraining: Value) -> Self {
        Self {
            classifier: classifier(retraining),
            runs: Vec::new(),
            past: Vec::new(),
        }
    }

    fn retraining(&mut self) -> &mut Retraining {
        self.classifier.spec.retraining.as_mut().expect("a retraining")
    }

    /// One reconcile of the operator.
    fn look(&mut self, now: Timestamp) -> Plan {
        self.look_until(now, Killed::Never)
    }

    fn look_until(&mut self, now: Timestamp, killed: Killed) -> Plan {
        let plan = plan::plan(&self.classifier, &self.runs, now);
        if killed == Killed::BeforeTheRun {
            return plan;
        }
        let owner = owner_reference(&self.classifier).expect("a uid");
        for change in build::build(&self.classifier, &plan, &owner) {
            match change {
                Change::Delete(target) => self.runs.retain(|run| run.metadata.name != Some(target.name.clone())),
                Change::Create(manifest) => {
                    let mut run: TrainingRun = serde_json::from_value(manifest.body).expect("a TrainingRun");
                    assert!(self.runs.iter().all(|other| other.metadata.name != run.metadata.name));
                    run.metadata.uid = Some(format!("uid-{}", self.runs.len()));
                    self.runs.push(run);
                }
                other => panic!("{other}"),
            }
        }
        if killed == Killed::BeforeTheStatus {
            return plan;
        }
        let mut stored = json!(self.classifier.status.clone().unwrap_or_default());
        let part = status::next(&plan).part();
        for field in status::RetrainingStatus::FIELDS {
            stored[*field] = part.value()[*field].clone();
        }
        self.classifier.status = serde_json::from_value(stored).expect("a status");
        plan
    }

    /// Looks whenever a plan asks for it, up to `until`, and ends each run at once. A few of the runs are kept.
    fn live(&mut self, mut now: Timestamp, until: Timestamp) {
        loop {
            let plan = self.look(now);
            self.runs.iter_mut().for_each(end);
            if self.runs.len() > 3 {
                self.past.extend(self.runs.remove(0).metadata.name);
            }
            match plan.again {
                Some(again) if again <= until => {
                    assert!(again > now, "{again} is not after {now}");
                    now = again;
                }
                _ => return,
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let kept = self.runs.iter().filter_map(|run| run.metadata.name.clone());
        self.past.iter().cloned().chain(kept).collect()
    }

    fn next(&self) -> Option<Timestamp> {
        let status = self.classifier.status.as_ref()?;
        status.next_schedule_time.as_ref().map(|time| time.0)
    }

    fn jitter(&self) -> SignedDuration {
        plan::jitter(&self.classifier)
    }
}

fn run_at(time: &str) -> String {
    plan::run_name("cards", at(time))
}

fn reasons(plan: &Plan) -> Vec<&str> {
    plan.notices.iter().map(|notice| notice.reason.as_str()).collect()
}
