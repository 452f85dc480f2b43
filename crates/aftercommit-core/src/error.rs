//! One error type whose variants are meanings, so that callers decide by what happened and not by which driver said it.

use crate::{QueueName, TaskId, TaskType};

/// A boxed error of any kind.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. Messages name ids, never payloads or secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value given by the caller cannot be used.
    #[error("invalid {what}: {why}")]
    Invalid {
        /// Which value, as in "queue name".
        what: &'static str,
        /// Why not, and what would do.
        why: String,
    },
    /// A task with this id exists in this queue, in some state.
    #[error("task id {id} is taken in queue {queue}")]
    IdConflict {
        /// The queue.
        queue: QueueName,
        /// The id that is taken.
        id: TaskId,
    },
    /// A unique task with this type and payload is waiting or running.
    #[error("a unique task of type {task_type} with the same payload exists in queue {queue}")]
    Duplicate {
        /// The queue.
        queue: QueueName,
        /// The type of the task.
        task_type: TaskType,
    },
    /// The attempt is no longer in charge of its task: somebody else has it, or it is over. Nothing was written.
    #[error("the lease of task {id} in queue {queue} is lost")]
    LeaseLost {
        /// The queue.
        queue: QueueName,
        /// The task.
        id: TaskId,
    },
    /// A payload could not be turned into bytes.
    #[error("failed to encode payload of task type {task_type}")]
    Encode {
        /// The type of the task.
        task_type: TaskType,
        /// What the encoder said.
        source: BoxError,
    },
    /// The store is not reachable, is busy or answered with a passing fault; trying again may help.
    #[error("failed to {doing}: the store is unavailable")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        source: BoxError,
    },
    /// The store refused for good, or holds something that cannot be read; trying again will not help.
    #[error("failed to {doing}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// What the driver said.
        source: BoxError,
    },
    /// A worker or a relay was assembled in a way that cannot work.
    #[error("cannot start: {0}")]
    Assembly(String),
    /// A loop of a worker, or a relay, ended although nobody asked it to.
    #[error("the {0} stopped unexpectedly")]
    LoopDied(&'static str),
}

impl Error {
    /// A value that cannot be used, and why.
    pub fn invalid(what: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { what, why: why.into() }
    }

    /// A passing fault of the store.
    pub fn unavailable(doing: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Unavailable { doing, source: source.into() }
    }

    /// A lasting fault of the store.
    pub fn store(doing: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Store { doing, source: source.into() }
    }

    /// True if the same call may succeed later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
