//! The worker: loops that share nothing but the table of attempts, the slots and the channels made here.
//!
//! ```text
//!             dequeue           slot             outcome           settle
//!   queues ─▶ fetcher ─fetched▶ runner ─attempt▶ runner ─finished▶ settler ─▶ store
//!                │                                                    │
//!                └──────────▶ table of attempts ◀─────────────────────┘
//!                        ▲ extended by the heartbeater, stopped by the subscriber
//!   beside them, on the store alone: forwarder, recoverer, janitor
//! ```

mod attempt;
mod builder;
mod config;
mod fetcher;
mod forwarder;
mod health;
mod heartbeater;
mod inflight;
mod janitor;
mod lifecycle;
mod periodic;
mod preflight;
mod recoverer;
mod runner;
mod settler;
mod slots;
mod subscriber;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aftercommit_core::{Backend, Error, QueueName, Result, Timestamp, Wake, WorkerId};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use attempt::Attempt;
use attempt::StopReason;
pub use builder::WorkerBuilder;
use config::Config;
use fetcher::Fetcher;
use forwarder::Forwarder;
use health::StoreHealth;
use heartbeater::Heartbeater;
use inflight::InFlight;
use janitor::Janitor;
use lifecycle::Phase;
pub use lifecycle::StopHandle;
use periodic::Periodic;
use recoverer::Recoverer;
use runner::Runner;
use settler::Settler;
use slots::Slots;

use crate::router::{Router, Routes};
use crate::telemetry;

/// How long a stopping worker tries to write down its last outcomes if the store is away.
const SETTLE_GRACE: Duration = Duration::from_secs(5);

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
    /// [`Error::LoopDied`] if one of the worker's loops panicked; the others were stopped then.
    pub async fn run(self) -> Result<()> {
        let Self { shared, stop } = self;
        let _cut_off = StopOnDrop(Arc::clone(&shared));
        preflight::run(&shared).await;
        telemetry::starting();
        let mut loops = Loops::start(&shared, &stop);
        let ended = loops.watch(&stop).await;
        telemetry::shutting_down(shared.slots.running());
        loops.finish(&shared).await;
        telemetry::stopped();
        ended
    }
}

/// Stops every handler when the worker's future is dropped: nobody would extend their leases.
struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.inflight.stop_all(StopReason::Shutdown);
    }
}

/// The running loops.
struct Loops {
    /// Those that end by themselves when the worker drains.
    front: JoinSet<&'static str>,
    /// Those that go on until everything is written down.
    back: JoinSet<&'static str>,
    give_up: CancellationToken,
    done: CancellationToken,
}

impl Loops {
    fn start(shared: &Arc<Shared>, stop: &StopHandle) -> Self {
        let (give_up, done) = (CancellationToken::new(), CancellationToken::new());
        let (fetched_in, fetched) = mpsc::channel(shared.config.concurrency + fetcher::MAX_PREFETCH);
        let (finished_in, finished) = mpsc::channel(settler::BACKLOG);
        let (present_in, present) = watch::channel(false);
        let queues: Arc<[QueueName]> = shared.config.queues.names().cloned().collect();
        let phases = || stop.phases();
        let backend = || Arc::clone(&shared.backend);
        let shared_again = || Arc::clone(shared);
        let periodic = |interval, wakes| Periodic {
            interval,
            wakes,
            phases: stop.phases(),
            health: Arc::clone(&shared.health),
        };

        let mut front = JoinSet::new();
        let fetcher = Fetcher { shared: shared_again(), fetched: fetched_in, present, phases: phases() };
        let mut quiet_until_drained = phases();
        front.spawn(async move {
            fetcher.run().await;
            quiet_until_drained.reached(Phase::Draining).await;
            "fetcher"
        });
        let runner = Runner { shared: shared_again(), fetched, finished: finished_in, phases: phases() };
        front.spawn(named("runner", runner.run()));
        let forwarder = Forwarder {
            backend: backend(),
            queues: Arc::clone(&queues),
            clock: Arc::clone(&shared.config.clock),
        };
        let wakes = shared.backend.wakes(Wake::Due, &queues);
        front.spawn(named("forwarder", periodic(forwarder::INTERVAL, Some(wakes)).run(forwarder)));
        let recoverer = Recoverer { shared: shared_again(), queues: Arc::clone(&queues) };
        front.spawn(named("recoverer", periodic(recoverer::INTERVAL, None).run(recoverer)));
        let janitor = Janitor { backend: backend(), queues };
        front.spawn(named("janitor", periodic(janitor::INTERVAL, None).run(janitor)));
        front.spawn(named("subscriber", subscriber::run(shared_again(), phases())));

        let mut back = JoinSet::new();
        let settler = Settler { shared: shared_again(), finished, give_up: give_up.clone() };
        back.spawn(named("settler", settler.run()));
        let heartbeater =
            Heartbeater { shared: shared_again(), present: present_in, phases: phases(), done: done.clone() };
        back.spawn(named("heartbeater", heartbeater.run()));
        Self { front, back, give_up, done }
    }

    /// Waits until a stop is asked for, or a loop dies; then all the others are asked to stop.
    async fn watch(&mut self, stop: &StopHandle) -> Result<()> {
        let mut phases = stop.phases();
        let died = tokio::select! {
            () = phases.reached(Phase::Draining) => return Ok(()),
            Some(ended) = self.front.join_next() => ended,
            Some(ended) = self.back.join_next() => ended,
        };
        if phases.now() >= Phase::Draining && died.is_ok() {
            return Ok(());
        }
        stop.shutdown();
        Err(Error::LoopDied(died.unwrap_or("loop (it panicked)")))
    }

    /// Waits for the attempts, then for their outcomes, and lets the heartbeater sign off.
    async fn finish(mut self, shared: &Shared) {
        while self.front.join_next().await.is_some() {}
        let give_up = self.give_up.clone();
        let grace = tokio::spawn(async move {
            tokio::time::sleep(SETTLE_GRACE).await;
            give_up.cancel();
        });
        // A stuck handler still holds a sender, so the channel may never close: the grace ends the wait.
        tokio::select! {
            _ = self.back.join_next() => {}
            () = self.give_up.cancelled() => {}
        }
        grace.abort();
        shared.inflight.stop_all(StopReason::Shutdown);
        self.done.cancel();
        let _ = tokio::time::timeout(SETTLE_GRACE, async { while self.back.join_next().await.is_some() {} })
            .await;
    }
}

async fn named(name: &'static str, body: impl Future<Output = ()>) -> &'static str {
    body.await;
    name
}
