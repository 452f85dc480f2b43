//! The tasks of a rig, and the workers that run them.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{
    Backend as AnyBackend, Clock, Result, Router, State, StopHandle, Task, TaskContext, Worker, WorkerBuilder,
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Rig, runtime};
use crate::audit::{Ledger, What};
use crate::store::Backend;

/// A handler's payload. `held` ones wait until they are let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    Short,
    Held,
}

impl Task for Job {
    const TYPE: &'static str = "fault:job";
}

/// What the handlers share.
#[derive(Debug, Clone)]
struct Hands {
    ledger: Ledger,
    effort: Duration,
    let_go: watch::Receiver<bool>,
}

async fn handle(State(mut hands): State<Hands>, context: TaskContext, job: Job) {
    hands.ledger.note(context.id().as_str(), What::Started);
    match job {
        Job::Short => tokio::time::sleep(hands.effort).await,
        // The sender lives as long as the test.
        Job::Held => drop(hands.let_go.wait_for(|let_go| *let_go).await),
    }
    hands.ledger.note(context.id().as_str(), What::Finished);
}

/// A worker that runs.
pub(crate) struct Working {
    stop: StopHandle,
    ended: JoinHandle<Result<()>>,
}

impl Working {
    fn begin(builder: WorkerBuilder) -> Self {
        let worker = builder.build().unwrap();
        Self { stop: worker.stop_handle(), ended: tokio::spawn(worker.run()) }
    }

    /// Stops it, and sees that none of its loops had died.
    pub(crate) async fn shut_down(self) {
        self.stop.shutdown();
        self.ended.await.unwrap().unwrap();
    }
}

/// A worker with a runtime of its own, as if it were a process.
pub(crate) struct Process(Runtime);

impl Process {
    /// Ends everything it does at once, without a word to anybody.
    pub(crate) fn kill(self) {
        self.0.shutdown_background();
    }
}

impl Rig {
    /// Starts a worker that shares the client's connections. A short job takes it this long.
    pub(crate) fn work(&self, concurrency: usize, effort: Duration) -> Working {
        self.work_on(self.backend.clone(), concurrency, effort)
    }

    pub(crate) fn work_on(&self, backend: Backend, concurrency: usize, effort: Duration) -> Working {
        let builder = self.worker(Arc::new(backend), concurrency, effort);
        Working::begin(builder)
    }

    /// Starts a worker on a machine whose clock is wrong.
    pub(crate) fn work_by(&self, clock: Arc<dyn Clock>, concurrency: usize, effort: Duration) -> Working {
        let backend = self.another_backend().with_clock_of_this_machine(Arc::clone(&clock));
        Working::begin(self.worker(Arc::new(backend), concurrency, effort).clock(clock))
    }

    /// Starts a worker that calls the store in another way than the client does, on leases of this length.
    pub(crate) fn work_through(&self, backend: Arc<dyn AnyBackend>, lease: Duration) -> Working {
        Working::begin(self.worker(backend, 20, Duration::from_millis(5)).lease(lease))
    }

    /// Starts a worker in a process of its own.
    pub(crate) fn process(&self, concurrency: usize, effort: Duration) -> Process {
        self.process_of(|| {
            self.worker(Arc::new(self.another_backend()), concurrency, effort).build().unwrap()
        })
    }

    /// Starts this worker in a process of its own.
    pub(crate) fn process_of(&self, worker: impl FnOnce() -> Worker) -> Process {
        let runtime = runtime(&self.lines);
        let entered = runtime.enter();
        let worker = worker();
        drop(entered);
        runtime.spawn(worker.run());
        Process(runtime)
    }

    fn worker(&self, backend: Arc<dyn AnyBackend>, concurrency: usize, effort: Duration) -> WorkerBuilder {
        let hands = Hands { ledger: self.ledger.clone(), effort, let_go: self.let_go.subscribe() };
        let router = Router::with_state(hands).route(handle);
        Worker::builder_dyn(backend, router).concurrency(concurrency)
    }

    /// Lets the held jobs come to their end.
    pub(crate) fn let_go(&self) {
        self.let_go.send_replace(true);
    }
}
