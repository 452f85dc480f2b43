//! A memory broker on tokio's clock, a client, and workers to start on it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercommit::{
    Backend, Client, Enqueued, Failure, FailureKind, Fixed, HandlerError, QueueName, Result, Router,
    StopHandle, Task, TaskInfo, TaskState, Timestamp, Worker, WorkerBuilder,
};
use aftercommit_testing::{MemoryBackend, TokioClock};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

/// A store with nobody working on it.
pub(crate) struct Bench {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) clock: Arc<TokioClock>,
    pub(crate) client: Client,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(TokioClock::new());
        let memory = Arc::new(MemoryBackend::new(Arc::clone(&clock) as _));
        Self::over(memory, clock)
    }

    pub(crate) fn over(backend: Arc<dyn Backend>, clock: Arc<TokioClock>) -> Self {
        let client = Client::from_dyn(Arc::clone(&backend)).with_clock(Arc::clone(&clock) as _);
        Self { backend, clock, client }
    }

    pub(crate) fn worker<S: Send + Sync + 'static>(&self, router: Router<S>) -> WorkerBuilder {
        self.worker_over(Arc::clone(&self.backend), router)
    }

    /// A worker that reaches the store in another way than the test does.
    pub(crate) fn worker_over<S>(&self, backend: Arc<dyn Backend>, router: Router<S>) -> WorkerBuilder
    where
        S: Send + Sync + 'static,
    {
        Worker::builder_dyn(backend, router)
            .clock(Arc::clone(&self.clock) as _)
            .retry_policy(Fixed(Duration::from_secs(60)))
            .seed(1)
    }

    pub(crate) fn now(&self) -> Timestamp {
        aftercommit::Clock::now(self.clock.as_ref())
    }

    /// The task as it is now; `None` once it is gone.
    pub(crate) async fn task(&self, enqueued: &Enqueued) -> Option<TaskInfo> {
        self.backend.get(&enqueued.queue, &enqueued.id).await.unwrap()
    }

    /// Waits, in virtual time, until the task is in this state.
    pub(crate) async fn reaches(&self, enqueued: &Enqueued, state: TaskState) -> TaskInfo {
        for _ in 0..300_000 {
            if let Some(task) = self.task(enqueued).await
                && task.state == state
            {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("task {} never became {state}", enqueued.id);
    }

    /// Waits, in virtual time, until the task is gone.
    pub(crate) async fn is_done(&self, enqueued: &Enqueued) {
        self.is_done_within(enqueued, Duration::from_secs(100)).await;
    }

    pub(crate) async fn is_done_within(&self, enqueued: &Enqueued, limit: Duration) {
        let begun = self.now();
        while self.now().since(begun) < limit {
            if self.task(enqueued).await.is_none() {
                return;
            }
            tokio::time::sleep(limit / 50_000).await;
        }
        panic!("task {} was never done", enqueued.id);
    }

    pub(crate) async fn counts(&self, queue: &str) -> (u64, u64) {
        let info = self.backend.queue(&QueueName::new(queue).unwrap()).await.unwrap().unwrap();
        (info.processed, info.failed)
    }
}

/// A worker that runs.
pub(crate) struct Running {
    pub(crate) stop: StopHandle,
    pub(crate) ended: JoinHandle<Result<()>>,
}

pub(crate) fn start(builder: WorkerBuilder) -> Running {
    let worker = builder.build().unwrap();
    Running { stop: worker.stop_handle(), ended: tokio::spawn(worker.run()) }
}

impl Running {
    pub(crate) async fn shut_down(self) {
        self.stop.shutdown();
        self.ended.await.unwrap().unwrap();
    }

    /// Ends the worker as a crash would: nothing is said to the store.
    pub(crate) async fn crash(self) {
        self.ended.abort();
        let _ = self.ended.await;
    }
}

/// A payload for every test.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) text: String,
}

impl Task for Note {
    const TYPE: &'static str = "note:take";
}

pub(crate) fn note(text: &str) -> Note {
    Note { text: text.to_owned() }
}

/// What handlers did, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) async fn reaches(&self, count: usize) -> Vec<String> {
        for _ in 0..100_000 {
            if self.entries().len() >= count {
                return self.entries();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("only {:?} happened", self.entries());
    }
}

/// The kinds of failure a worker reported.
pub(crate) fn failures(builder: WorkerBuilder) -> (WorkerBuilder, Arc<Mutex<Vec<FailureKind>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    (builder.on_failure(move |_, failure: &Failure| sink.lock().unwrap().push(failure.kind)), seen)
}

/// A handler's result with an error of any kind.
pub(crate) type HandlerResult = std::result::Result<(), HandlerError>;
