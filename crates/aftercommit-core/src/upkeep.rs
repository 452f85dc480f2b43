//! What keeps a store in order: due tasks forwarded, lost ones found, old ones deleted.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Leased, OrphanCause, QueueName, Result, Timestamp};

/// What has to be done from time to time by somebody, and may be done by anybody.
#[async_trait]
pub trait Upkeep: Send + Sync + 'static {
    /// Looks at the store itself before a worker relies on it. What may cost tasks, in the way it is set up, is
    /// logged as a warning that says what to change.
    ///
    /// # Errors
    /// If the store cannot be reached, or is one that this back-end cannot work with.
    async fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Moves at most `limit` due tasks (scheduled and retry) of these queues to pending, earliest first,
    /// and says when the next one is due. A task of a group joins its group instead, as if it were enqueued now.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded>;

    /// At most `limit` active tasks of these queues that are nobody's. They are left as they are: settle
    /// them with the lease that comes with each. What cannot be read is not among them: the store archives
    /// it, with the reason, and drops ids without a task, so that neither blocks the others.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>>;

    /// Deletes at most `limit` completed tasks of these queues whose retention is over, and says how many.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize>;

    /// Deletes at most `limit` archived tasks of these queues that are beyond the limits, the oldest of each
    /// queue first, with their unique locks, and says how many.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn trim_archive(&self, queues: &[QueueName], limits: &ArchiveLimits, limit: usize)
    -> Result<usize>;
}

/// How much of the past an archive keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// At most this many tasks in each queue.
    pub max_tasks: usize,
    /// No task that was archived this long ago, or longer.
    pub max_age: Duration,
}

impl Default for ArchiveLimits {
    /// 10,000 tasks and 90 days, as asynq has it.
    fn default() -> Self {
        Self { max_tasks: 10_000, max_age: Duration::from_secs(90 * 24 * 60 * 60) }
    }
}

/// What a forward did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded {
    /// How many tasks are pending, or wait in a group, that did not.
    pub moved: usize,
    /// When the next waiting task is due (it may be overdue, if `moved` reached the limit).
    pub next_due: Option<Timestamp>,
}

/// An active task that is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The task with the lease as it stands.
    pub leased: Leased,
    /// Why it is nobody's.
    pub cause: OrphanCause,
}
