//! What a handler may ask for besides its payload: the task it runs, and the state of the application.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use aftercommit_core::{Leased, Message, QueueName, TaskId, TaskType};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::worker::Attempt;

/// The attempt a handler is part of. Cheap to clone.
///
/// Where the queue is the handler's own database, a handler may finish its task in the transaction of its effect, and so
/// have that effect once, however often it is tried:
///
/// ```
/// # #[cfg(feature = "sqlite")] mod example {
/// use aftercommit::sqlite::SqliteQueue;
/// use aftercommit::{BoxError, State, Task, TaskContext};
/// # use serde::{Deserialize, Serialize};
///
/// # #[derive(Serialize, Deserialize)]
/// # struct Book {
/// #     amount: i64,
/// # }
/// # impl Task for Book {
/// #     const TYPE: &'static str = "book";
/// # }
/// async fn book(State(queue): State<SqliteQueue>, context: TaskContext, task: Book) -> Result<(), BoxError> {
///     let mut tx = queue.begin().await?;
///     // ... the handler's own statements on `&mut tx` ...
///     queue.complete_in(&mut tx, &context).await?;
///     tx.commit().await?; // the effect and the end of the task, or neither
///     Ok(())
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TaskContext {
    attempt: Arc<Attempt>,
}

impl TaskContext {
    pub(crate) const fn new(attempt: Arc<Attempt>) -> Self {
        Self { attempt }
    }

    fn message(&self) -> &Message {
        &self.attempt.leased().message
    }

    /// The task's id; the same for every attempt, and so a good idempotency key.
    pub fn id(&self) -> &TaskId {
        &self.message().id
    }

    /// The queue the task came from.
    pub fn queue(&self) -> &QueueName {
        &self.message().queue
    }

    /// The task's type.
    pub fn task_type(&self) -> &TaskType {
        &self.message().task_type
    }

    /// The payload as it is stored.
    pub fn payload(&self) -> &Bytes {
        &self.message().payload
    }

    /// The headers that travel with the task.
    pub fn headers(&self) -> &BTreeMap<String, String> {
        &self.message().headers
    }

    /// How many failed attempts came before this one.
    pub fn retried(&self) -> u32 {
        self.message().retried
    }

    /// How many failed attempts may be followed by another one.
    pub fn max_retry(&self) -> u32 {
        self.message().max_retry
    }

    /// When this attempt will be stopped.
    pub fn deadline(&self) -> SystemTime {
        self.attempt.deadline().to_system_time()
    }

    /// Fires when the attempt is to end early: cancelled, timed out, its lease lost, or the worker
    /// shutting down. The handler's own future is dropped then, at its next await; what it has spawned
    /// should listen. A handler that looks at this between two awaits and ends early returns an error,
    /// which counts as the stop and not as a failure of its own; a value counts as success.
    pub fn cancellation(&self) -> CancellationToken {
        self.attempt.stopped().clone()
    }
}

/// The attempt as back-ends know it, for `complete_in`.
impl AsRef<Leased> for TaskContext {
    fn as_ref(&self) -> &Leased {
        self.attempt.leased()
    }
}

/// Something a handler can take as an argument. Infallible by design: what could be missing is a
/// compile error instead.
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}` as an argument",
    note = "before the payload, a handler takes `TaskContext`, `TaskId`, `QueueName`, `CancellationToken`, or \
            `State<T>` where `T` is the router's state or implements `FromRef` of it"
)]
pub trait FromContext<S>: Sized {
    /// Takes the value from the attempt or from the application's state.
    fn from_context(context: &TaskContext, state: &S) -> Self;
}

/// A part of the application's state.
#[diagnostic::on_unimplemented(
    message = "the router's state has no `{Self}`",
    label = "not part of `{S}`",
    note = "implement `FromRef<{S}>` for `{Self}`, or give the router a state that contains it"
)]
pub trait FromRef<S> {
    /// Takes the part out of the whole, usually by a cheap clone.
    fn from_ref(state: &S) -> Self;
}

impl<S: Clone> FromRef<S> for S {
    fn from_ref(state: &S) -> Self {
        state.clone()
    }
}

/// The application's state, or a part of it, as a handler's argument.
#[derive(Debug, Clone, Copy)]
pub struct State<T>(pub T);

impl<S, T: FromRef<S>> FromContext<S> for State<T> {
    fn from_context(_: &TaskContext, state: &S) -> Self {
        Self(T::from_ref(state))
    }
}

impl<S> FromContext<S> for TaskContext {
    fn from_context(context: &TaskContext, _: &S) -> Self {
        context.clone()
    }
}

impl<S> FromContext<S> for TaskId {
    fn from_context(context: &TaskContext, _: &S) -> Self {
        context.id().clone()
    }
}

impl<S> FromContext<S> for QueueName {
    fn from_context(context: &TaskContext, _: &S) -> Self {
        context.queue().clone()
    }
}

impl<S> FromContext<S> for CancellationToken {
    fn from_context(context: &TaskContext, _: &S) -> Self {
        context.cancellation()
    }
}
