//! How a task gets from the transaction that asks for it to the worker that runs it.

use crate::config::TaskDelivery;
use crate::store::{Outbox, Queue, Store};
use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::{Backend, Client, TaskState};
use std::sync::Arc;

/// The states of a task that somebody still has to do something about.
const UNFINISHED: [TaskState; 4] =
    [TaskState::Pending, TaskState::Active, TaskState::Scheduled, TaskState::Retry];

const IN_OUTBOX: &str = "tasks wait in the outbox for Redis: they leave once REDIS_ADDRESS is set again";
const IN_IDLE_OUTBOX: &str = "tasks wait in the outbox, which TASK_DELIVERY leaves alone: they leave once it is outbox \
                              again";
const IN_QUEUE: &str = "tasks of an earlier time wait in the database's own queue: start once without REDIS_ADDRESS \
                        to have them run";

/// How a task gets to a worker.
///
/// With the first two, the transaction writes to its own database and to nothing else. `Direct` writes to two places
/// that know nothing of each other, as the course does at first; it is there to show what becomes of that.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// The database is the queue.
    Database(Queue),
    /// The task waits in an outbox in the database until a relay has published it to Redis.
    Outbox {
        /// Where transactions leave tasks.
        outbox: Outbox,
        /// Where workers take them from.
        backend: RedisBackend,
    },
    /// The request itself enqueues to Redis.
    Direct {
        /// Whether it does so before the commit or after it.
        moment: Moment,
        /// What it enqueues with.
        client: Client,
        /// Where workers take tasks from.
        backend: RedisBackend,
    },
}

/// On which side of the commit a request enqueues to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Inside the transaction: its failure rolls the transaction back, and the commit's failure leaves the task.
    BeforeCommit,
    /// After it: what fails then, or dies, leaves the rows without a task.
    AfterCommit,
}

impl Delivery {
    /// The delivery for what is committed in this store: by Redis, if there is one. Nothing is connected yet.
    #[must_use]
    pub fn new(store: &Store, redis: Option<RedisOptions>, how: TaskDelivery) -> Self {
        let Some(options) = redis else { return Self::Database(store.queue()) };
        let backend = RedisBackend::new(options);
        let direct =
            |moment| Self::Direct { moment, client: Client::new(backend.clone()), backend: backend.clone() };
        match how {
            TaskDelivery::Outbox => Self::Outbox { outbox: store.outbox(), backend },
            TaskDelivery::Direct => direct(Moment::BeforeCommit),
            TaskDelivery::DirectNoTx => direct(Moment::AfterCommit),
        }
    }

    /// Where workers take tasks from.
    #[must_use]
    pub fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Database(queue) => queue.backend(),
            Self::Outbox { backend, .. } | Self::Direct { backend, .. } => Arc::new(backend.clone()),
        }
    }

    /// Warns of tasks in the store that were committed before the configuration became what it is: nobody looks for
    /// them where they are.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn warn_of_stranded(&self, store: &Store) -> aftercommit::Result<()> {
        match self {
            Self::Database(_) => warn_if_any(in_outbox(store).await?, IN_OUTBOX),
            Self::Outbox { .. } => warn_if_any(in_queue(store).await?, IN_QUEUE),
            Self::Direct { .. } => {
                warn_if_any(in_outbox(store).await?, IN_IDLE_OUTBOX);
                warn_if_any(in_queue(store).await?, IN_QUEUE);
            }
        }
        Ok(())
    }
}

fn warn_if_any(waiting: u64, what: &str) {
    if waiting > 0 {
        tracing::warn!(waiting, "{what}");
    }
}

async fn in_outbox(store: &Store) -> aftercommit::Result<u64> {
    Ok(store.outbox().rows().backlog().await?.waiting)
}

async fn in_queue(store: &Store) -> aftercommit::Result<u64> {
    let (backend, mut unfinished) = (store.queue().backend(), 0);
    for name in backend.queues().await? {
        if let Some(queue) = backend.queue(&name).await? {
            unfinished += UNFINISHED.iter().map(|state| queue.counts.get(*state)).sum::<u64>();
        }
    }
    Ok(unfinished)
}
