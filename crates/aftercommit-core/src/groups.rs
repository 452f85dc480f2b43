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
///
/// A task in a batch is in the state aggregating, is shown and is counted, but it is its aggregator's: it does
/// not wait in its group, and operators can do nothing to it until it is put back. A pause stops none of this,
/// since nothing runs by it.
#[async_trait]
pub trait Groups: Send + Sync + 'static {
    /// The groups of a queue that have waiting tasks, by name.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn groups(&self, queue: &QueueName) -> Result<Vec<GroupInfo>>;

    /// Takes batches of ripe groups, at most `limit` of them, and holds each until its deadline. A batch has the
    /// oldest tasks of its group, at most [`GroupRules::batch_size`]. A group is taken again in the same call
    /// while what is left of it is ripe ([`GroupRules::ripe_at`]). Which group comes first is not said.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn gather(&self, queues: &[QueueName], rules: &GroupRules, limit: usize) -> Result<Gathered>;

    /// Stores the task that was made of a batch, and deletes the tasks of the batch with their unique locks (as
    /// far as they still own them), both or neither. The new task may have the id, or take the unique lock, of a
    /// task of the batch; it may be scheduled, unique, and of a group. That the deadline has passed does not
    /// matter as long as nobody has put the batch back.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `queue` if the new task goes to another queue than that of the batch. If the
    /// store cannot be reached or refuses. After a lost answer it is safe to call again: a batch that
    /// is gone already answers [`AggregateRefusal::BatchLost`].
    async fn aggregate(&self, batch: &BatchKey, task: &Enqueue) -> Result<Result<(), AggregateRefusal>>;

    /// Puts the tasks of a batch back into their group, as they were: in their old places, waiting since the
    /// moment they were first added. A batch that is gone is left so.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn release(&self, batch: &BatchKey) -> Result<()>;

    /// Puts back, as [`release`](Self::release) does, at most `limit` batches of these queues whose deadline has
    /// passed, the earliest deadline first, and says how many.
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

/// When a group is ripe: as soon as one of the three holds. A store may count in whole seconds, rounded up, and
/// may order tasks that were added within one second as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupRules {
    /// Nothing has been added to it for this long.
    pub grace_period: Duration,
    /// Its oldest task has waited for this long.
    pub max_delay: Option<Duration>,
    /// It has this many tasks; zero means one. Also the most that one batch takes.
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

    /// From when on a group is ripe that has `size` waiting tasks, the first of which was added at `oldest`
    /// and the last at `newest`, if nothing is added to it. A full one is ripe since it was filled.
    pub fn ripe_at(&self, size: usize, oldest: Timestamp, newest: Timestamp) -> Timestamp {
        let quiet = newest.plus(self.grace_period);
        let ripe = self.max_delay.map_or(quiet, |delay| quiet.min(oldest.plus(delay)));
        let full = self.max_size.is_some() && size >= self.batch_size();
        if full { ripe.min(newest) } else { ripe }
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
    /// When the next group will be ripe if nothing is added; now, or earlier, if `limit` left one behind.
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_group_is_ripe_as_soon_as_one_rule_holds() {
        let grace = GroupRules { grace_period: Duration::from_secs(10), ..GroupRules::default() };
        assert_eq!(grace.ripe_at(1_000_000, at(0), at(100)), at(110), "quiet for the grace period");
        let delay = GroupRules { max_delay: Some(Duration::from_secs(60)), ..grace };
        assert_eq!(delay.ripe_at(2, at(0), at(100)), at(60), "the oldest has waited long enough");
        assert_eq!(delay.ripe_at(2, at(0), at(20)), at(30), "quiet before that");
        let size = GroupRules { max_size: Some(3), ..grace };
        assert_eq!(size.ripe_at(2, at(0), at(100)), at(110), "not full");
        assert_eq!(size.ripe_at(3, at(0), at(100)), at(100), "full");
    }

    #[test]
    fn a_batch_has_at_least_one_task_and_is_never_too_large() {
        let size = |max_size| GroupRules { max_size, ..GroupRules::default() }.batch_size();
        assert_eq!([None, Some(0), Some(7), Some(usize::MAX)].map(size), [10_000, 1, 7, 10_000]);
        let huge = GroupRules { max_size: Some(usize::MAX), ..GroupRules::default() };
        assert_eq!(huge.ripe_at(10_000, at(0), at(1)), at(1), "a full batch need not wait for more");
    }
}
