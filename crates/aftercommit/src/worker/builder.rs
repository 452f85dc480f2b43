//! How a worker is put together. Everything that cannot work is said here, before it starts.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    ArchiveLimits, Backend, Clock, Error, Failure, GroupRules, Message, QueueName, QueueOrder, QueueSet,
    Result, RetryPolicy, Task, TaskType, WorkerId,
};

use super::config::{Aggregating, Config};
use super::guarded::Guarded;
use super::inflight::InFlight;
use super::slots::Slots;
use super::{Entropy, Shared, Worker};
use crate::aggregate::{Aggregator, Erased};
use crate::frame::{Reach, StopHandle, StoreHealth};
use crate::router::Routes;

/// Puts a [`Worker`] together.
#[must_use = "call `build` to get the worker"]
#[derive(Debug)]
pub struct WorkerBuilder {
    backend: Arc<dyn Backend>,
    routes: Routes,
    config: Config,
    queues: Vec<(String, i32)>,
    order: QueueOrder,
    required: Vec<&'static str>,
}

impl WorkerBuilder {
    pub(super) fn new(backend: Arc<dyn Backend>, routes: Routes) -> Self {
        Self {
            backend,
            routes,
            config: Config::default(),
            queues: Vec::new(),
            order: QueueOrder::Weighted,
            required: Vec::new(),
        }
    }

    /// How many tasks run at once, at most 100,000; 10 unless set.
    pub const fn concurrency(mut self, concurrency: usize) -> Self {
        self.config.concurrency = concurrency;
        self
    }

    /// Serves a queue with a weight: with `critical` 10 and `default` 5, both full, two tasks in three
    /// come from `critical`. A weight of zero or less means that the queue is ignored. Without any
    /// queue the worker serves `default`.
    pub fn queue(mut self, name: impl Into<String>, weight: i32) -> Self {
        self.queues.push((name.into(), weight));
        self
    }

    /// Serves a lighter queue only while every heavier one is empty.
    pub const fn strict_priority(mut self) -> Self {
        self.order = QueueOrder::Strict;
        self
    }

    /// How long a failed task waits, and what counts as failed; asynq's formula unless set, and where the
    /// policy panics.
    pub fn retry_policy(mut self, policy: impl RetryPolicy) -> Self {
        self.config.retry_policy = Arc::new(Guarded(policy));
        self
    }

    /// Is told about every failed attempt (errors, panics, timeouts, cancellations) in place of the
    /// worker's own log line. A task that was put off or revoked has not failed.
    pub fn on_failure(mut self, hook: impl Fn(&Message, &Failure) + Send + Sync + 'static) -> Self {
        self.config.failure_hook = Some(Arc::new(hook));
        self
    }

