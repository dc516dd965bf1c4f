//! The server's Prometheus metrics.
//!
//! Every label set is bounded: routes are the router's own templates (never the path that a client sent), status codes
//! are the server's own, and only the first [`MAX_CATEGORIES`] categories get a series each.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use complaint_contract::statistics::LATENCY_BORDERS;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::core::collection::series::{CaptureSeries, FeedbackSeries};

/// Number of categories with a series of their own, over all models that a process serves. All further categories share
/// [`OTHER`].
pub const MAX_CATEGORIES: usize = 200;
/// The value of the label `category` for all categories beyond [`MAX_CATEGORIES`].
pub const OTHER: &str = "other";
/// Maximum length of the label `category` in characters. Longer values are cut and end in an ellipsis.
pub const MAX_CATEGORY_LENGTH: usize = 100;

/// Labels of the request metrics.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CategoryLabels {
    category: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    name: String,
    digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: Reload,
}

/// The outcome of a request to reload the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the variants are the label's values")]
pub enum Reload {
    /// Another model is now in service.
    swapped,
    /// The model on disk is the one in service.
    unchanged,
    /// The new model can't be used, so the previous one stays in service.
    refused,
}

/// The counters of one route and status.
#[derive(Debug)]
struct RequestSeries {
    status: u16,
    requests: Counter,
    latency: Histogram,
}

/// All metrics of one server, and the registry that encodes them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RequestLabels, Histogram, fn() -> Histogram>,
    /// The same series by route, so counting a request does not build labels.
    series: RwLock<HashMap<String, Vec<RequestSeries>>>,
    in_flight: Gauge,
    categories: Family<CategoryLabels, Counter>,
    /// The values of the label `category` so far, without [`OTHER`].
    named: Mutex<HashSet<String>>,
    model: Family<ModelLabels, Gauge>,
    /// The labels with which [`Metrics::model`] shows the model in service.
    shown: Mutex<Option<ModelLabels>>,
    reloads: Family<ReloadLabels, Counter>,
    needs_review: Counter,
    probability: Histogram,
    unknown_words: Histogram,
    panics: Counter<u64, AtomicU64>,
    /// What became of corrections.
    pub feedback: FeedbackSeries,
    /// What became of answers that were to be captured.
    pub capture: CaptureSeries,
}

impl Metrics {
    /// The metrics of a server that has not answered a request yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a server's metrics are made once, on purpose")]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("complaint_inference");
        let requests = Family::default();
        registry.register("requests", "HTTP requests answered", Family::clone(&requests));
        let latency = Family::new_with_constructor(latency_histogram as fn() -> Histogram);
        registry.register_with_unit(
            "request_duration",
            "Time from a request's header to its answer's header",
            Unit::Seconds,
            latency.clone(),
        );
        let in_flight = Gauge::default();
        registry.register("requests_in_flight", "HTTP requests being answered", in_flight.clone());

        let categories = Family::default();
        registry.register("predictions", "Predictions by category", Family::clone(&categories));
        let needs_review = Counter::default();
        registry.register(
            "predictions_below_threshold",
            "Predictions marked needsReview: their probability is below the category's threshold",
            needs_review.clone(),
        );
        let probability = Histogram::new((1..=20).map(|step| f64::from(step) / 20.0));
        registry.register(
            "prediction_probability",
            "Probability of the predicted category",
            probability.clone(),
        );
        let unknown_words = Histogram::new((0..=10).map(|step| f64::from(step) / 10.0));
        registry.register(
            "unknown_word_share",
            "Share of a complaint's words that the model does not know; a rise means that complaints have changed",
            unknown_words.clone(),
        );
        let panics = Counter::default();
        registry.register(
            "panics",
            "Requests that ended in a panic (a bug of the server)",
            panics.clone(),
        );

        let model = Family::default();
        registry.register("model_info", "The model in service; always 1", Family::clone(&model));
        let reloads = Family::default();
        registry.register(
            "model_reloads",
            "SIGHUPs by what became of them",
            Family::clone(&reloads),
        );
        for outcome in [Reload::swapped, Reload::unchanged, Reload::refused] {
            let _ = reloads.get_or_create_owned(&ReloadLabels { outcome });
        }
        registry.register(
            "build",
            "The server's build",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );

