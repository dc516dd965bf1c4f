//! What all requests share: the model in service, the limits, the metrics, and whether the server wants more work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::core::engine::{Answer, Engine};
use crate::core::limits::Limits;
use crate::core::memory::Memory;
use crate::core::metrics::{CategoryCounters, Metrics};
use crate::core::refusal::Refusal;
use crate::core::tokens::Tokens;

/// A server's state. One for the life of the process.
#[derive(Debug)]
pub struct App {
    /// What clients may ask for at most.
    pub limits: Limits,
    /// What Prometheus may ask.
    pub metrics: Metrics,
    /// Who may ask; everybody when absent.
    pub tokens: Option<Tokens>,
    /// What bodies and answers share.
    pub memory: Memory,
    served: ArcSwap<Served>,
    places: Arc<Semaphore>,
    draining: AtomicBool,
}

/// The model in service, with all that changes when another takes its place.
#[derive(Debug)]
pub struct Served {
    /// The model.
    pub engine: Engine,
    /// Its training report, where it came with one.
    pub report: Option<Bytes>,
    /// `sha256:` and the digits.
    pub digest: String,
    shared_digest: Bytes,
    categories: CategoryCounters,
}

impl Served {
    fn new(engine: Engine, report: Option<Bytes>, metrics: &Metrics) -> Self {
        let digest = engine.digest().prefixed();
        Self {
            shared_digest: Bytes::copy_from_slice(digest.as_bytes()),
            categories: metrics.model_served(engine.name(), &digest, engine.labels()),
            digest,
            report,
            engine,
        }
    }

    /// The digest, in memory that all requests share.
    #[must_use]
    pub fn shared_digest(&self) -> Bytes {
        self.shared_digest.clone()
    }
}

impl App {
    /// The state of a server for this model, ready from the start; open to everybody.
    #[must_use]
    pub fn new(engine: Engine, report: Option<Bytes>, limits: Limits) -> Self {
        let metrics = Metrics::new();
        Self {
            served: ArcSwap::from_pointee(Served::new(engine, report, &metrics)),
            metrics,
            places: Arc::new(Semaphore::new(limits.max_concurrency.min(Semaphore::MAX_PERMITS))),
            draining: AtomicBool::new(false),
            tokens: None,
            memory: Memory::new(limits.bytes_in_flight()),
            limits,
        }
    }

    /// The model that answers a request which arrives now. The request keeps it to its end, whatever happens meanwhile.
    #[must_use]
    pub fn served(&self) -> Arc<Served> {
        self.served.load_full()
    }

    /// Puts another model into service: requests that arrive from now on get it.
    pub fn serve(&self, engine: Engine, report: Option<Bytes>) {
        self.served.store(Arc::new(Served::new(engine, report, &self.metrics)));
    }

    /// A place among the requests in flight, or the refusal. Nobody waits: a queue that grows only makes every answer
    /// late.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when all places are taken.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| Refusal::Overloaded {
            limit: self.limits.max_concurrency,
        })
    }

    pub(crate) fn count(&self, served: &Served, answer: &Answer) {
        let (category, probability) = answer.ranking[0];
        served.categories.predicted(category);
        self.metrics.predicted(
            probability.into(),
            answer.unknown_word_share.into(),
            answer.needs_review,
        );
    }

    /// Turns readiness off, for good. Requests are still answered, each as the last one of its connection.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the server is on its way out.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
