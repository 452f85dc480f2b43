//! The handle of the outbox: tasks that are committed in the host's own transactions here, and are published to another
//! back-end by a relay.

mod change;
mod claim;
pub(crate) mod insert;
mod kept;
mod operators;
mod relay;
mod row;

use std::sync::Arc;

use aftercommit_core::{Clock, EnqueueRequest, Enqueued, NewTask, Options, RawTask, Result, Task};
use sqlx::{PgConnection, PgPool};

use crate::looks::Looks;
use crate::sink::Target;
use crate::store::Store;
use crate::{PostgresOptions, PostgresQueue, PostgresSink, PostgresTx};

/// An outbox in a Postgres database. Cheap to clone; clones are one outbox, and wake each other.
///
/// A host whose tasks run from another back-end, such as Redis, stores them here in its own transaction: see
/// [`enqueue_in`](Self::enqueue_in). A relay then publishes them, through what this handle is an
/// [`Outbox`](aftercommit_core::Outbox) for. Any number of relays, in any number of processes, may do so side by side.
#[derive(Debug, Clone)]
pub struct PostgresOutbox {
    store: Store,
    looks: Arc<Looks>,
}

impl PostgresOutbox {
    /// An outbox on connections of its own, which are made when they are needed. The tables must be there: see
    /// [`migrate`](Self::migrate).
    pub fn new(options: &PostgresOptions) -> Self {
        Self { store: Store::new(options), looks: Arc::default() }
    }

    /// An outbox in the database of a queue, which shares its connections with it, the listening one included.
    pub fn beside(queue: &PostgresQueue) -> Self {
        Self { store: queue.store.clone(), looks: Arc::default() }
    }

    /// Takes the time from `clock` instead of the database. To be said before the outbox is used.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.store.set_clock(clock);
        self
    }

    /// Options for every task enqueued in a transaction that neither the call nor the task's type sets.
    #[must_use]
    pub fn with_defaults(mut self, defaults: Options) -> Self {
        self.store.defaults = Arc::new(defaults);
        self
    }

    /// Creates the tables in the database, or brings them up to date, as
    /// [`PostgresQueue::migrate`](crate::PostgresQueue::migrate) does: they are the same ones.
    ///
    /// # Errors
    /// If the tables are of a newer version than this library knows, or the database refuses.
    pub async fn migrate(&self) -> Result<()> {
        self.store.migrate().await
    }

    /// Begins a transaction on one of the host's connections, for its own statements and for
    /// [`enqueue_in`](Self::enqueue_in); its commit wakes the relay of this process at once, and those of others by a
    /// notification that is sent afterwards on a connection of the outbox's.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn begin(&self, pool: &PgPool) -> Result<PostgresTx> {
        self.store.begin(pool).await
    }

    /// Wakes the relays, for a host that committed a transaction of its own making. Only a hint: without it, tasks are
    /// noticed within 300 ms.
    pub fn wake(&self) {
        self.store.news.announce_everything();
    }

    /// Stores a task in the transaction that `conn` is in: a [`PostgresTx`], any transaction of sqlx, or a savepoint. Set
    /// options, then await.
    ///
    /// The task's row is written with one statement and nothing else is done; in particular nobody is notified. No relay
    /// sees it before the commit is on the disk; if the transaction rolls back, or never ends, the task never existed; once
    /// it has committed, the task is published, even if this process dies at that moment or the other back-end cannot be
    /// reached for a day.
    ///
    /// An id that is taken in this outbox is refused ([`IdConflict`](aftercommit_core::Error::IdConflict)), and the
    /// transaction goes on. What only the other back-end can know is judged when the task is published: whether a task
    /// there has the id, and whether the lock of a unique task is free.
    ///
    /// A commit of the host's own making should be followed by [`wake`](Self::wake).
    ///
    /// ```no_run
    /// use aftercommit_core::Task;
    /// use aftercommit_postgres::{PostgresOptions, PostgresOutbox};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct SendVerifyEmail {
    ///     username: String,
    /// }
    ///
    /// impl Task for SendVerifyEmail {
    ///     const TYPE: &'static str = "task:send_verify_email";
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let url = "postgresql://localhost/app";
    /// let pool = sqlx::PgPool::connect(url).await?;
    /// let outbox = PostgresOutbox::new(&PostgresOptions::parse(url)?);
    /// outbox.migrate().await?;
    ///
    /// let mut tx = outbox.begin(&pool).await?;
    /// sqlx::query("INSERT INTO users (name) VALUES ($1)").bind("alice").execute(&mut *tx).await?;
    /// let task = SendVerifyEmail { username: "alice".into() };
    /// outbox.enqueue_in(&mut tx, &task).queue("critical").max_retry(10).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enqueue_in<'a, T: Task>(
        &'a self,
        conn: &'a mut PgConnection,
        task: &T,
    ) -> EnqueueRequest<'a, PostgresSink<'a>> {
        EnqueueRequest::new(NewTask::of(task), self.sink(conn))
    }

    /// As [`enqueue_in`](Self::enqueue_in), for a task without a payload type.
    pub fn enqueue_raw_in<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        task: RawTask,
    ) -> EnqueueRequest<'a, PostgresSink<'a>> {
        EnqueueRequest::new(Ok(task.into()), self.sink(conn))
    }

    /// As [`enqueue_in`](Self::enqueue_in), for many tasks at once and with one statement. Answers for each task; a refused
    /// one does not keep the others out.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; then the caller should roll back.
    pub async fn enqueue_batch_in(
        &self,
        conn: &mut PgConnection,
        tasks: Vec<NewTask>,
    ) -> Result<Vec<Result<Enqueued>>> {
        self.sink(conn).accept_all(tasks).await
    }

    /// Closes the outbox's connections, once what is under way has ended and other processes have been told of what was
    /// stored; later calls fail.
    pub async fn close(&self) {
        self.store.close().await;
    }

    fn sink<'a>(&'a self, conn: &'a mut PgConnection) -> PostgresSink<'a> {
        PostgresSink { store: &self.store, target: Target::Outbox, on: self.store.on(conn) }
    }
}