        Self {
            feedback: FeedbackSeries::new(&mut registry),
            capture: CaptureSeries::new(&mut registry),
            registry,
            requests,
            latency,
            series: RwLock::default(),
            in_flight,
            categories,
            named: Mutex::default(),
            model,
            shown: Mutex::default(),
            reloads,
            needs_review,
            probability,
            unknown_words,
            panics,
        }
    }

    /// Adds series that are made when somebody scrapes them.
    pub fn register(&mut self, collector: impl Collector) {
        self.registry.register_collector(Box::new(collector));
    }

    /// Counts a request in flight until the guard is dropped.
    #[must_use]
    pub fn request_started(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    /// Shows this model as the one in service, and returns the counters of its categories in the model's order. All
    /// counters exist from the start, so a category that is never predicted shows as 0 instead of being absent.
    #[must_use]
    pub fn model_served(&self, name: &str, digest: &str, categories: &[String]) -> CategoryCounters {
        let labels = ModelLabels {
            name: name.to_owned(),
            digest: digest.to_owned(),
        };
        self.model.get_or_create(&labels).set(1);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = shown.replace(labels.clone()).filter(|before| *before != labels) {
            self.model.remove(&before);
        }
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = |label: &String| {
            let mut category = short(label);
            if named.len() < MAX_CATEGORIES {
                named.insert(category.clone());
            } else if !named.contains(&category) {
                OTHER.clone_into(&mut category);
            }
            let counter = self.categories.get_or_create_owned(&CategoryLabels {
                category: category.clone(),
            });
            (category, counter)
        };
        CategoryCounters(categories.iter().map(counter).collect())
    }

    /// Records the outcome of a SIGHUP.
    pub fn reloaded(&self, outcome: Reload) {
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
    }

    /// Records a finished request. `route` must come from a fixed set.
    pub fn request_finished(&self, route: &str, status: u16, elapsed: Duration) {
        let count = |series: &RequestSeries| {
            series.requests.inc();
            series.latency.observe(elapsed.as_secs_f64());
        };
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(route).and_then(|all| all.iter().find(|s| s.status == status)) {
            return count(series);
        }
        drop(known);
        let labels = RequestLabels {
            route: route.to_owned(),
            status,
        };
        let series = RequestSeries {
            status,
            requests: self.requests.get_or_create_owned(&labels),
            latency: self.latency.get_or_create_owned(&labels),
        };
        count(&series);
        let mut all = self.series.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(labels.route).or_default().push(series);
    }

    /// Records a prediction. [`CategoryCounters`] count its category.
    pub fn predicted(&self, probability: f64, unknown_word_share: f64, needs_review: bool) {
        if needs_review {
            self.needs_review.inc();
        }
        self.probability.observe(probability);
        self.unknown_words.observe(unknown_word_share);
    }

    /// Records a request that panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Encodes all metrics in the OpenMetrics text format.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(16 << 10);
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        text
    }
}

/// Shortens a category to a label value.
fn short(category: &str) -> String {
    match category.char_indices().nth(MAX_CATEGORY_LENGTH) {
        // Leave room for the ellipsis.
        Some(_) => category
            .chars()
            .take(MAX_CATEGORY_LENGTH - 1)
            .chain(['\u{2026}'])
            .collect(),
        None => category.to_owned(),
    }
}

/// The prediction counters of one model's categories, with the values of their label.
#[derive(Debug)]
pub struct CategoryCounters(Vec<(String, Counter)>);

impl CategoryCounters {
    /// Records a prediction of the category with this index.
    pub fn predicted(&self, category: usize) {
        if let Some((_, counter)) = self.0.get(category) {
            counter.inc();
        }
    }

