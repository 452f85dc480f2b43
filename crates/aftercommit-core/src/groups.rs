//! Groups: tasks that wait together until they are made into one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Enqueue, Error, Message, QueueName, Refusal, Result, Timestamp};

/// Collects tasks in groups and hands them out in batches, to be aggregated.
///
/// The walk: a task of a group waits as aggregating; [`gather`](Self::gather) moves the tasks of a ripe group
/// into a batch that one aggregator holds until a deadline; [`aggregate`](Self::aggregate) puts the one task it
/// made of them in their place, or [`release`](Self::release) puts them back; batches of aggregators that died
/// are put back by [`reclaim`](Self::reclaim).
#[async_trait]
pub trait Groups: Send + Sync + 'static {
    /// The groups of a queue that have waiting tasks, by name.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn groups(&self, queue: &QueueName) -> Result<Vec<GroupInfo>>;

    /// Takes batches of ripe groups, at most `limit` of them.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn gather(&self, queues: &[QueueName], rules: &GroupRules, limit: usize) -> Result<Gathered>;

    /// Stores the task that was made of a batch, and deletes the tasks of the batch with their unique locks,
    /// both or neither. The new task must go to the queue of the batch.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses. After a lost answer it is safe to call again: a batch that
    /// is gone already answers [`AggregateRefusal::BatchLost`].
    async fn aggregate(&self, batch: &BatchKey, task: &Enqueue) -> Result<Result<(), AggregateRefusal>>;

    /// Puts the tasks of a batch back into their group, as they were.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn release(&self, batch: &BatchKey) -> Result<()>;

    /// Puts back at most `limit` batches of these queues whose deadline has passed, and says how many.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn reclaim(&self, queues: &[QueueName], limit: usize) -> Result<usize>;
}

/// The name of a group: not blank, at most 255 bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a blank or overlong name, or one with control characters.
    pub fn new(name: impl AsRef<str>) -> Result<Self> {
        let name = name.as_ref();
        if name.trim().is_empty() {
            return Err(Error::invalid("group name", "it is blank"));
        }
        if name.len() > Self::MAX_BYTES {
            return Err(Error::invalid("group name", format!("it is longer than {} bytes", Self::MAX_BYTES)));
        }
        if name.chars().any(char::is_control) {
            return Err(Error::invalid("group name", "it contains a control character"));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for GroupName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::new(name)
    }
}

/// A group with waiting tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its name.
    pub group: GroupName,
    /// How many tasks wait in it.
    pub size: u64,
}

/// When a group is ripe: as soon as one of the three holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupRules {
    /// Nothing has been added to it for this long.
    pub grace_period: Duration,
    /// Its oldest task has waited for this long.
    pub max_delay: Option<Duration>,
    /// It has this many tasks. Also the most that one batch takes.
    pub max_size: Option<usize>,
    /// How long an aggregator may hold a batch.
    pub hold: Duration,
}

impl GroupRules {
    /// The most tasks that one batch takes, whatever `max_size` says; the rest waits for the next.
    pub const MAX_BATCH: usize = 10_000;

    /// The most tasks that one batch takes.
    pub fn batch_size(&self) -> usize {
        self.max_size.unwrap_or(Self::MAX_BATCH).clamp(1, Self::MAX_BATCH)
    }
}

impl Default for GroupRules {
    /// A grace period of one minute, two minutes to aggregate, and nothing else, as asynq has it.
    fn default() -> Self {
        Self {
            grace_period: Duration::from_secs(60),
            max_delay: None,
            max_size: None,
            hold: Duration::from_secs(120),
        }
    }
}

/// What came of a gather.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// The batches.
    pub batches: Vec<Batch>,
    /// When the next group will be ripe if nothing is added; at once, if `limit` left one behind.
    pub next_at: Option<Timestamp>,
}

/// Tasks of one group in the hands of an aggregator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Names the batch.
    pub key: BatchKey,
    /// The tasks, in the order in which they were added.
    pub tasks: Vec<Message>,
    /// When they are put back unless aggregated.
    pub deadline: Timestamp,
}

/// Names a batch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BatchKey {
    /// The queue of the group.
    pub queue: QueueName,
    /// The group.
    pub group: GroupName,
    /// Tells batches of a group apart.
    pub id: String,
}

/// Why a batch was not replaced by a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateRefusal {
    /// The batch is gone: aggregated already, or put back after its deadline.
    BatchLost,
    /// The new task was refused; the batch is as it was.
    Task(Refusal),
}
