//! The stored form of a task, as a plain struct. How its bytes look is each back-end's own business.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::{GroupName, QueueName, TaskId, TaskType, Timestamp};

/// A task as it is stored: what was asked for, and what has happened to it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Names the task within its queue.
    pub id: TaskId,
    /// The queue it belongs to.
    pub queue: QueueName,
    /// Which handler it is for.
    pub task_type: TaskType,
    /// The payload, byte for byte.
    pub payload: Bytes,
    /// The group it is to be aggregated in.
    pub group: Option<GroupName>,
    /// What travels with the payload.
    pub headers: BTreeMap<String, String>,
    /// How many failed attempts may be followed by another one.
    pub max_retry: u32,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// When an attempt is stopped, whenever it began.
    pub deadline: Option<Timestamp>,
    /// How long the task is kept after it completed; zero means not at all.
    pub retention: Duration,
    /// How many failed attempts were followed by another one; 0 at first.
    pub retried: u32,
    /// How many times the task was taken back from a dead worker without counting as a failure.
    pub recovered: u32,
    /// Why the last failed attempt failed.
    pub last_error: Option<String>,
    /// When it did.
    pub last_failed_at: Option<Timestamp>,
}

impl Message {
    /// When an attempt that starts at `start` has to end: the earlier of timeout and deadline. A stored
    /// task that says neither (another writer's) gets the default timeout.
    pub fn expires(&self, start: Timestamp) -> Timestamp {
        let by_timeout = self.timeout.map(|timeout| start.plus(timeout));
        match (by_timeout, self.deadline) {
            (Some(timeout), Some(deadline)) => timeout.min(deadline),
            (Some(moment), None) | (None, Some(moment)) => moment,
            (None, None) => start.plus(crate::Options::DEFAULT_TIMEOUT),
        }
    }
}