    /// The value of the label `category` for each category of the model. Several categories may share one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// A request in flight. See [`Metrics::request_started`].
#[derive(Debug)]
pub struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The buckets of the statistics: from 50 µs, because most answers take less than a millisecond, to the default body timeout.
fn latency_histogram() -> Histogram {
    Histogram::new(LATENCY_BORDERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_never_predicted_shows_as_zero() {
        let metrics = Metrics::new();
        let categories = metrics.model_served("cards", "sha256:00", &["Fraud".into(), "Billing".into()]);
        categories.predicted(1);
        metrics.predicted(0.9, 0.25, true);
        metrics.request_finished("/predict", 200, Duration::from_millis(1));
        let text = metrics.encode();
        for line in [
            "complaint_inference_predictions_total{category=\"Fraud\"} 0",
            "complaint_inference_predictions_total{category=\"Billing\"} 1",
            "complaint_inference_predictions_below_threshold_total 1",
            "complaint_inference_requests_total{route=\"/predict\",status=\"200\"} 1",
            "complaint_inference_request_duration_seconds_count{route=\"/predict\",status=\"200\"} 1",
            "complaint_inference_model_info{name=\"cards\",digest=\"sha256:00\"} 1",
            "complaint_inference_unknown_word_share_sum 0.25",
        ] {
            assert!(text.lines().any(|l| l == line), "missing {line} in\n{text}");
        }
    }

    #[test]
    fn one_model_is_shown_and_counters_outlive_it() {
        let metrics = Metrics::new();
        metrics
            .model_served("cards", "sha256:00", &["Fraud".into()])
            .predicted(0);
        let categories = metrics.model_served("cards", "sha256:01", &["Fraud".into(), "Billing".into()]);
        categories.predicted(0);
        let text = metrics.encode();
        assert!(
            text.contains("complaint_inference_model_info{name=\"cards\",digest=\"sha256:01\"} 1"),
            "{text}"
        );
        assert!(!text.contains("sha256:00"), "{text}");
        assert!(text.contains("predictions_total{category=\"Fraud\"} 2"), "{text}");
        assert!(text.contains("predictions_total{category=\"Billing\"} 0"), "{text}");
    }

    #[test]
    fn categories_are_bounded_in_number_and_length() {
        let metrics = Metrics::new();
        let mut labels: Vec<String> = (0..1_000).map(|number| format!("category {number}")).collect();
        labels[0] = "long ".repeat(1_000);
        let categories = metrics.model_served("cards", "sha256:00", &labels);
        for category in [0, 199, 200, 999] {
            categories.predicted(category);
        }
        // Another model with other category names adds no series.
        let others: Vec<String> = (0..300).map(|number| format!("another {number}")).collect();
        metrics.model_served("cards", "sha256:01", &others).predicted(7);
        let text = metrics.encode();
        let series: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("predictions_total{"))
            .collect();
        assert_eq!(series.len(), MAX_CATEGORIES + 1);
        assert!(series.iter().all(|line| line.chars().count() < 200), "{series:?}");
        for line in [
            "complaint_inference_predictions_total{category=\"category 199\"} 1",
            "complaint_inference_predictions_total{category=\"other\"} 3",
        ] {
            assert!(series.contains(&line), "missing {line} in\n{text}");
        }
        assert!(text.contains("long\u{2026}\"} 1"), "{text}");
    }

    #[test]
    fn requests_of_one_route_and_status_add_up() {
        let metrics = Metrics::new();
        for status in [200, 200, 400, 200] {
            metrics.request_finished("/predict", status, Duration::ZERO);
        }
        let text = metrics.encode();
        assert!(
            text.contains("requests_total{route=\"/predict\",status=\"200\"} 3"),
            "{text}"
        );
        assert!(
            text.contains("requests_total{route=\"/predict\",status=\"400\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("request_duration_seconds_count{route=\"/predict\",status=\"200\"} 3"),
            "{text}"
        );
    }

    #[test]
    fn in_flight_falls_when_a_request_is_dropped() {
        let metrics = Metrics::new();
        let guard = metrics.request_started();
        assert!(metrics.encode().contains("complaint_inference_requests_in_flight 1"));
        drop(guard);
        assert!(metrics.encode().contains("complaint_inference_requests_in_flight 0"));
    }
}
