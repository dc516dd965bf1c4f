//! Settings from the chart.

use complaint_contract::Reach;

/// Trainings at once, unless the chart says otherwise.
const MAX_CONCURRENT_TRAININGS: usize = 20;

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
            cluster_domain: "cluster.local".into(),
        }
    }
}
