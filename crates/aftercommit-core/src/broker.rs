//! What a back-end does. The hot path takes batches and answers per item; outcomes are data, so there
//! is one `enqueue` and one `settle` instead of eleven methods.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::Stream;

use crate::{
    DayCount, Error, Lease, Message, OrphanCause, Outcome, Presence, QueueInfo, QueueName, Result, State,
    TaskId, TaskInfo, Timestamp, WorkerId,
};

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
    /// If the store cannot be reached or refuses.
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
    /// # Errors
    /// If the store cannot be reached or refuses; settling again is safe.
    async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>>;

    /// A stream of hints that there may be something new in these queues. Subscribe, then look, then
    /// wait: a change after the subscription is never missed. Hints may be false, and are coalesced.
    fn wakes(&self, wake: Wake, queues: &[QueueName]) -> Wakes;
}

/// What has to be done from time to time by somebody, and may be done by anybody.
#[async_trait]
pub trait Upkeep: Send + Sync + 'static {
    /// Moves at most `limit` due tasks (scheduled and retry) of these queues to pending, earliest first,
    /// and says when the next one is due.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded>;

    /// At most `limit` active tasks of these queues that are nobody's. Nothing is changed: settle them
    /// with the lease that comes with each.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>>;

    /// Deletes at most `limit` completed tasks of these queues whose retention is over, and says how many.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize>;
}

/// What operators see and do.
#[async_trait]
pub trait Inspect: Send + Sync + 'static {
    /// Every queue that has ever held a task, by name.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn queues(&self) -> Result<Vec<QueueName>>;

    /// The state of a queue; `None` if there is no such queue.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>>;

    /// Tasks processed and failed on each of the last `days` UTC days, today first.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>>;

    /// A page of the tasks in a state: pending in the order in which they will run, scheduled and retry
    /// by due time, the others oldest first.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn list(&self, queue: &QueueName, state: State, page: Page) -> Result<Vec<TaskInfo>>;

    /// One task; `None` if it does not exist.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>>;

    /// Makes a scheduled, retry, archived or completed task pending now. Its retries are not reset.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn run(&self, queue: &QueueName, id: &TaskId) -> Result<Action>;

    /// Deletes a task that is not active, and frees its unique lock.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn delete(&self, queue: &QueueName, id: &TaskId) -> Result<Action>;

    /// Stops a queue from giving out tasks, until resumed. Works for a queue that has no task yet.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn pause(&self, queue: &QueueName) -> Result<()>;

    /// Ends a pause and wakes the workers.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn resume(&self, queue: &QueueName) -> Result<()>;
}

/// A whole back-end. What not every store can do is visible here as an `Option`.
pub trait Backend: Broker + Upkeep + Inspect + fmt::Debug {
    /// Knows which workers are alive, and carries cancellations to them.
    fn presence(&self) -> Option<&dyn Presence> {
        None
    }
}

/// A task to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueue {
    /// The task.
    pub message: Message,
    /// Where it goes.
    pub placement: Placement,
    /// Take a unique lock on (queue, type, payload) for this long, or refuse the task.
    pub unique_for: Option<Duration>,
}

/// Where a new task goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Placement {
    /// To the back of its queue.
    Now,
    /// Among the scheduled, until this moment.
    At(Timestamp),
}

impl Placement {
    /// The state of a task placed so.
    pub const fn state(self) -> State {
        match self {
            Self::Now => State::Pending,
            Self::At(_) => State::Scheduled,
        }
    }
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

/// What a stream of hints is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// There may be more pending tasks.
    Pending,
    /// The earliest due time may have changed.
    Due,
}

/// A stream of hints; it lives until dropped.
pub type Wakes = Pin<Box<dyn Stream<Item = ()> + Send>>;

/// What a forward did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded {
    /// How many tasks are pending now that were not.
    pub moved: usize,
    /// When the next waiting task is due (it may be overdue, if `moved` reached the limit).
    pub next_due: Option<Timestamp>,
}

/// An active task that is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The task with the lease as it stands.
    pub leased: Leased,
    /// Why it is nobody's.
    pub cause: OrphanCause,
}

/// A slice of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many to pass over.
    pub offset: usize,
    /// How many to return at most.
    pub limit: usize,
}

impl Page {
    /// The first `limit` items.
    pub const fn first(limit: usize) -> Self {
        Self { offset: 0, limit }
    }
}

/// What came of an operator's action on one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was done.
    Applied,
    /// There is no such task.
    NotFound,
    /// It makes no sense in the state the task is in.
    Refused(State),
}
