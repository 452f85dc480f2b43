//! Where an enqueue in a transaction ends: in the queue, or in the outbox.

use std::fmt;

use aftercommit_core::{BoxFuture, Enqueue, EnqueueSink, Enqueued, NewTask, Refusal, Result};

use crate::session::On;
use crate::store::Store;
use crate::{enqueue, outbox};

/// The end of an [`EnqueueRequest`](aftercommit_core::EnqueueRequest) in a transaction.
pub struct PostgresSink<'a> {
    pub(crate) store: &'a Store,
    pub(crate) target: Target,
    pub(crate) on: On<'a>,
}

/// Which tables a task goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    Queue,
    Outbox,
}

impl Target {
    async fn insert(
        self,
        on: &mut On<'_>,
        tasks: &[Enqueue],
        moment: Option<i64>,
    ) -> Result<Vec<Result<(), Refusal>>> {
        match self {
            Self::Queue => enqueue::enqueue(on, tasks, moment).await,
            Self::Outbox => outbox::insert::insert(on, tasks, moment).await,
        }
    }
}

impl<'a> EnqueueSink<'a> for PostgresSink<'a> {
    fn accept(mut self, task: NewTask) -> BoxFuture<'a, Result<Enqueued>> {
        Box::pin(async move {
            let (defaults, moment) = (&self.store.defaults, self.store.moment());
            let has_new_id = !task.options.has_id() && !defaults.has_id();
            let task = task.resolve(defaults, self.store.local_now())?;
            if matches!(self.target, Target::Queue) && has_new_id && task.unique_for.is_none() {
                enqueue::enqueue_new(&mut self.on, &task, moment).await?;
                return Ok(Enqueued::from(&task));
            }
            let answers = self.target.insert(&mut self.on, std::slice::from_ref(&task), moment).await?;
            match answers.first() {
                Some(Err(refusal)) => Err(refusal.into_error(&task.message)),
                _ => Ok(Enqueued::from(&task)),
            }
        })
    }
}

impl PostgresSink<'_> {
    /// Stores many tasks; answers for each.
    pub(crate) async fn accept_all(mut self, tasks: Vec<NewTask>) -> Result<Vec<Result<Enqueued>>> {
        let now = self.store.local_now();
        let resolved: Vec<Result<Enqueue>> =
            tasks.into_iter().map(|task| task.resolve(&self.store.defaults, now)).collect();
        let usable: Vec<Enqueue> = resolved.iter().filter_map(|task| task.as_ref().ok()).cloned().collect();
        let mut answers = self.target.insert(&mut self.on, &usable, self.store.moment()).await?.into_iter();
        let answer = |task: Result<Enqueue>| {
            let task = task?;
            match answers.next().unwrap_or(Ok(())) {
                Ok(()) => Ok(Enqueued::from(&task)),
                Err(refusal) => Err(refusal.into_error(&task.message)),
            }
        };
        Ok(resolved.into_iter().map(answer).collect())
    }
}

impl fmt::Debug for PostgresSink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSink").field("target", &self.target).finish_non_exhaustive()
    }
}
