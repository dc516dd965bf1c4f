//! Traces: a training is one, from the first reconcile to the promotion of its version.
//!
//! Its root span is announced when the run is first seen, with ids from the run's uid, so that it needs no memory: each
//! reconcile, before and after a restart, adds its span, the trainer gets the place as `TRACEPARENT`, and the root itself is
//! sent when the run ends. The Job and the version carry the place in an annotation. It decides nothing, since every editor
//! can write it.

use std::time::SystemTime;

use complaint_api::{ComplaintClassifier, ComplaintClassifierStatus, ModelVersion, TrainingRun, labels};
use complaint_telemetry::{Parent, Span, traces};
use jiff::Timestamp;
use kube::ResourceExt;

/// The place of a run's trace, which may be part of one that its annotation names; `None` where traces are off.
pub(crate) fn of_run(run: &TrainingRun) -> Option<Parent> {
    let traces = traces()?;
    Parent::of_uid(run.metadata.uid.as_deref()?, annotated(run), |trace| {
        traces.samples(trace)
    })
}

/// The place that an object's annotation names.
fn annotated(object: &impl ResourceExt) -> Option<Parent> {
    object.annotations().get(labels::TRACEPARENT)?.parse().ok()
}

/// Sends the root span of a run that has ended now: `failure` is the reason if it failed.
pub(crate) fn ended(run: &TrainingRun, failure: Option<&str>, now: Timestamp) {
    let (Some(traces), Some(place)) = (traces(), of_run(run)) else {
        return;
    };
    let began = run.creation_timestamp().map_or(now, |created| created.0);
    let Some(mut span) = traces.announced("training", place, annotated(run), system(began)) else {
        return;
    };
    name(&mut span, run, "complaints.training_run");
    span.set("complaints.classifier", run.spec.classifier_ref.name.clone());
    if let Some(reason) = failure {
        span.fail(reason.to_owned());
    }
    span.end_at(system(now));
}

/// Sends the span of a promotion that `after` records and `before` does not, in the trace of the training of the version that
/// was promoted.
pub(crate) fn promoted(
    classifier: &ComplaintClassifier,
    after: &ComplaintClassifierStatus,
    version: Option<&ModelVersion>,
) {
    let before = classifier.status.as_ref().and_then(|status| status.promotions.first());
    let promotion = after.promotions.first().filter(|promotion| Some(*promotion) != before);
    let (Some(traces), Some(promotion), Some(version)) = (traces(), promotion, version) else {
        return;
    };
    let began = version
        .creation_timestamp()
        .map_or(promotion.time.0, |created| created.0);
    // A version that was trained elsewhere, or while traces were off, begins a trace of its own.
    let Some(mut span) = traces.since("promotion", annotated(version), system(began)) else {
        return;
    };
    name(&mut span, classifier, "complaints.classifier");
    span.set("complaints.model_version", promotion.version.clone());
    span.set("complaints.model_digest", format!("sha256:{}", promotion.sha256));
    span.set("complaints.promotion_reason", format!("{:?}", promotion.reason));
    span.end_at(system(promotion.time.0));
}

fn name(span: &mut Span, object: &impl ResourceExt, key: &'static str) {
    span.set("k8s.namespace.name", object.namespace().unwrap_or_default());
    span.set(key, object.name_any());
}

fn system(time: Timestamp) -> SystemTime {
    time.into()
}
