//! Which workers are alive, what they are doing, and how a cancellation reaches them.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::Stream;

use crate::{QueueName, QueueOrder, Result, TaskId, TaskType, Timestamp};

/// Knows the workers. Optional: a back-end without it recovers by leases alone.
#[async_trait]
pub trait Presence: Send + Sync + 'static {
    /// Says that a worker is alive, and what it does; believed for `ttl`.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn beat(&self, worker: &WorkerInfo, ttl: Duration) -> Result<()>;

    /// Says that a worker is gone.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn leave(&self, worker: &WorkerId) -> Result<()>;

    /// Every worker believed alive.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn workers(&self) -> Result<Vec<WorkerInfo>>;

    /// Asks whichever worker runs this task to stop it. Says nothing about whether one does.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn cancel(&self, queue: &QueueName, id: &TaskId) -> Result<()>;

    /// Every cancellation from now on; the stream lives until dropped.
    fn cancellations(&self) -> Cancellations;
}

/// A stream of cancellations.
pub type Cancellations = Pin<Box<dyn Stream<Item = Cancellation> + Send>>;

/// The wish that a running task be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// The task.
    pub id: TaskId,
    /// Its queue; `None` where the wire does not carry it.
    pub queue: Option<QueueName>,
}

/// Names one worker: unique for each start of each worker, so that nobody has to invent a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(Arc<str>);

impl WorkerId {
    /// A new name, `HOST:PID:UUID`.
    pub fn random(host: &str, pid: u32) -> Self {
        Self(format!("{host}:{pid}:{}", uuid::Uuid::new_v4()).into())
    }

    /// A name read back from a store.
    pub fn from_stored(id: &str) -> Self {
        Self(id.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one scheduler, as a [`WorkerId`] names a worker.
pub type SchedulerId = WorkerId;

/// What a worker says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Its name.
    pub id: WorkerId,
    /// The host it runs on.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How many tasks it runs at once.
    pub concurrency: usize,
    /// The queues it serves, with their weights.
    pub queues: Vec<(QueueName, u32)>,
    /// How it chooses between them.
    pub order: QueueOrder,
    /// Whether it takes tasks.
    pub status: WorkerStatus,
    /// What it is running.
    pub running: Vec<RunningTask>,
}

/// Whether a worker takes tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerStatus {
    /// It does.
    Active,
    /// It finishes what it has and takes no more.
    Quiet,
}

/// One occupied slot of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningTask {
    /// The queue of the task.
    pub queue: QueueName,
    /// The task.
    pub id: TaskId,
    /// Its type.
    pub task_type: TaskType,
    /// When this attempt started.
    pub started_at: Timestamp,
    /// When it will be stopped.
    pub deadline: Timestamp,
}
