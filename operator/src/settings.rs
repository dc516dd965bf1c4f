//! Settings from the chart.

use complaint_contract::Reach;
use jiff::SignedDuration;

/// Trainings at once, unless the chart says otherwise.
const MAX_CONCURRENT_TRAININGS: usize = 20;
/// How long a notice of deletion stands, unless the chart says otherwise.
const RETENTION_NOTICE: SignedDuration = SignedDuration::from_hours(24);

/// Pause between two looks at a classifier's pods, unless the chart says otherwise.
const MONITORING_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// What the operator needs to know to build pods and claims.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Image of the trainer.
    #[arg(long, env = "TRAINER_IMAGE", default_value = concat!("complaint-trainer:", env!("CARGO_PKG_VERSION")))]
    pub trainer_image: String,
    /// Image of the inference server.
    #[arg(long, env = "INFERENCE_IMAGE", default_value = concat!("complaint-inference:", env!("CARGO_PKG_VERSION")))]
    pub inference_image: String,
    /// Pull policy of both images.
    #[arg(long, env = "IMAGE_PULL_POLICY", default_value = "IfNotPresent", value_parser = ["Always", "IfNotPresent", "Never"])]
    pub image_pull_policy: String,
    /// Storage class of the claims that the operator makes; unset: the cluster's default.
    #[arg(long, env = "STORAGE_CLASS")]
    pub storage_class: Option<String>,
    /// Size of the claims that the operator makes.
    #[arg(long, env = "STORAGE_SIZE", default_value = "1Gi")]
    pub storage_size: String,
    /// Access mode of the claims that the operator makes. With ReadWriteOnce all pods of a classifier share one node.
    #[arg(long, env = "STORAGE_ACCESS_MODE", default_value = "ReadWriteOnce",
          value_parser = ["ReadWriteOnce", "ReadWriteMany"])]
    pub storage_access_mode: String,
    /// Which addresses the trainer may reach for data sets and stores that users name: same-host (no redirect to another host,
    /// no loopback or link-local address, no metadata service), any-host (redirects are followed), or anywhere (the sandbox).
    #[arg(long, env = "TRAINER_REACH", default_value_t = Reach::SameHost)]
    pub trainer_reach: Reach,
    /// Most trainings at once in all namespaces; others wait for their turn, and namespaces take turns. 0: any number.
    #[arg(long, env = "MAX_CONCURRENT_TRAININGS", default_value_t = MAX_CONCURRENT_TRAININGS)]
    pub max_concurrent_trainings: usize,
    /// How long before the first deletion an Event announces what new settings of spec.retention would delete, such as 24h or
    /// 30m. 0s: not at all.
    #[arg(long, env = "RETENTION_NOTICE", default_value = "24h", value_parser = not_negative)]
    pub retention_notice: SignedDuration,
    /// How often the pods of a classifier with spec.monitoring are read, such as 30s or 1m.
    #[arg(long, env = "MONITORING_INTERVAL", default_value = "30s", value_parser = positive)]
    pub monitoring_interval: SignedDuration,
    /// DNS domain of the cluster, for the URL in a classifier's status.
    #[arg(long, env = "CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trainer_image: concat!("complaint-trainer:", env!("CARGO_PKG_VERSION")).into(),
            inference_image: concat!("complaint-inference:", env!("CARGO_PKG_VERSION")).into(),
            image_pull_policy: "IfNotPresent".into(),
            storage_class: None,
            storage_size: "1Gi".into(),
            storage_access_mode: "ReadWriteOnce".into(),
            trainer_reach: Reach::SameHost,
            max_concurrent_trainings: MAX_CONCURRENT_TRAININGS,
            retention_notice: RETENTION_NOTICE,
            monitoring_interval: MONITORING_INTERVAL,
            cluster_domain: "cluster.local".into(),
        }
    }
}

/// A time of zero or more.
fn not_negative(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<SignedDuration>() {
        Ok(duration) if !duration.is_negative() => Ok(duration),
        _ => Err("write hours, minutes and seconds, such as 24h, 1h30m or 0s".into()),
    }
}

/// A time of a second or more.
fn positive(text: &str) -> Result<SignedDuration, String> {
    let duration = not_negative(text)?;
    (duration.as_secs() > 0)
        .then_some(duration)
        .ok_or_else(|| "write a second or more, such as 30s".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_a_time_of_zero_or_more() {
        let seconds = |text| not_negative(text).map(|duration| duration.as_secs());
        let cases = [
            ("24h", 86_400),
            ("1h30m", 5_400),
            ("90m", 5_400),
            ("0s", 0),
            ("999999h", 3_599_996_400),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "24", "-1h", "1d", "1y", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(not_negative("24h"), Ok(Settings::default().retention_notice));
    }
}
