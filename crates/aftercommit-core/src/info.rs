//! What operators are shown.

use bytes::Bytes;

use crate::{Lease, Message, QueueName, State, Timestamp, WorkerId};

/// One task, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskInfo {
    /// The task.
    pub message: Message,
    /// Where it is in its life.
    pub state: State,
    /// When it is due (scheduled, retry).
    pub next_process_at: Option<Timestamp>,
    /// Until when somebody works on it (active). An active task without a lease, or with one that has run out,
    /// is an orphan.
    pub lease: Option<Lease>,
    /// Who works on it (active), where the store knows.
    pub worker: Option<WorkerId>,
    /// When it completed or was archived.
    pub ended_at: Option<Timestamp>,
    /// What its handler returned (completed).
    pub result: Option<Bytes>,
}

/// How many tasks of a queue are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateCounts([u64; State::ALL.len()]);

impl StateCounts {
    /// How many tasks are in this state.
    pub const fn get(&self, state: State) -> u64 {
        self.0[state as usize]
    }

    /// Sets the number of tasks in this state.
    pub const fn set(&mut self, state: State, count: u64) {
        self.0[state as usize] = count;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// One queue, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueInfo {
    /// Its name.
    pub queue: QueueName,
    /// Its tasks by state.
    pub counts: StateCounts,
    /// How many groups have waiting tasks.
    pub groups: u64,
    /// About how much memory, or space on disk, its tasks take, in bytes; where the store can tell cheaply.
    pub approximate_bytes: Option<u64>,
    /// Since when the next pending task has been waiting.
    pub oldest_pending_since: Option<Timestamp>,
    /// Since when it is paused.
    pub paused_since: Option<Timestamp>,
    /// Attempts that ended for good or bad since the queue exists, failures included.
    pub processed: u64,
    /// Attempts that failed since the queue exists.
    pub failed: u64,
}

/// What a queue did on one UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// Days since the Unix epoch.
    pub day: i64,
    /// Attempts that ended, failures included.
    pub processed: u64,
    /// Attempts that failed.
    pub failed: u64,
}
