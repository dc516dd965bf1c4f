//! The statistics that Prometheus reads beside the counters of [`crate::core::metrics`]. They are sums that exist already, so
//! they cost nothing until somebody scrapes them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::core::app::Served;
use crate::core::statistics::now;

/// What the model in service estimates of its own answers, if it has estimating probabilities. The sums begin at 0 with each model.
#[derive(Debug)]
pub struct Estimates {
    served: Arc<ArcSwap<Served>>,
}

/// Sums of one value of the label `category`.
#[derive(Default)]
struct Sums {
    probability: f64,
    correct: f64,
}

impl Estimates {
    /// The series for the model that is in service whenever somebody scrapes.
    #[must_use]
    pub fn of(served: Arc<ArcSwap<Served>>) -> Self {
        Self { served }
    }
}

impl Collector for Estimates {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let served = self.served.load();
        if !served.engine.estimates() {
            return Ok(());
        }
        let total = served.tally.total(now());
        let mut categories: BTreeMap<&str, Sums> = BTreeMap::new();
        for (category, name) in served.category_names().enumerate() {
            let sums = categories.entry(name).or_default();
            sums.probability += total.probability[category];
            sums.correct += total.won_probability[category];
        }
        counter(
            &mut encoder,
            "estimated_answers",
            "Sum of each category's estimating probability over all answers: how many complaints of it to expect",
            categories.iter().map(|(name, sums)| (*name, sums.probability)),
        )?;
        counter(
            &mut encoder,
            "estimated_correct",
            "Sum of the estimating probability over the answers of each category: how many of them to expect to be right",
            categories.iter().map(|(name, sums)| (*name, sums.correct)),
        )?;
        let Some(reference) = served.engine.reference() else {
            return Ok(());
        };
        let help = "Accuracy on the rows that were held out when the model was trained: estimated, and by their labels";
        let mut family = encoder.encode_descriptor("reference_accuracy", help, None, MetricType::Gauge)?;
        for (source, accuracy) in [
            ("estimated", reference.accuracy.expected),
            ("measured", reference.accuracy.measured),
        ] {
            family.encode_family(&[("source", source)])?.encode_gauge(&accuracy)?;
        }
        Ok(())
    }
}

/// Writes a counter that has a value for each category.
fn counter<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (&'a str, f64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (category, value) in values {
        family
            .encode_family(&[("category", category)])?
            .encode_counter::<NoLabelSet, _, u64>(&value, None)?;
    }
    Ok(())
}
