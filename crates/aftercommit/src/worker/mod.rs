//! The worker: loops that share nothing but the table of attempts, the slots and the channels made in `loops`.
//!
//! ```text
//!             dequeue           slot             outcome           settle
//!   queues ─▶ fetcher ─fetched▶ runner ─attempt▶ runner ─finished▶ settler ─▶ store
//!                │                                                    │
//!                └──────────▶ table of attempts ◀─────────────────────┘
//!                        ▲ extended by the heartbeater, stopped by the subscriber
//!   beside them, on the store alone: forwarder, recoverer, janitor
//! ```

mod aggregation;
mod aggregator;
mod apart;
mod attempt;
mod builder;
mod config;
mod fetcher;
mod forwarder;
mod guarded;
mod heartbeater;
mod inflight;
mod janitor;
mod loops;
mod preflight;
mod recoverer;
mod runner;
mod settler;
mod slots;
mod subscriber;
mod unaggregated;

use std::sync::{Arc, Mutex, PoisonError};

use aftercommit_core::{Backend, Result, Timestamp, WorkerId};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_util::task::AbortOnDropHandle;

pub(crate) use attempt::Attempt;
use attempt::StopReason;
pub use builder::WorkerBuilder;
use config::Config;
use inflight::InFlight;
use loops::Loops;
use slots::Slots;

use crate::frame::{StopHandle, StoreHealth};
use crate::router::{Router, Routes};
use crate::telemetry;

/// Runs tasks: takes them from its queues, calls their handlers, and writes down what became of them.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    stop: StopHandle,
}

/// What the loops share.
#[derive(Debug)]
struct Shared {
    backend: Arc<dyn Backend>,
    routes: Routes,
    config: Config,
    id: WorkerId,
    host: String,
    started_at: Timestamp,
    inflight: InFlight,
    slots: Arc<Slots>,
    health: Arc<StoreHealth>,
    entropy: Entropy,
}

/// The worker's source of randomness; seeded in tests.
#[derive(Debug)]
struct Entropy(Mutex<StdRng>);

impl Entropy {
    fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed.unwrap_or_else(rand::random))))
    }

    fn next(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }
}

impl Worker {
    /// A worker over a back-end, with the handlers of a router.
    pub fn builder<B: Backend, S: Send + Sync + 'static>(backend: B, router: Router<S>) -> WorkerBuilder {
        WorkerBuilder::new(Arc::new(backend), router.into_routes())
    }

    /// The same over a back-end that is shared.
    pub fn builder_dyn<S: Send + Sync + 'static>(
        backend: Arc<dyn Backend>,
        router: Router<S>,
    ) -> WorkerBuilder {
        WorkerBuilder::new(backend, router.into_routes())
    }

    /// The name under which this worker is seen by others.
    pub fn id(&self) -> &WorkerId {
        &self.shared.id
    }

    /// A handle that stops this worker.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Runs until stopped. A back-end that cannot be reached, at start or later, is waited for.
    ///
    /// Dropping the future ends the worker hard: its handlers are dropped, and its tasks run again
    /// when somebody notices that it is gone.
    ///
    /// # Errors
    /// [`Error::LoopDied`](crate::Error::LoopDied) if one of the worker's loops panicked; the others were stopped then.
    pub async fn run(self) -> Result<()> {
        let Self { shared, stop } = self;
        let _cut_off = StopOnDrop(Arc::clone(&shared));
        telemetry::starting();
        let mut loops = Loops::start(&shared, &stop);
        // Beside the loops: a store that is slow to show its tasks must not delay the start, or a stop.
        let looked = Arc::clone(&shared);
        let _preflight = AbortOnDropHandle::new(tokio::spawn(async move { preflight::run(&looked).await }));
        let watched = loops.watch(&stop).await;
        telemetry::shutting_down(shared.slots.running());
        let finished = loops.finish(&shared).await;
        telemetry::stopped();
        watched.and(finished)
    }
}

/// Stops every handler when the worker's future is dropped: nobody would extend their leases.
struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.inflight.stop_all(StopReason::Shutdown);
    }
}
