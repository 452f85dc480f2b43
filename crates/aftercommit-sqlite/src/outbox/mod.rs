//! The handle of the outbox: tasks that are committed in the host's own transactions here, and are
//! published to another back-end by a relay.

mod claim;
pub(crate) mod insert;
mod kept;
mod operators;
mod relay;
mod row;

use std::path::Path;
use std::sync::Arc;

use aftercommit_core::{Clock, EnqueueRequest, Enqueued, NewTask, Options, RawTask, Result, Task};
use sqlx::SqliteConnection;

use crate::sink::Target;
use crate::store::Store;
use crate::{SqlitePools, SqliteSink, SqliteTx};

/// An outbox in a SQLite database. Cheap to clone; clones are one outbox, and wake each other.
///
/// A host whose tasks run from another back-end, such as Redis, stores them here in its own transaction: see
/// [`enqueue_in`](Self::enqueue_in). A relay then publishes them, through what this handle is an
/// [`Outbox`](aftercommit_core::Outbox) for.
#[derive(Debug, Clone)]
pub struct SqliteOutbox {
    store: Store,
}

impl SqliteOutbox {
    /// An outbox on connections that its host uses too. The tables must be there: see
    /// [`migrate`](Self::migrate).
    pub fn new(pools: SqlitePools) -> Self {
        Self { store: Store::new(pools) }
    }

    /// An outbox on connections of its own.
    ///
    /// # Errors
    /// If the file cannot be opened or is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::new(SqlitePools::open(path).await?))
    }

    /// Takes the time from `clock`. To be said before the outbox is used.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.store.clock = clock;
        self
    }

    /// Options for every task enqueued in a transaction that neither the call nor the task's type sets.
    #[must_use]
    pub fn with_defaults(mut self, defaults: Options) -> Self {
        self.store.defaults = Arc::new(defaults);
        self
    }

    /// The connections, for the host's own statements.
    pub const fn pools(&self) -> &SqlitePools {
        &self.store.pools
    }

    /// Creates the tables in the database, or brings them up to date, as
    /// [`SqliteQueue::migrate`](crate::SqliteQueue::migrate) does: they are the same ones.
    ///
    /// # Errors
    /// If the tables are of a newer version than this library knows, or the store refuses.
    pub async fn migrate(&self) -> Result<()> {
        self.store.migrate().await
    }

    /// Begins a transaction for the host's own statements and for [`enqueue_in`](Self::enqueue_in); its
    /// commit wakes the relay of this process. All transactions take turns: wait for nothing else in one.
    ///
    /// # Errors
    /// If the store cannot be reached, or others write for too long.
    pub async fn begin(&self) -> Result<SqliteTx> {
        self.store.begin().await
    }

    /// Wakes the relay of this process, for a host that committed a transaction of its own making.
    /// Only a hint: without it, tasks are noticed within 100 ms.
    pub fn wake(&self) {
        self.store.news.everything();
    }

    /// Stores a task in the transaction that `conn` is in: a [`SqliteTx`], any transaction of sqlx, or a
    /// savepoint. Set options, then await.
    ///
    /// The task's row is written and nothing else is done. No relay sees it before the commit is on the
    /// disk; if the transaction rolls back, or never ends, the task never existed; once it has committed,
    /// the task is published, even if this process dies at that moment or the other back-end cannot be
    /// reached for a day.
    ///
    /// An id that is taken in this outbox is refused ([`IdConflict`](aftercommit_core::Error::IdConflict)),
    /// and the transaction goes on. What only the other back-end can know is judged when the task is
    /// published: whether a task there has the id, and whether the lock of a unique task is free.
    ///
    /// A transaction of the host's own making must begin with `BEGIN IMMEDIATE`, and should be followed
    /// by [`wake`](Self::wake).
    ///
    /// ```
    /// use aftercommit_core::Task;
    /// use aftercommit_sqlite::SqliteOutbox;
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
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.db");
    /// let outbox = SqliteOutbox::open(path).await?;
    /// outbox.migrate().await?;
    /// # sqlx::raw_sql("CREATE TABLE users (name TEXT)").execute(&outbox.pools().writer).await?;
    ///
    /// let mut tx = outbox.begin().await?;
    /// sqlx::query("INSERT INTO users (name) VALUES (?1)").bind("alice").execute(&mut *tx).await?;
    /// let task = SendVerifyEmail { username: "alice".into() };
    /// outbox.enqueue_in(&mut tx, &task).queue("critical").max_retry(10).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enqueue_in<'a, T: Task>(
        &'a self,
        conn: &'a mut SqliteConnection,
        task: &T,
    ) -> EnqueueRequest<'a, SqliteSink<'a>> {
        EnqueueRequest::new(NewTask::of(task), self.sink(conn))
    }

    /// As [`enqueue_in`](Self::enqueue_in), for a task without a payload type.
    pub fn enqueue_raw_in<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
        task: RawTask,
    ) -> EnqueueRequest<'a, SqliteSink<'a>> {
        EnqueueRequest::new(Ok(task.into()), self.sink(conn))
    }

    /// As [`enqueue_in`](Self::enqueue_in), for many tasks at once and with one statement. Answers for
    /// each task; a refused one does not keep the others out.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; then the caller should roll back.
    pub async fn enqueue_batch_in(
        &self,
        conn: &mut SqliteConnection,
        tasks: Vec<NewTask>,
    ) -> Result<Vec<Result<Enqueued>>> {
        self.sink(conn).accept_all(tasks).await
    }

    const fn sink<'a>(&'a self, conn: &'a mut SqliteConnection) -> SqliteSink<'a> {
        SqliteSink { store: &self.store, target: Target::Outbox, conn }
    }
}
