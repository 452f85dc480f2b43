//! A Redis, a back-end on it, and short words for what the tests do with them.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker as _, Clock as _, Enqueue, Error, LeaseGrant, LeaseLost, Leased, NewTask, Options, Outcome,
    Presence as _, QueueName, QueueOrder, Quota, RawTask, Result, Settlement, TaskType, WorkerId, WorkerInfo,
    WorkerStatus,
};
use aftercommit_redis::{RedisBackend, RedisOptions};
use aftercommit_servers::RedisServer;
use aftercommit_testing::ManualClock;

pub(crate) const LEASE: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) server: RedisServer,
    pub(crate) backend: RedisBackend,
    pub(crate) clock: ManualClock,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (server, clock) = (RedisServer::start().unwrap(), ManualClock::new());
        let backend = backend(&server, &clock);
        Self { server, backend, clock }
    }

    /// Another process on the same Redis.
    pub(crate) fn another(&self) -> RedisBackend {
        backend(&self.server, &self.clock)
    }

    /// A command, past the code under test.
    pub(crate) fn redis(&self, words: &[&str]) -> String {
        self.server.command(words).unwrap()
    }

    /// The same about a key of the queue.
    pub(crate) fn ask(&self, command: &str, key: &str, rest: &[&str]) -> String {
        self.redis(&[&[command, &format!("asynq:{{q}}:{key}")][..], rest].concat())
    }

    /// A key that is somebody else's.
    pub(crate) fn occupy(&self, key: &str) {
        self.ask("SET", key, &["not ours"]);
    }

    pub(crate) fn task(&self, id: &str, options: Options) -> Enqueue {
        let raw = RawTask { task_type: TaskType::new("t").unwrap(), payload: id.to_owned().into() };
        NewTask::from(raw).with(options.queue("q").id(id)).resolve(&Options::new(), self.clock.now()).unwrap()
    }

    pub(crate) async fn put(&self, ids: &[&str]) {
        let batch: Vec<Enqueue> = ids.iter().map(|id| self.task(id, Options::new())).collect();
        assert!(self.backend.enqueue(&batch).await.unwrap().iter().all(std::result::Result::is_ok));
    }

    pub(crate) async fn take(&self, count: usize) -> Result<Vec<Leased>> {
        let grant = LeaseGrant { worker: worker(), duration: LEASE };
        self.backend.dequeue(&[Quota { queue: queue(), count }], &grant).await
    }

    /// The worker that takes tasks says that it is alive, for longer than a test lasts.
    pub(crate) async fn beat(&self) {
        let info = WorkerInfo {
            id: worker(),
            host: "bench".to_owned(),
            pid: 1,
            started_at: self.clock.now(),
            concurrency: 1,
            queues: vec![(queue(), 1)],
            order: QueueOrder::Strict,
            status: WorkerStatus::Active,
            running: Vec::new(),
        };
        self.backend.beat(&info, LEASE * 100).await.unwrap();
    }

    pub(crate) async fn settle(&self, leased: &[(&Leased, Outcome)]) -> Result<Vec<Result<(), LeaseLost>>> {
        let batch: Vec<Settlement> = leased
            .iter()
            .map(|(leased, outcome)| Settlement {
                leased: Arc::new((*leased).clone()),
                outcome: outcome.clone(),
            })
            .collect();
        self.backend.settle(&batch).await
    }
}

fn backend(server: &RedisServer, clock: &ManualClock) -> RedisBackend {
    RedisBackend::new(RedisOptions::parse(&server.url()).unwrap()).with_clock(Arc::new(clock.clone()))
}

pub(crate) fn queue() -> QueueName {
    QueueName::new("q").unwrap()
}

pub(crate) fn worker() -> WorkerId {
    WorkerId::from_stored("bench:1:worker")
}

pub(crate) fn ids(leased: &[Leased]) -> Vec<&str> {
    leased.iter().map(|leased| leased.lease.id.as_str()).collect()
}

/// The error with its causes.
pub(crate) fn chain(error: &Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
