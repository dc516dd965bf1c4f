//! Logs and metrics.

use std::{
    io::IsTerminal,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{EnvFilter, Layer, filter::DynFilterFn, fmt, layer, prelude::*, registry::LookupSpan};

/// Starts logging to standard error (JSON for machines, one line each for people; `RUST_LOG` overrides the level), and traces
/// where the environment asks for them.
pub fn init(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,kube=warn,tower=warn"));
    let log = fmt::layer().with_writer(std::io::stderr);
    let log: Box<dyn Layer<tracing_subscriber::Registry> + Send + Sync> = if json {
        log.json().with_filter(filter).boxed()
    } else {
        let ansi = std::io::stderr().is_terminal();
        log.with_ansi(ansi).with_filter(filter).boxed()
    };
    let started = complaint_telemetry::start("complaint-operator");
    let traces = started.as_ref().ok().copied().flatten().map(|traces| {
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer().clone())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(DynFilterFn::new(is_traced))
    });
    // A second initialisation in one process (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(log).with(traces).try_init();
    if let Err(reason) = started {
        tracing::warn!(%reason, "there are no traces");
    }
}

/// Reconciles, their requests to the API server, and what they log. Requests outside of one (the Lease, watches) would be
/// traces of their own, every few seconds.
fn is_traced<S>(metadata: &Metadata<'_>, context: &layer::Context<'_, S>) -> bool
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let target = metadata.target();
    if metadata.is_event() {
        return target.starts_with("complaint_") && *metadata.level() <= Level::INFO;
    }
    target.starts_with("complaint_") || (target.starts_with("kube_client") && context.lookup_current().is_some())
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReconcileLabels {
    controller: &'static str,
    /// `ok`, or the error's reason from a fixed set: names and messages would make the series unbounded.
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ControllerLabel {
    controller: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ClassifierLabels {
    // `namespace` is a label that Prometheus gives to the operator's own.
    classifier_namespace: String,
    classifier: String,
}

/// What production says of the classifiers with `spec.monitoring`.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProductionMetrics {
    drifted: Family<ClassifierLabels, Gauge>,
    estimated: Accuracies,
    measured: Accuracies,
}

type Accuracies = Family<ClassifierLabels, Gauge<f64, AtomicU64>>;

/// What the last windows of a classifier say. What is `None` is not shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Production {
    pub(crate) drifted: Option<bool>,
    pub(crate) estimated_accuracy: Option<f64>,
    pub(crate) measured_accuracy: Option<f64>,
}

impl ProductionMetrics {
    /// Shows what the last windows of a classifier say.
    pub(crate) fn show(&self, namespace: &str, classifier: &str, production: Production) {
        let labels = ClassifierLabels {
            classifier_namespace: namespace.to_owned(),
            classifier: classifier.to_owned(),
        };
        if let Some(drifted) = production.drifted {
            self.drifted.get_or_create(&labels).set(i64::from(drifted));
        } else {
            self.drifted.remove(&labels);
        }
        let show = |family: &Accuracies, accuracy: Option<f64>| match accuracy {
            Some(accuracy) => drop(family.get_or_create(&labels).set(accuracy)),
            None => drop(family.remove(&labels)),
        };
        show(&self.estimated, production.estimated_accuracy);
        show(&self.measured, production.measured_accuracy);
    }
}

/// Metrics of reconciles.
#[derive(Clone)]
pub struct ReconcileMetrics {
    reconciles: Family<ReconcileLabels, Counter>,
    seconds: Family<ControllerLabel, Histogram, fn() -> Histogram>,
    leader: Gauge,
    /// What they find.
    pub(crate) production: ProductionMetrics,
}

impl ReconcileMetrics {
    /// Metrics and the registry that renders them.
    pub fn new() -> (Self, Arc<Registry>) {
        let metrics = Self {
            reconciles: Family::default(),
            seconds: Family::new_with_constructor(|| {
                Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
            }),
            leader: Gauge::default(),
            production: ProductionMetrics::default(),
        };
        let mut registry = Registry::with_prefix("complaint_operator");
        registry.register(
            "reconciles",
            "Reconciles by controller and result",
            metrics.reconciles.clone(),
        );
        registry.register(
            "reconcile_seconds",
            "Time of successful reconciles",
            metrics.seconds.clone(),
        );
        registry.register("leader", "1 while this process is the leader", metrics.leader.clone());
        registry.register(
            "classifier_drifted",
            "1 while the traffic of a classifier with spec.monitoring has drifted, else 0",
            metrics.production.drifted.clone(),
        );
        registry.register(
            "classifier_estimated_accuracy",
            "Share of right answers in the last window that was judged, estimated without labels",
            metrics.production.estimated.clone(),
        );
        registry.register(
            "classifier_measured_accuracy",
            "Share of answers that corrections which were drawn beforehand say to be right",
            metrics.production.measured.clone(),
        );
        (metrics, Arc::new(registry))
    }

    /// Counts one reconcile; only successful ones are timed.
    pub fn observe(&self, controller: &'static str, error: Option<&'static str>, took: Duration) {
        self.reconciles
            .get_or_create(&ReconcileLabels {
                controller,
                result: error.unwrap_or("ok"),
            })
            .inc();
        if error.is_none() {
            self.seconds
                .get_or_create(&ControllerLabel { controller })
                .observe(took.as_secs_f64());
        }
    }

    /// Sets whether this process is the leader.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }
}
