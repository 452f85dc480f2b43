//! What a back-end does. The hot path takes batches and answers per item; outcomes are data, so there
//! is one `enqueue` and one `settle` instead of eleven methods.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;

use crate::{Error, Lease, Message, Outcome, QueueName, Result, State, Timestamp, WorkerId};

/// The hot path: tasks in, tasks out, tasks settled.
///
/// Every method acts on a whole batch in as few round trips as the store allows and answers per item,
/// in the order of the input. `Err` means that nothing is known about any item.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Stores tasks. An id that is taken in its queue, in any state, is refused; so is a unique task
    /// whose lock another one holds. A refused task leaves nothing behind, no lock either. Items of one
    /// batch see each other in order.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `group` if a task is of a group and the back-end has no
    /// [`Groups`](crate::Groups); then nothing of the batch is stored. If the store cannot be reached or refuses.
    async fn enqueue(&self, batch: &[Enqueue]) -> Result<Vec<Result<(), Refusal>>>;

    /// Takes pending tasks, oldest first, and leases them to a worker. Each queue gives at most its
    /// quota; what it cannot fill spills over to the other queues in the order given. Paused queues give
    /// nothing. Each task is leased under a new token.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn dequeue(&self, quotas: &[Quota], grant: &LeaseGrant) -> Result<Vec<Leased>>;

    /// Makes leases last for `duration` from now and answers with the new expiry.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn extend(&self, leases: &[Lease], duration: Duration)
    -> Result<Vec<Result<Timestamp, LeaseLost>>>;

    /// Writes down what became of tasks. Only the current lease may settle; anybody else's is refused
    /// and changes nothing. The recoverer settles with the lease it found, so that the first one wins.
    ///
    /// A back-end may let a handler finish its task in a transaction of its own (`complete_in`). Once that has
    /// committed, settles and extensions with its lease are accepted and change nothing, whatever the outcome;
    /// a recovery ([`RequeueCause::Recovered`](crate::RequeueCause::Recovered)) is refused as ever.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; settling again is safe.
    async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>>;

    /// A stream of hints that there may be something new in these queues. Subscribe, then look, then
    /// wait: a change after the subscription is never missed. Hints may be false, and are coalesced.
    fn wakes(&self, wake: Wake, queues: &[QueueName]) -> Wakes;
}

/// A task to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueue {
    /// The task.
    pub message: Message,
    /// When it may run.
    pub placement: Placement,
    /// Take a unique lock on (queue, type, payload) for this long, or refuse the task.
    pub unique_for: Option<Duration>,
}

impl Enqueue {
    /// The state of a task stored so. A task of a group waits there, once its time has come.
    pub const fn state(&self) -> State {
        match (self.placement, &self.message.group) {
            (Placement::At(_), _) => State::Scheduled,
            (Placement::Now, Some(_)) => State::Aggregating,
            (Placement::Now, None) => State::Pending,
        }
    }
}

/// When a new task may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// At once: it goes to the back of its queue, or into its group.
    Now,
    /// Not before this moment: until then it is among the scheduled.
    At(Timestamp),
}

/// Why a task was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A task with this id is in the queue, in some state.
    IdConflict,
    /// Another task holds the unique lock.
    Duplicate,
}

impl Refusal {
    /// The error a caller sees.
    pub fn into_error(self, message: &Message) -> Error {
        let (queue, id, task_type) = (message.queue.clone(), message.id.clone(), message.task_type.clone());
        match self {
            Self::IdConflict => Error::IdConflict { queue, id },
            Self::Duplicate => Error::Duplicate { queue, task_type },
        }
    }
}

/// How many tasks a worker would take from a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The queue.
    pub queue: QueueName,
    /// How many; may be zero, then the queue only takes what others leave.
    pub count: usize,
}

/// To whom tasks are leased, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseGrant {
    /// The worker.
    pub worker: WorkerId,
    /// How long the lease lasts unless extended.
    pub duration: Duration,
}

/// A task in the hands of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The task.
    pub message: Message,
    /// The right to settle it.
    pub lease: Lease,
    /// The stored form, byte for byte, for a back-end that must write back what it does not understand.
    /// Empty for the others; nobody else looks into it.
    pub stored: Bytes,
}

impl AsRef<Self> for Leased {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// What became of a leased task.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The task. Shared, because the worker keeps it until the settle is acknowledged.
    pub leased: std::sync::Arc<Leased>,
    /// What to write down.
    pub outcome: Outcome,
}

/// The lease is no longer the current one: somebody else has the task, or has settled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseLost;

impl LeaseLost {
    /// The error a caller sees.
    pub fn into_error(self, lease: &Lease) -> Error {
        Error::LeaseLost { queue: lease.queue.clone(), id: lease.id.clone() }
    }
}

/// What a stream of hints is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// There may be more pending tasks.
    Pending,
    /// The earliest due time may have changed.
    Due,
    /// There may be more tasks in groups, and a group may be ripe earlier than it was.
    Groups,
}

/// A stream of hints; it lives until dropped.
pub type Wakes = Pin<Box<dyn Stream<Item = ()> + Send>>;
