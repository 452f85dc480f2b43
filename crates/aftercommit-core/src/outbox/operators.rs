//! What operators see of an outbox and do to it.

use crate::{QueueName, TaskId, Timestamp};

/// Where a row of an outbox is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowState {
    /// To be published; in a relay's hands or not.
    Waiting,
    /// Published, and kept until its task has ended.
    Kept,
    /// Set aside, with the reason.
    Buried,
}

/// Which rows of an outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// Every row that was set aside.
    Buried,
    /// This one, in whatever state.
    One(i64),
    /// That of this task, in whatever state: an id stands in an outbox at most once.
    OfTask(QueueName, TaskId),
}

/// What an operator does to rows of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOperation {
    /// Lets a row that was set aside be published once more, with no attempt and no loss counted. Other rows are left
    /// alone.
    Revive,
    /// Deletes it. A task that is published already stays at the back-end; a row in a relay's hands may be published all
    /// the same. To be rid of a task whose row is kept, delete the row, then the task: the other way round the relay takes
    /// the task for lost.
    Delete,
}

/// A row of an outbox, as it is now. What stands in it may be another program's, so names are as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowInfo {
    /// Names the row.
    pub seq: i64,
    /// Where it is in its life.
    pub state: RowState,
    /// The queue of its task.
    pub queue: String,
    /// The id of its task.
    pub id: String,
    /// The type of its task.
    pub task_type: String,
    /// When it was enqueued.
    pub enqueued_at: Timestamp,
    /// When it was published (kept).
    pub published_at: Option<Timestamp>,
    /// How often it could not be published.
    pub attempts: u32,
    /// How often its task was published and then lost.
    pub losses: u32,
    /// Why it could not be published the last time, or was set aside.
    pub error: Option<String>,
}
