//! What a user says about groups: how the tasks of a batch are made into one.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use aftercommit_core::{Batch, BoxFuture, Failure, GroupName, Message, NewTask, QueueName, Task};
use tokio_util::sync::CancellationToken;

use crate::HandlerError;
use crate::router::undecodable;

/// Makes one task of the tasks of a group: usually a plain async function.
///
/// It runs at least once for every batch, and so must be safe to run twice; the task it makes takes the place
/// of the batch in one step. An error, a panic, or the end of its time puts the tasks back into their group, to
/// be tried again after a growing pause. `retry_after` says how long that is to be; `skip_retry` and `revoke`
/// mean nothing here, where there is no single task to archive or to drop, and are errors like any other.
///
/// ```
/// # use std::time::Duration;
/// use aftercommit::{Error, GroupRules, GroupTasks, NewTask, Router, Task, Worker};
/// # use aftercommit_testing::{MemoryBackend, TokioClock};
/// # use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Visit { page: String }
/// # impl Task for Visit { const TYPE: &'static str = "visit:seen"; }
///
/// #[derive(Serialize, Deserialize)]
/// struct Report { pages: Vec<String> }
/// # impl Task for Report { const TYPE: &'static str = "visit:report"; }
///
/// let rules = GroupRules { grace_period: Duration::from_secs(10), max_size: Some(100), ..GroupRules::default() };
/// # let backend = MemoryBackend::new(std::sync::Arc::new(TokioClock::new()));
/// let worker = Worker::builder(backend, Router::new().route(async |_: Report| {}))
///     .aggregate(rules, |group: GroupTasks| async move {
///         let visits = group.payloads::<Visit>()?;
///         Ok::<_, aftercommit::HandlerError>(NewTask::of(&Report {
///             pages: visits.into_iter().map(|visit| visit.page).collect(),
///         })?)
///     })
///     .build()?;
/// // A task joins a group with `client.enqueue(&visit).group("visits")`.
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregator",
    note = "an aggregator is an async function from `GroupTasks` to a `Result<NewTask, E>`, where `E` converts \
            into `HandlerError`"
)]
pub trait Aggregator: Send + Sync + 'static {
    /// Makes one task of a batch. It goes to the queue of the batch, and must not name another one.
    fn aggregate(&self, tasks: GroupTasks) -> impl Future<Output = Result<NewTask, HandlerError>> + Send;
}

impl<F, Fut, E> Aggregator for F
where
    F: Fn(GroupTasks) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<NewTask, E>> + Send,
    E: Into<HandlerError>,
{
    async fn aggregate(&self, tasks: GroupTasks) -> Result<NewTask, HandlerError> {
        self(tasks).await.map_err(Into::into)
    }
}

/// The tasks of one batch, in the order in which they joined their group. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GroupTasks {
    batch: Arc<Batch>,
    stopped: CancellationToken,
}

impl GroupTasks {
    pub(crate) const fn new(batch: Arc<Batch>, stopped: CancellationToken) -> Self {
        Self { batch, stopped }
    }

    /// The queue of the group.
    pub fn queue(&self) -> &QueueName {
        &self.batch.key.queue
    }

    /// The group.
    pub fn group(&self) -> &GroupName {
        &self.batch.key.group
    }

    /// The tasks as they are stored.
    pub fn messages(&self) -> &[Message] {
        &self.batch.tasks
    }

    /// The payloads of a group whose tasks are all of one type.
    ///
    /// # Errors
    /// If a task has another type, or a payload that cannot be decoded; it is named. A group in which that is to
    /// be expected is read with [`messages`](Self::messages), task by task.
    pub fn payloads<T: Task>(&self) -> Result<Vec<T>, HandlerError> {
        self.messages().iter().map(payload).collect()
    }

    /// When the tasks go back into their group unless they are aggregated.
    pub fn deadline(&self) -> SystemTime {
        self.batch.deadline.to_system_time()
    }

    /// Fires when the aggregator is to end early: the worker stops, or the deadline is near. The aggregator's own
    /// future is dropped then; what it has spawned should listen.
    pub fn cancellation(&self) -> CancellationToken {
        self.stopped.clone()
    }
}

fn payload<T: Task>(message: &Message) -> Result<T, HandlerError> {
    if message.task_type.as_str() != T::TYPE {
        return Err(format!("task {} is a {} and not a {}", message.id, message.task_type, T::TYPE).into());
    }
    serde_json::from_slice(&message.payload)
        .map_err(|error| format!("task {}: {}", message.id, undecodable::<T>(&error)).into())
}

/// An aggregator with its type erased, and its errors as text.
#[derive(Clone)]
pub(crate) struct Erased(Arc<Call>);

type Call = dyn Fn(GroupTasks) -> BoxFuture<'static, Result<NewTask, Failure>> + Send + Sync;

impl Erased {
    pub(crate) fn new(aggregator: impl Aggregator) -> Self {
        let aggregator = Arc::new(aggregator);
        Self(Arc::new(move |tasks| {
            let aggregator = Arc::clone(&aggregator);
            Box::pin(async move { aggregator.aggregate(tasks).await.map_err(HandlerError::into_failure) })
        }))
    }

    pub(crate) fn call(&self, tasks: GroupTasks) -> BoxFuture<'static, Result<NewTask, Failure>> {
        (self.0)(tasks)
    }
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aggregator")
    }
}
