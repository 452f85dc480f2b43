//! Where an enqueue in a transaction ends: in the queue, or in the outbox.

use std::fmt;

use aftercommit_core::{BoxFuture, Enqueue, EnqueueSink, Enqueued, NewTask, Refusal, Result, Timestamp};
use sqlx::SqliteConnection;

use crate::store::Store;
use crate::{enqueue, outbox};

/// The end of an [`EnqueueRequest`](aftercommit_core::EnqueueRequest) in a transaction.
pub struct SqliteSink<'a> {
    pub(crate) store: &'a Store,
    pub(crate) target: Target,
    pub(crate) conn: &'a mut SqliteConnection,
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
        conn: &mut SqliteConnection,
        tasks: &[Enqueue],
        now: Timestamp,
    ) -> Result<Vec<Result<(), Refusal>>> {
        match self {
            Self::Queue => enqueue::enqueue(conn, tasks, now).await,
            Self::Outbox => outbox::insert::insert(conn, tasks, now).await,
        }
    }
}

impl<'a> EnqueueSink<'a> for SqliteSink<'a> {
    fn accept(self, task: NewTask) -> BoxFuture<'a, Result<Enqueued>> {
        Box::pin(async move {
            let now = self.store.now();
            let task = task.resolve(&self.store.defaults, now)?;
            match self.target.insert(self.conn, std::slice::from_ref(&task), now).await?.first() {
                Some(Err(refusal)) => Err(refusal.into_error(&task.message)),
                _ => Ok(Enqueued::from(&task)),
            }
        })
    }
}

impl SqliteSink<'_> {
    /// Stores many tasks; answers for each.
    pub(crate) async fn accept_all(self, tasks: Vec<NewTask>) -> Result<Vec<Result<Enqueued>>> {
        let now = self.store.now();
        let resolved: Vec<Result<Enqueue>> =
            tasks.into_iter().map(|task| task.resolve(&self.store.defaults, now)).collect();
        let usable: Vec<Enqueue> = resolved.iter().filter_map(|task| task.as_ref().ok()).cloned().collect();
        let mut answers = self.target.insert(self.conn, &usable, now).await?.into_iter();
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

impl fmt::Debug for SqliteSink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSink").field("target", &self.target).finish_non_exhaustive()
    }
}
