//! What schedulers tell operators about themselves: their entries, and what they have enqueued. The
//! records are for eyes; nothing is decided by them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Page, Result, SchedulerId, TaskId, Timestamp};

/// Keeps the records of schedulers.
#[async_trait]
pub trait Schedules: Send + Sync + 'static {
    /// Says which entries a scheduler has, all of them, in place of those it said before; believed for `ttl`.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn announce(&self, scheduler: &SchedulerId, entries: &[ScheduleEntry], ttl: Duration)
    -> Result<()>;

    /// Says that a scheduler is gone, and forgets what its entries have enqueued, except those that another
    /// scheduler has too. A scheduler that nobody knows is no fault.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn withdraw(&self, scheduler: &SchedulerId) -> Result<()>;

    /// The entries of every scheduler believed alive: by name of the scheduler, and in the order it gave them.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn entries(&self) -> Result<Vec<ScheduleEntry>>;

    /// Writes down that an entry has enqueued a task. Of an entry the newest [`MAX_ENQUEUE_EVENTS`] are kept,
    /// until nothing has been written down of it for [`ENQUEUE_EVENTS_LIFE`]: a scheduler that dies does not
    /// leave them for ever.
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

/// How long the events of an entry are kept after the last of them was written down.
pub const ENQUEUE_EVENTS_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

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
