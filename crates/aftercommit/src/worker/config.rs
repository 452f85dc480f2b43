//! The settings of a worker, and what each is unless said otherwise.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    ArchiveLimits, AsynqBackoff, Clock, Failure, GroupRules, Message, QueueSet, RetryPolicy, SystemClock,
};

use crate::aggregate::Erased;

/// Told about every failed attempt, before its outcome is decided.
pub(super) type FailureHook = Arc<dyn Fn(&Message, &Failure) + Send + Sync>;

/// How a worker aggregates groups.
#[derive(Debug, Clone)]
pub(super) struct Aggregating {
    pub(super) rules: GroupRules,
    pub(super) aggregator: Erased,
}

/// The settings of a worker.
pub(super) struct Config {
    pub(super) concurrency: usize,
    pub(super) queues: QueueSet,
    pub(super) retry_policy: Arc<dyn RetryPolicy>,
    pub(super) failure_hook: Option<FailureHook>,
    pub(super) lease: Duration,
    pub(super) shutdown_timeout: Duration,
    pub(super) max_recoveries: u32,
    pub(super) archive: ArchiveLimits,
    pub(super) aggregating: Option<Aggregating>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) seed: Option<u64>,
}

impl Config {
    /// How many tasks run at once.
    pub(super) const DEFAULT_CONCURRENCY: usize = 10;
    /// The most tasks at once; more than a process can serve, and few enough to count with.
    pub(super) const MAX_CONCURRENCY: usize = 100_000;
    /// How long a lease lasts unless extended: a worker that dies without a trace holds its tasks this long.
    pub(super) const DEFAULT_LEASE: Duration = Duration::from_secs(30);
    /// The shortest lease; shorter ones are lost to an ordinary pause.
    pub(super) const MIN_LEASE: Duration = Duration::from_secs(1);
    /// How long running tasks may go on after a stop was asked for.
    pub(super) const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);
    /// How often a task is taken back from a dead worker before that counts as a failure.
    pub(super) const DEFAULT_MAX_RECOVERIES: u32 = 3;

    /// The shortest grace period of a group; the times in groups may have the precision of seconds.
    pub(super) const MIN_GRACE_PERIOD: Duration = Duration::from_secs(1);
    /// The shortest time to aggregate a batch.
    pub(super) const MIN_GROUP_HOLD: Duration = Duration::from_secs(5);

    /// How often a worker says that it is alive and extends its leases.
    pub(super) fn beat(&self) -> Duration {
        (self.lease / 3).min(Duration::from_secs(3))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            concurrency: Self::DEFAULT_CONCURRENCY,
            queues: QueueSet::default(),
            retry_policy: Arc::new(AsynqBackoff),
            failure_hook: None,
            lease: Self::DEFAULT_LEASE,
            shutdown_timeout: Self::DEFAULT_SHUTDOWN_TIMEOUT,
            max_recoveries: Self::DEFAULT_MAX_RECOVERIES,
            archive: ArchiveLimits::default(),
            aggregating: None,
            clock: Arc::new(SystemClock),
            seed: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("concurrency", &self.concurrency)
            .field("queues", &self.queues)
            .field("retry_policy", &self.retry_policy)
            .field("lease", &self.lease)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .field("max_recoveries", &self.max_recoveries)
            .field("archive", &self.archive)
            .field("aggregating", &self.aggregating)
            .finish_non_exhaustive()
    }
}
