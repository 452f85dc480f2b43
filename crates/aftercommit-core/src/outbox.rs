//! The outbox: tasks that were committed in the database of their host, and wait there to be published to
//! another back-end by a relay.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Enqueue, Result, Timestamp, Wakes};

/// What a relay needs of an outbox. A row is claimed for a short time, published, and then marked; a relay
/// that dies in between leaves a row that is claimed again, and a [`Publisher`](crate::Publisher) recognises
/// the task. No transaction is open while a row is being published.
#[async_trait]
pub trait Outbox: fmt::Debug + Send + Sync + 'static {
    /// Claims at most `limit` rows that are due and that nobody holds, in the order in which they were
    /// enqueued, and holds them for `duration`.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn claim(&self, limit: usize, duration: Duration) -> Result<Claim>;

    /// Deletes rows whose tasks are published. A row that somebody else has claimed since goes as well: its
    /// task is published.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; marking again is safe.
    async fn mark(&self, rows: &[RowKey]) -> Result<()>;

    /// Gives back rows that could not be published: each counts an attempt, keeps the reason, and is due
    /// again at its moment. A row that somebody else has claimed since is left alone.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn postpone(&self, rows: &[Postponed]) -> Result<()>;

    /// Sets aside rows that can never be published, with the reason; they are kept for an operator, and do not
    /// stand in the way of others. A row that somebody else has claimed since is left alone.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()>;

    /// A stream of hints that there may be something to claim. Subscribe, then claim, then wait.
    fn wakes(&self) -> Wakes;

    /// How much is waiting, for operators.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn backlog(&self) -> Result<Backlog>;
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The rows, in the order in which they were enqueued.
    pub rows: Vec<OutboxRow>,
    /// When the next row that is postponed, or held by somebody else, may be claimed.
    pub next_at: Option<Timestamp>,
}

/// A row of the outbox in the hands of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Names the row, and this claim of it.
    pub key: RowKey,
    /// How often it could not be published.
    pub attempts: u32,
    /// When it was enqueued.
    pub enqueued_at: Timestamp,
    /// The task.
    pub task: Enqueue,
}

/// Names a row and one claim of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowKey {
    /// The row.
    pub seq: i64,
    /// Which claim: every claim of a row has another number.
    pub epoch: u64,
}

/// A row that could not be published yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postponed {
    /// The row.
    pub key: RowKey,
    /// When to try again.
    pub until: Timestamp,
    /// Why it could not be published.
    pub error: String,
}

/// What waits in an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Rows that are to be published, claimed ones included.
    pub waiting: u64,
    /// When the oldest of them was enqueued.
    pub oldest_at: Option<Timestamp>,
    /// Rows that were set aside.
    pub buried: u64,
}
