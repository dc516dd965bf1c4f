//! The state that all requests share: the model in service, the limits, the metrics, and whether the server is
//! draining.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::core::collection::capture::Capture;
use crate::core::collection::captured::Captured;
use crate::core::collection::feedback::Feedback;
use crate::core::engine::{Answer, Engine, Ranked};
use crate::core::limits::Limits;
use crate::core::memory::Memory;
use crate::core::metrics::{CategoryCounters, Metrics};
use crate::core::refusal::Refusal;
use crate::core::statistics::{Estimates, StatisticsOptions, Tally, now};
use crate::core::tokens::Tokens;

/// A server's state. The process has one, which lives as long as the process.
#[derive(Debug)]
pub struct App {
    /// The limits on client requests.
    pub limits: Limits,
    /// The metrics that Prometheus scrapes.
    pub metrics: Metrics,
    /// The accepted bearer tokens. `None` leaves the server open to everybody.
    pub tokens: Option<Tokens>,
    /// Takes corrections, if the server collects them.
    pub feedback: Option<Feedback>,
    /// Lists captured answers, if the server collects corrections.
    pub captured: Option<Captured>,
    /// Captures answers, if the server is asked to.
    pub capture: Option<Capture>,
    /// The memory budget that request bodies and responses share.
    pub memory: Memory,
    statistics: StatisticsOptions,
    served: Arc<ArcSwap<Served>>,
    places: Arc<Semaphore>,
    draining: AtomicBool,
}

/// The model in service, with everything that changes when another model replaces it.
#[derive(Debug)]
pub struct Served {
    /// The model.
    pub engine: Engine,
    /// Its training report, if it came with one.
    pub report: Option<Bytes>,
    /// The model's digest: `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// What it has answered.
    pub tally: Tally,
    shared_digest: Bytes,
    categories: CategoryCounters,
}

impl Served {
    fn new(engine: Engine, report: Option<Bytes>, metrics: &Metrics, statistics: &StatisticsOptions) -> Self {
        let digest = engine.digest().prefixed();
        Self {
            shared_digest: Bytes::copy_from_slice(digest.as_bytes()),
            categories: metrics.model_served(engine.name(), &digest, engine.labels()),
            tally: Tally::new(&engine, statistics, now()),
            digest,
            report,
            engine,
        }
    }

    /// The values of the label `category` for the model's categories.
    pub fn category_names(&self) -> impl Iterator<Item = &str> {
        self.categories.names()
    }

    /// The digest, in memory that all requests share.
    #[must_use]
    pub fn shared_digest(&self) -> Bytes {
        self.shared_digest.clone()
    }
}

impl App {
    /// Creates the state of a server for this model. The server is ready from the start and open to everybody.
    #[must_use]
    pub fn new(engine: Engine, report: Option<Bytes>, limits: Limits, statistics: StatisticsOptions) -> Self {
        let mut metrics = Metrics::new();
        let served = Arc::new(ArcSwap::from_pointee(Served::new(
            engine,
            report,
            &metrics,
            &statistics,
        )));
        metrics.register(Estimates::of(Arc::clone(&served)));
        Self {
            statistics,
            served,
            metrics,
            places: Arc::new(Semaphore::new(limits.max_concurrency.min(Semaphore::MAX_PERMITS))),
            draining: AtomicBool::new(false),
            tokens: None,
            feedback: None,
            captured: None,
            capture: None,
            memory: Memory::new(limits.bytes_in_flight()),
            limits,
        }
    }

    /// The model that answers a request that arrives now. The request keeps this model until it ends, even if another
    /// model replaces it in the meantime.
    #[must_use]
    pub fn served(&self) -> Arc<Served> {
        self.served.load_full()
    }

    /// Puts another model into service. Requests that arrive from now on use it.
    pub fn serve(&self, engine: Engine, report: Option<Bytes>) {
        let served = Served::new(engine, report, &self.metrics, &self.statistics);
        self.served.store(Arc::new(served));
    }

    /// Takes one of the `--max-concurrency` slots, or refuses the request. Requests never wait for a slot: a growing
    /// queue only makes every response late.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when all slots are taken.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| Refusal::Overloaded {
            limit: self.limits.max_concurrency,
        })
    }

    /// Counts an answer and, where answers are captured, offers it.
    pub(crate) fn count(&self, served: &Arc<Served>, text: &str, answer: &Answer) {
        let Ranked {
            category, probability, ..
        } = answer.ranking[0];
        served.categories.predicted(category);
        served.tally.answered(now(), answer);
        self.metrics.predicted(
            probability.into(),
            answer.unknown_word_share.into(),
            answer.needs_review,
        );
        if let Some(capture) = &self.capture {
            capture.offer(served, text, answer);
        }
    }

    /// Turns readiness off for good. The server still answers requests, and closes each connection after its next
    /// response.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the server is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
