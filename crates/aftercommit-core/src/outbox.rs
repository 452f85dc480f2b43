//! The outbox: tasks that were committed in the database of their host, and wait there to be published to
//! another back-end by a relay.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Enqueue, Page, QueueName, Result, TaskId, Timestamp, Wakes};

mod operators;

pub use operators::{RowInfo, RowOperation, RowState, Rows};

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

    /// Keeps rows whose tasks are published, until somebody has seen that their tasks have ended: they are claimed no
    /// more, and are due for a [`watch`](Self::watch) at their moment. A row that somebody else has claimed since is
    /// kept as well: its task is published.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; keeping again is safe.
    async fn keep(&self, rows: &[Kept]) -> Result<()>;

    /// Hands out at most `limit` kept rows that are due for a look, those that are due longest first, and holds them for
    /// `duration`: nobody else is given them until then, unless they are [observed](Self::observe).
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn watch(&self, limit: usize, duration: Duration) -> Result<Watch>;

    /// Writes down what a look at the tasks of kept rows has shown, and when to look again. A row that somebody else has
    /// been given since is left alone.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; writing it down again is safe.
    async fn observe(&self, rows: &[Observed]) -> Result<()>;

    /// Makes kept rows whose tasks are lost wait to be published again: each counts a loss. A row that somebody else has
    /// been given since is left alone.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; saying it again is safe.
    async fn publish_again(&self, rows: &[RowKey]) -> Result<()>;

    /// Gives back rows that could not be published: each counts an attempt, keeps the reason, and is due
    /// again at its moment. A row that somebody else has claimed since is left alone.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn postpone(&self, rows: &[Postponed]) -> Result<()>;

    /// Sets aside rows that can never be published, with the reason; they are kept for an operator, and do not
    /// stand in the way of others. A kept row may be set aside too. A row that somebody else has claimed or has been given
    /// since is left alone.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()>;

    /// A page of the rows in a state, in the order in which they were enqueued.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn list(&self, state: RowState, page: Page) -> Result<Vec<RowInfo>>;

    /// Does something to at most `limit` of these rows, in the order in which they were enqueued, and says to how many.
    /// Fewer than `limit` means that it came to the end. Rows for which the operation makes no sense are passed over: see
    /// [`RowOperation`].
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn operate(&self, rows: &Rows, operation: RowOperation, limit: usize) -> Result<usize>;

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
    /// When the next row that is postponed, or held by somebody else, may be claimed; in the past if more are free, and there
    /// were too many for one claim. A claim that took as many as it was asked for need not say it.
    pub next_at: Option<Timestamp>,
}

/// A row of the outbox in the hands of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Names the row, and this claim of it.
    pub key: RowKey,
    /// How often it could not be published.
    pub attempts: u32,
    /// How often its task was published and then lost by the back-end.
    pub losses: u32,
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
    /// Which claim: every claim of a row has another number, and the first has [`FIRST_CLAIM`](Self::FIRST_CLAIM).
    pub epoch: u64,
}

impl RowKey {
    /// The number of the first claim of a row. Whoever holds it knows of every attempt to publish the row's task.
    pub const FIRST_CLAIM: u64 = 1;
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

/// A row whose task is published, and which is kept until that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The row.
    pub key: RowKey,
    /// When the task was last known to be at the back-end.
    pub seen_at: Timestamp,
    /// When to look whether it has ended.
    pub look_at: Timestamp,
}

/// What came of a [`watch`](Outbox::watch).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// The rows, those that were due first at the front.
    pub rows: Vec<KeptRow>,
    /// When the next one is due for a look, or is held until.
    pub next_at: Option<Timestamp>,
}

/// A kept row that is due for a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRow {
    /// Names the row, and this turn of it.
    pub key: RowKey,
    /// The queue of its task.
    pub queue: QueueName,
    /// The id of its task.
    pub id: TaskId,
    /// When the task was to run, if not at once.
    pub due_at: Option<Timestamp>,
    /// When it was published.
    pub published_at: Timestamp,
    /// When its task was last known to be at the back-end.
    pub seen_at: Timestamp,
    /// Since when it is not there any more, if it is not.
    pub missing_since: Option<Timestamp>,
    /// How often it was lost before.
    pub losses: u32,
}

/// What a look at the task of a kept row has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// The row.
    pub key: RowKey,
    /// What there was.
    pub sight: Sight,
    /// When to look again.
    pub look_at: Timestamp,
}

/// Whether a task was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It was, at this moment.
    Seen(Timestamp),
    /// It is not, since this moment.
    Missing(Timestamp),
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
    /// Rows that are kept although their tasks are published, because those have not ended yet.
    pub kept: u64,
}

impl Backlog {
    /// How long the oldest row that is to be published has waited.
    pub fn oldest_age(&self, now: Timestamp) -> Option<Duration> {
        self.oldest_at.map(|at| now.since(at))
    }
}
