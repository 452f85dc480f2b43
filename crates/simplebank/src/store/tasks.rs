//! The task queue and the outbox that live in the bank's own database: what is written there in a transaction of the
//! bank's exists exactly if that commits.

use super::Tx;
use super::postgres::Sleeper;
use aftercommit::postgres::{PostgresOutbox, PostgresQueue};
use aftercommit::sqlite::{SqliteOutbox, SqliteQueue};
use aftercommit::{Backend, Enqueued, Error, Options, Result, Task};
use std::sync::Arc;

/// The task queue. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Queue {
    /// On SQLite.
    Sqlite(SqliteQueue),
    /// On Postgres.
    Postgres(PostgresQueue),
}

impl Queue {
    /// Creates its tables, and those of the outbox, or brings them up to date.
    ///
    /// # Errors
    /// They are of a newer version, or the database refuses.
    pub async fn migrate(&self) -> Result<()> {
        match self {
            Self::Sqlite(queue) => queue.migrate().await,
            Self::Postgres(queue) => queue.migrate().await,
        }
    }

    /// Writes a task in a transaction, and does nothing else.
    ///
    /// # Errors
    /// The database refuses; the caller rolls back.
    pub async fn enqueue_in<T: Task>(&self, tx: &mut Tx, task: &T, options: Options) -> Result<Enqueued> {
        match (self, tx) {
            (Self::Sqlite(queue), Tx::Sqlite(tx)) => queue.enqueue_in(tx, task).options(options).await,
            (Self::Postgres(queue), Tx::Postgres(tx)) => {
                tx.wakes(Sleeper::Queue(queue.clone()));
                queue.enqueue_in(tx, task).options(options).await
            }
            (Self::Sqlite(_) | Self::Postgres(_), _) => Err(foreign()),
        }
    }

    /// What workers take tasks from.
    #[must_use]
    pub fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Sqlite(queue) => Arc::new(queue.clone()),
            Self::Postgres(queue) => Arc::new(queue.clone()),
        }
    }
}

/// The outbox, for tasks that run from elsewhere. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Outbox {
    /// On SQLite.
    Sqlite(SqliteOutbox),
    /// On Postgres.
    Postgres(PostgresOutbox),
}

impl Outbox {
    /// Writes a task in a transaction, and does nothing else.
    ///
    /// # Errors
    /// The database refuses; the caller rolls back.
    pub async fn enqueue_in<T: Task>(&self, tx: &mut Tx, task: &T, options: Options) -> Result<Enqueued> {
        match (self, tx) {
            (Self::Sqlite(outbox), Tx::Sqlite(tx)) => outbox.enqueue_in(tx, task).options(options).await,
            (Self::Postgres(outbox), Tx::Postgres(tx)) => {
                tx.wakes(Sleeper::Outbox(outbox.clone()));
                outbox.enqueue_in(tx, task).options(options).await
            }
            (Self::Sqlite(_) | Self::Postgres(_), _) => Err(foreign()),
        }
    }

    /// What a relay empties.
    #[must_use]
    pub fn rows(&self) -> Arc<dyn aftercommit::Outbox> {
        match self {
            Self::Sqlite(outbox) => Arc::new(outbox.clone()),
            Self::Postgres(outbox) => Arc::new(outbox.clone()),
        }
    }

    /// Has the relays of this process look whether there is something to publish.
    pub fn wake(&self) {
        match self {
            Self::Sqlite(outbox) => outbox.wake(),
            Self::Postgres(outbox) => outbox.wake(),
        }
    }
}

fn foreign() -> Error {
    Error::invalid("transaction", "it is one of another database")
}
