//! The client: puts tasks into queues, outside of any transaction.

use std::sync::Arc;

use aftercommit_core::{
    Backend, BoxFuture, Clock, Enqueue, EnqueueRequest, EnqueueSink, Enqueued, Error, NewTask, Options,
    RawTask, Result, SystemClock, Task, Timestamp,
};

use crate::coalescer::Coalescer;
use crate::text::store_name;

/// Enqueues tasks. Cheap to clone.
///
/// This promises nothing about a transaction: the task is stored when the call returns, whatever
/// becomes of the caller's own writes. To tie the two together, use `enqueue_in` of a queue handle.
#[derive(Debug, Clone)]
pub struct Client {
    backend: Arc<dyn Backend>,
    coalescer: Coalescer,
    defaults: Options,
    clock: Arc<dyn Clock>,
}

impl Client {
    /// A client over a back-end.
    pub fn new<B: Backend>(backend: B) -> Self {
        Self::from_dyn(Arc::new(backend))
    }

    /// A client over a back-end that is shared.
    pub fn from_dyn(backend: Arc<dyn Backend>) -> Self {
        Self {
            coalescer: Coalescer::new(Arc::clone(&backend)),
            backend,
            defaults: Options::new(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Options for every task of this client that neither its type nor the call sets.
    #[must_use]
    pub fn with_defaults(mut self, defaults: Options) -> Self {
        self.defaults = defaults;
        self
    }

    /// Where the time comes from; has to be the back-end's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Enqueues a task: `client.enqueue(&task).queue("critical").process_in(delay).await?`.
    ///
    /// Calls made at the same time by many tasks of one process travel together.
    pub fn enqueue<T: Task>(&self, task: &T) -> EnqueueRequest<'_, &Self> {
        EnqueueRequest::new(NewTask::of(task), self)
    }

    /// Enqueues a task without a payload type.
    pub fn enqueue_raw(&self, task: RawTask) -> EnqueueRequest<'_, &Self> {
        EnqueueRequest::new(Ok(task.into()), self)
    }

    /// Enqueues many tasks in one call, and answers for each in order. Tasks are refused one by one: an
    /// id that is taken does not keep the others from being stored.
    ///
    /// # Errors
    /// If an option cannot be used (then nothing was sent), or the store cannot be reached (then
    /// nothing is known).
    pub async fn enqueue_batch(
        &self,
        tasks: impl IntoIterator<Item = NewTask>,
    ) -> Result<Vec<Result<Enqueued>>> {
        let now = self.clock.now();
        let batch = tasks.into_iter().map(|task| self.resolve(task, now)).collect::<Result<Vec<_>>>()?;
        let results = self.backend.enqueue(&batch).await?;
        Ok(batch
            .iter()
            .zip(results)
            .map(|(enqueue, result)| match result {
                Ok(()) => Ok(enqueue.into()),
                Err(refusal) => Err(refusal.into_error(&enqueue.message)),
            })
            .collect())
    }

    fn resolve(&self, task: NewTask, now: Timestamp) -> Result<Enqueue> {
        let enqueue = task.resolve(&self.defaults, now)?;
        if enqueue.message.group.is_some() && self.backend.groups().is_none() {
            let store = store_name(self.backend.as_ref());
            return Err(Error::invalid("option group", format!("{store} keeps no groups")));
        }
        Ok(enqueue)
    }
}

impl<'a> EnqueueSink<'a> for &'a Client {
    fn accept(self, task: NewTask) -> BoxFuture<'a, Result<Enqueued>> {
        Box::pin(async move {
            let enqueue = self.resolve(task, self.clock.now())?;
            self.coalescer.enqueue(enqueue).await
        })
    }
}
