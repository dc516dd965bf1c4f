//! Monitoring: what the champion answers in production, and whether its traffic has drifted.
//!
//! The servers count; this controller reads their counts, adds them up over pods and restarts, and judges each window once it
//! has passed. It holds nothing else up: where pods can't be reached, its condition says so. Without `spec.monitoring` it
//! connects to no pod.

mod gather;
mod memory;
mod plan;
mod pods;
mod status;
#[cfg(test)]
mod tests;
mod window;

use complaint_api::{
    ComplaintClassifier,
    condition::{self, DRIFTED},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::{
    cache::{Event, Kept, Key},
    complaint_classifier::server_classifier,
    context::Context,
    controller::{Reconciler, Watches},
    error::Error,
    pod,
    queue::Next,
    telemetry::Production,
};

pub(crate) use gather::champion;
pub(crate) use memory::Memories;
pub(crate) use window::seconds;

/// The controller that watches production.
pub(crate) struct Monitorings;

impl Reconciler for Monitorings {
    type Kind = ComplaintClassifier;

    const NAME: &'static str = "monitoring-controller";

    fn watches(on: &Watches) {
        on.on(|caches, event: &Event<'_, ComplaintClassifier>| {
            if let (Some(gone), None) = (event.old, event.new) {
                caches.monitoring.forget(&Key::of(gone));
            }
            Vec::new()
        });
        // A pod that becomes ready is read soon; what it counts is read by the clock.
        on.on_part(|pod: &Kept<Pod>| {
            let is_ready = pod.readable().is_some_and(pod::is_ready);
            is_ready.then(|| server_classifier(pod)).flatten()
        });
    }

    async fn reconcile(classifier: &ComplaintClassifier, context: &Context) -> Result<Next, Error> {
        let objects = context.objects(classifier.namespace());
        let Some(monitoring) = &classifier.spec.monitoring else {
            context.caches.monitoring.forget(&Key::of(classifier));
            objects
                .write_status(classifier, &status::MonitoringPart::default())
                .await?;
            return Ok(Next::OnChange);
        };
        let memory = context.caches.monitoring.of(&Key::of(classifier));
        // One look at a time: each controller looks at an object once at a time.
        let mut memory = memory.lock().await;
        let now = Timestamp::now();
        let mut due = memory
            .polled
            .map_or(now, |polled| polled + context.settings.monitoring_interval);
        if due <= now {
            memory.polled = Some(now);
            due = now + context.settings.monitoring_interval;
            memory.seen = gather::gather(classifier, monitoring, &objects, &mut memory, now).await?;
        }
        let seen = &memory.seen;
        // Drawing so many samples takes a moment, which other reconciles need not wait for.
        let judged = match plan::plan(classifier, monitoring, seen, &memory, now) {
            Some(work) => tokio::task::spawn_blocking(move || work.verdict()).await.ok(),
            None => None,
        };
        let mix = judged.as_ref().and_then(|judged| judged.mix()).map(<[f64]>::to_vec);
        let (next, notices) = status::next(classifier, monitoring, seen, judged, context.now());
        // Before the status, which wakes who needs it.
        memory.mix = mix.or(memory.mix.take());
        objects.write_status(classifier, &next).await?;
        let figures = next.monitoring.unwrap_or_default();
        let drifted = condition::find(&next.conditions, DRIFTED).filter(|told| told.status != "Unknown");
        let production = Production {
            drifted: drifted.map(|told| told.status == "True"),
            estimated_accuracy: figures.estimated_accuracy.map(|share| share.value),
            measured_accuracy: figures.measured_accuracy.map(|share| share.value),
        };
        context.caches.monitoring.show(&Key::of(classifier), production);
        context.publish(classifier, notices).await;
        Ok(Next::at(now, due))
    }
}
