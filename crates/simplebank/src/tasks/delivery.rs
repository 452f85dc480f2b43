//! How a task gets from the transaction that asks for it to the worker that runs it.

use super::send_verify_email::SendVerifyEmail;
use crate::store::{Outbox, Queue, Store, Tx};
use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::{Backend, Enqueued, Options, TaskState};
use anyhow::Context;
use std::sync::Arc;

/// The states of a task that somebody still has to do something about.
const UNFINISHED: [TaskState; 4] =
    [TaskState::Pending, TaskState::Active, TaskState::Scheduled, TaskState::Retry];

const IN_OUTBOX: &str = "tasks wait in the outbox for Redis: they leave once REDIS_ADDRESS is set again";
const IN_QUEUE: &str = "tasks of an earlier time wait in the database's own queue: start once without REDIS_ADDRESS \
                        to have them run";

const NO_QUEUE: &str = "tasks on PostgreSQL are not in this release; set DB_SOURCE to sqlite:PATH";

/// How a task gets from a commit to a worker. Either way the transaction writes to its own database and to nothing
/// else.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// The database is the queue.
    Database(Queue),
    /// The task waits in an outbox in the database until a relay has published it to Redis.
    Redis {
        /// Where transactions leave tasks.
        outbox: Outbox,
        /// Where workers take them from.
        backend: RedisBackend,
    },
}

impl Delivery {
    /// The delivery for tasks that are committed in this store: by Redis, if there is one. Nothing is connected yet.
    ///
    /// # Errors
    /// The store has no place for tasks.
    pub fn new(store: &Store, redis: Option<RedisOptions>) -> anyhow::Result<Self> {
        match redis {
            None => Ok(Self::Database(store.queue().context(NO_QUEUE)?)),
            Some(options) => {
                let outbox = store.outbox().context(NO_QUEUE)?;
                Ok(Self::Redis { outbox, backend: RedisBackend::new(options) })
            }
        }
    }

    /// Where workers take tasks from.
    #[must_use]
    pub fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Database(queue) => queue.backend(),
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
        match self {
            Self::Database(queue) => queue.enqueue_in(tx, task, options).await,
            Self::Redis { outbox, .. } => outbox.enqueue_in(tx, task, options).await,
        }
    }

    /// Warns of tasks in the store that were committed before Redis was configured, or before it was not any more:
    /// nobody looks for them where they are.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn warn_of_stranded(&self, store: &Store) -> aftercommit::Result<()> {
        let (waiting, what) = match self {
            Self::Database(_) => (in_outbox(store).await?, IN_OUTBOX),
            Self::Redis { .. } => (in_queue(store).await?, IN_QUEUE),
        };
        if waiting > 0 {
            tracing::warn!(waiting, "{what}");
        }
        Ok(())
    }
}

async fn in_outbox(store: &Store) -> aftercommit::Result<u64> {
    let Some(outbox) = store.outbox() else { return Ok(0) };
    Ok(outbox.rows().backlog().await?.waiting)
}

async fn in_queue(store: &Store) -> aftercommit::Result<u64> {
    let Some(queue) = store.queue() else { return Ok(0) };
    let (backend, mut unfinished) = (queue.backend(), 0);
    for name in backend.queues().await? {
        if let Some(queue) = backend.queue(&name).await? {
            unfinished += UNFINISHED.iter().map(|state| queue.counts.get(*state)).sum::<u64>();
        }
    }
    Ok(unfinished)
}