    /// How long a lease lasts unless extended, at least a second; 30 s unless set. Leases are extended while the
    /// worker lives, whatever a handler's duration; this is how long the tasks of a lost worker may have to wait.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// How long running tasks may go on after a stop was asked for; 8 s unless set.
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.config.shutdown_timeout = timeout;
        self
    }

    /// How often a task is taken back from a dead worker without that counting as a failed attempt; 3
    /// unless set. Zero makes every loss of a worker a failure, as asynq does.
    pub const fn max_recoveries(mut self, count: u32) -> Self {
        self.config.max_recoveries = count;
        self
    }

    /// Aggregates the groups of the worker's queues: as soon as one is ripe by the rules, the aggregator makes one
    /// task of its tasks. At most three batches are aggregated at once. The grace period is at least a second,
    /// the time to aggregate a batch at least five.
    ///
    /// Without an aggregator the tasks of groups wait for another worker that has one.
    pub fn aggregate(mut self, rules: GroupRules, aggregator: impl Aggregator) -> Self {
        self.config.aggregating = Some(Aggregating { rules, aggregator: Erased::new(aggregator) });
        self
    }

    /// How much the archives of the worker's queues keep; 10,000 tasks each and 90 days unless set. What is
    /// beyond is deleted, oldest first.
    pub const fn archive_limits(mut self, limits: ArchiveLimits) -> Self {
        self.config.archive = limits;
        self
    }

    /// Insists on a handler for tasks of type `T`: a producer in the same program says here what it
    /// enqueues, so that a missing or misspelt handler stops the start and not the task.
    pub fn requires<T: Task>(mut self) -> Self {
        self.required.push(T::TYPE);
        self
    }

    /// Where the time comes from; has to be the back-end's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.config.clock = clock;
        self
    }

    /// Makes the worker's random choices repeatable.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.config.seed = Some(seed);
        self
    }

    /// The worker, ready to run.
    ///
    /// # Errors
    /// [`Error::Assembly`] listing everything that cannot work: no handler at all, two handlers for one
    /// task type, a required type without handler, no slot or too many, a lease that is too short, a bad
    /// queue name.
    pub fn build(self) -> Result<Worker> {
        let mut faults = self.faults();
        let mut queues = Vec::new();
        for (name, weight) in &self.queues {
            match QueueName::new(name) {
                Ok(queue) => queues.push((queue, *weight)),
                Err(error) => faults.push(error.to_string()),
            }
        }
        if !faults.is_empty() {
            return Err(Error::Assembly(faults.join("; ")));
        }
        let mut config = self.config;
        config.queues = QueueSet::new(self.order, queues);
        let host = host_name();
        let shared = Shared {
            id: WorkerId::random(&host, std::process::id()),
            host,
            started_at: config.clock.now(),
            inflight: InFlight::default(),
            slots: Arc::new(Slots::new(config.concurrency)),
            health: Arc::new(StoreHealth::new(Reach { who: "worker", what: "its store" })),
            entropy: Entropy::new(config.seed),
            backend: self.backend,
            routes: self.routes,
            config,
        };
        Ok(Worker { shared: Arc::new(shared), stop: StopHandle::new() })
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.routes.faults().to_vec();
        if self.routes.is_empty() && faults.is_empty() {
            faults.push("the router has no handler".to_owned());
        }
        for required in &self.required {
            let known = TaskType::new(required).is_ok_and(|task_type| self.routes.find(&task_type).is_some());
            if !known {
                faults.push(format!("no handler for task type {required}"));
            }
        }
        if self.config.concurrency == 0 {
            faults.push("concurrency is zero".to_owned());
        }
        if self.config.concurrency > Config::MAX_CONCURRENCY {
            faults.push(format!("concurrency is above {}", Config::MAX_CONCURRENCY));
        }
        if self.config.lease < Config::MIN_LEASE {
            faults.push(format!("the lease is shorter than {:?}", Config::MIN_LEASE));
        }
        if let Some(aggregating) = &self.config.aggregating {
            faults.extend(self.group_faults(&aggregating.rules));
        }
        faults
    }

    fn group_faults(&self, rules: &GroupRules) -> Vec<String> {
        let mut faults = Vec::new();
        if self.backend.groups().is_none() {
            faults.push("there is an aggregator, but the back-end keeps no groups".to_owned());
        }
        if rules.grace_period < Config::MIN_GRACE_PERIOD {
            faults.push(format!("the grace period of groups is shorter than {:?}", Config::MIN_GRACE_PERIOD));
        }
        if rules.hold < Config::MIN_GROUP_HOLD {
            faults
                .push(format!("the time to aggregate a batch is shorter than {:?}", Config::MIN_GROUP_HOLD));
        }
        if rules.max_size == Some(0) {
            faults.push("the size of a batch is zero".to_owned());
        }
        faults
    }
}

/// The machine's name, as operators know it. One that cannot be read is no reason not to work.
fn host_name() -> String {
    hostname::get().ok().and_then(|name| name.into_string().ok()).unwrap_or_else(|| "unknown-host".to_owned())
}
