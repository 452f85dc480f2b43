//! The awaited builder behind every `enqueue` call, so that options read the same on every handle.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use crate::{Enqueue, NewTask, Options, QueueName, Result, State, TaskId, TaskType, Timestamp};

/// A future that lives as long as what it borrows.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where an [`EnqueueRequest`] ends: a client, or a transaction.
pub trait EnqueueSink<'a>: Send + Sized + 'a {
    /// Stores the task.
    fn accept(self, task: NewTask) -> BoxFuture<'a, Result<Enqueued>>;
}

/// A task about to be enqueued. Set options, then await it; nothing happens before.
#[must_use = "a task is enqueued only when the request is awaited"]
#[derive(Debug)]
pub struct EnqueueRequest<'a, S> {
    task: Result<NewTask>,
    options: Options,
    sink: S,
    borrows: PhantomData<&'a ()>,
}

impl<'a, S: EnqueueSink<'a>> EnqueueRequest<'a, S> {
    /// A request that ends in `sink`. A task that could not be encoded fails when awaited.
    pub fn new(task: Result<NewTask>, sink: S) -> Self {
        Self { task, options: Options::new(), sink, borrows: PhantomData }
    }

    /// Sets several options at once; they win over those set before.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options.or(self.options);
        self
    }

    /// See [`Options::queue`].
    pub fn queue(self, name: impl Into<String>) -> Self {
        self.options(Options::new().queue(name))
    }

    /// See [`Options::id`].
    pub fn id(self, id: impl Into<String>) -> Self {
        self.options(Options::new().id(id))
    }

    /// See [`Options::max_retry`].
    pub fn max_retry(self, max_retry: u32) -> Self {
        self.options(Options::new().max_retry(max_retry))
    }

    /// See [`Options::timeout`].
    pub fn timeout(self, timeout: Duration) -> Self {
        self.options(Options::new().timeout(timeout))
    }

    /// See [`Options::deadline`].
    pub fn deadline(self, deadline: SystemTime) -> Self {
        self.options(Options::new().deadline(deadline))
    }

    /// See [`Options::process_in`].
    pub fn process_in(self, delay: Duration) -> Self {
        self.options(Options::new().process_in(delay))
    }

    /// See [`Options::process_at`].
    pub fn process_at(self, at: SystemTime) -> Self {
        self.options(Options::new().process_at(at))
    }

    /// See [`Options::unique_for`].
    pub fn unique_for(self, duration: Duration) -> Self {
        self.options(Options::new().unique_for(duration))
    }

    /// See [`Options::retention`].
    pub fn retention(self, retention: Duration) -> Self {
        self.options(Options::new().retention(retention))
    }

    /// See [`Options::group`].
    pub fn group(self, name: impl Into<String>) -> Self {
        self.options(Options::new().group(name))
    }

    /// See [`Options::header`].
    pub fn header(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options(Options::new().header(key, value))
    }
}

impl<'a, S: EnqueueSink<'a>> IntoFuture for EnqueueRequest<'a, S> {
    type Output = Result<Enqueued>;
    type IntoFuture = BoxFuture<'a, Result<Enqueued>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { task, options, sink, .. } = self;
        match task {
            Ok(task) => sink.accept(task.with(options)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// What was stored. Inside a transaction: what will be, once it commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueued {
    /// The task's id.
    pub id: TaskId,
    /// Its queue.
    pub queue: QueueName,
    /// Its type.
    pub task_type: TaskType,
    /// Its state.
    pub state: State,
    /// How many retries it has.
    pub max_retry: u32,
    /// When it is due, if not now.
    pub process_at: Option<Timestamp>,
}

impl From<&Enqueue> for Enqueued {
    fn from(enqueue: &Enqueue) -> Self {
        let message = &enqueue.message;
        let process_at = match enqueue.placement {
            crate::Placement::Now => None,
            crate::Placement::At(due) => Some(due),
        };
        Self {
            id: message.id.clone(),
            queue: message.queue.clone(),
            task_type: message.task_type.clone(),
            state: enqueue.state(),
            max_retry: message.max_retry,
            process_at,
        }
    }
}
