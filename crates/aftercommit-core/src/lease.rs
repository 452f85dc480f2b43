//! The lease: the right to settle a task, held by one attempt at a time.

use std::fmt;

use crate::{QueueName, TaskId, Timestamp};

/// Tells one attempt of a task from every other, also from those of earlier tasks with the same id. A
/// back-end makes a new one at each dequeue and accepts a settle or an extension only with the current
/// one (a fencing token; on SQL an epoch that does not start again when an id is used again).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseToken(u64);

impl LeaseToken {
    /// Wraps a back-end's number.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The back-end's number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The right to settle one task until a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The queue of the task.
    pub queue: QueueName,
    /// The task.
    pub id: TaskId,
    /// Which attempt holds the lease.
    pub token: LeaseToken,
    /// When the task becomes recoverable unless the lease is extended.
    pub expires_at: Timestamp,
}
