//! How a relay hands over tasks that are already stored elsewhere: it may die between handing over and
//! noting it, so the same task may come again.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Enqueue, QueueName, Refusal, Result, State, TaskId};

/// Stores tasks that a relay brings. Beside each it leaves a marker, so that a task which is brought again,
/// even after it has finished and is gone, is recognised. The relay drops the marker when it has noted the
/// task as published; one that a dead relay leaves behind passes away by itself after
/// [`MARKER_LIFE`].
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// As [`Broker::enqueue`](crate::Broker::enqueue), but a task that was brought before is left alone and
    /// answered with [`Published::Before`]. That is told before any refusal. A task is known by its queue and
    /// its id; what is simply enqueued leaves no marker and heeds none, and a refused task leaves none either.
    ///
    /// # Errors
    /// As those of `enqueue`. If the store cannot be reached or refuses.
    async fn publish(&self, batch: &[Enqueue]) -> Result<Vec<Result<Published, Refusal>>>;

    /// Drops the markers of tasks that are noted as published; the tasks themselves are left alone. A task
    /// without a marker is no fault.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn forget(&self, tasks: &[(QueueName, TaskId)]) -> Result<()>;

    /// The state of each of these tasks, in their order; `None` for one that does not exist. One round trip for the whole
    /// batch, and nothing but the state is read. A finished task may be told as completed for a while after its retention.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn look(&self, tasks: &[(QueueName, TaskId)]) -> Result<Vec<Option<State>>>;
}

/// How long a marker is kept that nobody drops, counted from when the task was stored.
pub const MARKER_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// What became of a task that a relay brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is stored now.
    Now,
    /// It had been brought before.
    Before,
}
