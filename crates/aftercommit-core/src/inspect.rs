//! What operators see and do.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{DayCount, GroupName, QueueInfo, QueueName, Result, State, TaskId, TaskInfo};

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

    /// A page of the tasks of a selection: pending in the order in which they will run, scheduled and retry
    /// by due time, a group in the order in which its tasks were added, active, archived and completed oldest
    /// first (a store may list completed tasks by the end of their retention instead, and may order by whole
    /// seconds those that ended or are due within one second). All that are aggregating come group by group, by name, and in each those that are in a batch
    /// before those that wait.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn list(&self, queue: &QueueName, selection: &Selection, page: Page) -> Result<Vec<TaskInfo>>;

    /// One task; `None` if it does not exist.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>>;

    /// Does something to one task. A task in a batch is its aggregator's and is refused, as aggregating.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn operate(&self, queue: &QueueName, id: &TaskId, operation: Operation) -> Result<Action>;

    /// Does something to at most `limit` tasks of a selection, in the order of [`list`](Self::list), and says
    /// to how many. Fewer than `limit` means that it came to the end. Tasks for which the operation makes no
    /// sense are passed over: see [`Operation::applies_to`]; so are those in a batch. Tasks that are run keep
    /// their order.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn operate_all(
        &self,
        queue: &QueueName,
        selection: &Selection,
        operation: Operation,
        limit: usize,
    ) -> Result<usize>;

    /// Gives a scheduled task another payload. Its unique lock stays the one it was enqueued with.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn update_payload(&self, queue: &QueueName, id: &TaskId, payload: Bytes) -> Result<Action>;

    /// Forgets a queue that holds no task in any state, with its counters, its history and its pause. The markers
    /// of a [`Publisher`](crate::Publisher) stay, and leases given before stay lost. A queue that was only
    /// paused and never held a task does not exist.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn remove_queue(&self, queue: &QueueName) -> Result<Removal>;

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

/// The operations on one task by name, for callers.
#[async_trait]
pub trait InspectExt: Inspect {
    /// See [`Operation::Run`].
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn run(&self, queue: &QueueName, id: &TaskId) -> Result<Action> {
        self.operate(queue, id, Operation::Run).await
    }

    /// See [`Operation::Archive`].
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn archive(&self, queue: &QueueName, id: &TaskId) -> Result<Action> {
        self.operate(queue, id, Operation::Archive).await
    }

    /// See [`Operation::Delete`].
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    async fn delete(&self, queue: &QueueName, id: &TaskId) -> Result<Action> {
        self.operate(queue, id, Operation::Delete).await
    }
}

impl<T: Inspect + ?Sized> InspectExt for T {}

/// Which tasks of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those in a state.
    State(State),
    /// Those that wait in a group; without those in a batch.
    Group(GroupName),
}

impl Selection {
    /// The state of every selected task.
    pub const fn state(&self) -> State {
        match self {
            Self::State(state) => *state,
            Self::Group(_) => State::Aggregating,
        }
    }
}

impl From<State> for Selection {
    fn from(state: State) -> Self {
        Self::State(state)
    }
}

/// What an operator does to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Makes it pending now, at the back of its queue, alone even if it is of a group. Its retries are not reset.
    Run,
    /// Gives it up: it is kept as archived, with its last error as it was. Counts as nothing; its unique
    /// lock is kept.
    Archive,
    /// Deletes it, and frees its unique lock.
    Delete,
}

impl Operation {
    /// Whether it makes sense for a task in this state. An active task is its worker's: cancel it instead. (An
    /// aggregating one in a batch is its aggregator's, and is refused too.)
    pub const fn applies_to(self, state: State) -> bool {
        match self {
            Self::Run => !matches!(state, State::Active | State::Pending),
            Self::Archive => !matches!(state, State::Active | State::Archived | State::Completed),
            Self::Delete => !matches!(state, State::Active),
        }
    }
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

/// What came of the removal of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// There is no such queue.
    NotFound,
    /// It holds tasks, so it was left as it is.
    NotEmpty,
}
