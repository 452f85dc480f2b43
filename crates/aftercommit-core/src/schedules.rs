//! What schedulers tell operators about themselves: their entries, and what they have enqueued. The
//! records are for eyes; nothing is decided by them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Page, Result, SchedulerId, TaskId, Timestamp};

/// Keeps the records of schedulers.
#[async_trait]
pub trait Schedules: Send + Sync + 'static {
    /// Says which entries a scheduler has, all of them; believed for `ttl`.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn announce(&self, scheduler: &SchedulerId, entries: &[ScheduleEntry], ttl: Duration)
    -> Result<()>;

    /// Says that a scheduler is gone, and forgets what its entries have enqueued.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn withdraw(&self, scheduler: &SchedulerId) -> Result<()>;

    /// The entries of every scheduler believed alive.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn entries(&self) -> Result<Vec<ScheduleEntry>>;

    /// Writes down that an entry has enqueued a task. At most [`MAX_ENQUEUE_EVENTS`] are kept of an entry.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn record(&self, entry: &str, event: &EnqueueEvent) -> Result<()>;

    /// A page of what an entry has enqueued, newest first.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn events(&self, entry: &str, page: Page) -> Result<Vec<EnqueueEvent>>;
}

/// How many events are kept of an entry.
pub const MAX_ENQUEUE_EVENTS: usize = 1_000;

/// One entry of a scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleEntry {
    /// Names the entry.
    pub id: String,
    /// When it enqueues, as in `*/5 * * * *` or `@every 30s`.
    pub spec: String,
    /// The type of the task it enqueues.
    pub task_type: String,
    /// The payload of that task.
    pub payload: Bytes,
    /// The options of that task, spelled as asynq spells them: `Queue("critical")`, `MaxRetry(3)`.
    pub options: Vec<String>,
    /// When it will enqueue next, if ever.
    pub next_at: Option<Timestamp>,
    /// When it did last, if ever.
    pub previous_at: Option<Timestamp>,
}

/// One task that an entry has enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnqueueEvent {
    /// The task.
    pub task: TaskId,
    /// When.
    pub at: Timestamp,
}
