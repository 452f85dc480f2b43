//! How a task gets from the transaction that asks for it to the worker that runs it.

use super::send_verify_email::SendVerifyEmail;
use crate::store::{Store, Tx};
use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::sqlite::{SqliteOutbox, SqliteQueue};
use aftercommit::{Backend, Enqueued, Inspect, Options, Outbox, TaskState};
use std::sync::Arc;

/// The states of a task that somebody still has to do something about.
const UNFINISHED: [TaskState; 4] =
    [TaskState::Pending, TaskState::Active, TaskState::Scheduled, TaskState::Retry];

const IN_OUTBOX: &str = "tasks wait in the outbox for Redis: they leave once REDIS_ADDRESS is set again";
const IN_QUEUE: &str = "tasks of an earlier time wait in the database's own queue: start once without REDIS_ADDRESS \
                        to have them run";

/// How a task gets from a commit to a worker. Either way the transaction writes to its own database and to nothing
/// else.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// The database is the queue.
    Database(SqliteQueue),
    /// The task waits in an outbox in the database until a relay has published it to Redis.
    Redis {
        /// Where transactions leave tasks.
        outbox: SqliteOutbox,
        /// Where workers take them from.
        backend: RedisBackend,
    },
}

impl Delivery {
    /// The delivery for tasks that are committed in this store: by Redis, if there is one. Nothing is connected yet.
    #[must_use]
    pub fn new(store: &Store, redis: Option<RedisOptions>) -> Self {
        match redis {
            None => Self::Database(store.queue().clone()),
            Some(options) => {
                Self::Redis { outbox: store.outbox().clone(), backend: RedisBackend::new(options) }
            }
        }
    }

    /// Where workers take tasks from.
    #[must_use]
    pub fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Database(queue) => Arc::new(queue.clone()),
            Self::Redis { backend, .. } => Arc::new(backend.clone()),
        }
    }

    /// Writes a task in a transaction, and does nothing else.
    pub(super) async fn enqueue_in(
        &self,
        tx: &mut Tx,
        task: &SendVerifyEmail,
        options: Options,
    ) -> aftercommit::Result<Enqueued> {
        let Tx::Sqlite(tx) = tx;
        match self {
            Self::Database(queue) => queue.enqueue_in(tx, task).options(options).await,
            Self::Redis { outbox, .. } => outbox.enqueue_in(tx, task).options(options).await,
        }
    }

    /// Warns of tasks in the store that were committed before Redis was configured, or before it was not any more:
    /// nobody looks for them where they are.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn warn_of_stranded(&self, store: &Store) -> aftercommit::Result<()> {
        let (waiting, what) = match self {
            Self::Database(_) => (store.outbox().backlog().await?.waiting, IN_OUTBOX),
            Self::Redis { .. } => (unfinished(store.queue()).await?, IN_QUEUE),
        };
        if waiting > 0 {
            tracing::warn!(waiting, "{what}");
        }
        Ok(())
    }
}

async fn unfinished(queue: &SqliteQueue) -> aftercommit::Result<u64> {
    let mut unfinished = 0;
    for name in queue.queues().await? {
        if let Some(queue) = queue.queue(&name).await? {
            unfinished += UNFINISHED.iter().map(|state| queue.counts.get(*state)).sum::<u64>();
        }
    }
    Ok(unfinished)
}
