//! The bank's data in one SQLite file: one connection that writes, several that read.
//!
//! SQLite lets one transaction write at a time. With a single writing connection that rule becomes a
//! fair queue inside the process instead of busy errors; `BEGIN IMMEDIATE` takes the write lock at
//! once, because a transaction that reads first and writes later fails when another one got in between.

pub(super) mod audit;
mod fault;
pub(super) mod idempotency;
pub(super) mod migrate;
mod open;
pub(super) mod users;
pub(super) mod verify_emails;

use super::{Conn, Fault, Place, StoreError};
use aftercommit::sqlite::{SqliteOutbox, SqliteQueue, SqliteTx};
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection};
use std::error::Error;
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// Every SQL statement of the bank's on SQLite, by the file it stands in and its name: whoever changes the schema can have
/// them all prepared against it.
pub const STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("users", users::STATEMENTS),
    ("verify_emails", verify_emails::STATEMENTS),
    ("idempotency", idempotency::STATEMENTS),
    ("audit", audit::STATEMENTS),
];

/// An open SQLite database, and the task queue and the outbox that live in it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    /// Holds the connections, which the bank's own statements share with it.
    queue: SqliteQueue,
    outbox: SqliteOutbox,
    place: Place,
}

impl SqliteStore {
    /// Opens the file, or creates it.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let pools = open::open(path, open::BUSY_TIMEOUT).await?;
        let outbox = SqliteOutbox::new(pools.clone());
        Ok(Self { queue: SqliteQueue::new(pools), outbox, place: Place::file(path) })
    }

    pub(super) const fn queue(&self) -> &SqliteQueue {
        &self.queue
    }

    pub(super) const fn outbox(&self) -> &SqliteOutbox {
        &self.outbox
    }

    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = self.queue.begin().await.map_err(explain_queue(&self.place))?;
        Ok(Tx { inner, outbox: self.outbox.clone(), place: self.place.clone() })
    }

    pub(super) async fn reader(&self) -> Result<Reader, StoreError> {
        let inner = self.queue.pools().readers.acquire().await.map_err(explain(&self.place))?;
        Ok(Reader { inner, place: self.place.clone() })
    }

    /// Whether the file can be read, asked of the file itself.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let mut reader = self.reader().await?;
        sqlx::query(READ_SCHEMA_VERSION).execute(&mut *reader.inner).await.map_err(explain(&self.place))?;
        Ok(())
    }

    /// Leaves all data in the file itself, as far as no other process is reading: whoever copies it after a stop
    /// should have everything. SQLite does that by itself only when the last connection can write.
    pub(super) async fn close(&self) {
        let pools = self.queue.pools();
        if let Err(error) = sqlx::query(CHECKPOINT).execute(&pools.writer).await {
            tracing::debug!(error = &error as &dyn Error, "failed to move the log into the database file");
        }
        pools.close().await;
    }
}

/// A transaction that holds the write lock of the file. Derefs to its connection. Its commit wakes the
/// workers and the relay of this process.
#[derive(Debug)]
pub struct Tx {
    inner: SqliteTx,
    outbox: SqliteOutbox,
    place: Place,
}

impl Tx {
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let committed = self.inner.commit().await.map_err(explain_queue(&self.place));
        // Only a hint: a relay that misses it looks at the file by itself a few milliseconds later.
        self.outbox.wake();
        committed
    }

    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        self.inner.rollback().await.map_err(explain_queue(&self.place))
    }

    pub(super) fn conn(&mut self) -> Conn<'_> {
        Conn::Sqlite(&mut self.inner, &self.place)
    }
}

impl Deref for Tx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }
}

/// A connection that can only read.
#[derive(Debug)]
pub struct Reader {
    inner: PoolConnection<Sqlite>,
    place: Place,
}

impl Reader {
    pub(super) fn conn(&mut self) -> Conn<'_> {
        Conn::Sqlite(&mut self.inner, &self.place)
    }
}

/// Moves what the write-ahead log holds into the file, and waits for nobody.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Reads the header of the file, and nothing else.
const READ_SCHEMA_VERSION: &str = "PRAGMA schema_version";

/// The queue's error as a meaning: the driver's error is among its causes. Fits `map_err`.
fn explain_queue(place: &Place) -> impl Fn(aftercommit::Error) -> StoreError {
    move |error| {
        let causes = std::iter::successors(Some(&error as &(dyn Error + 'static)), |cause| (*cause).source());
        let driver = causes.into_iter().find_map(|cause| cause.downcast_ref::<sqlx::Error>());
        let fault = driver.map_or(Fault::Statement, fault::meaning);
        StoreError::caused(place, fault, error)
    }
}

/// The driver's error as a meaning. Fits `map_err`.
pub(super) fn explain(place: &Place) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| StoreError::caused(place, fault::meaning(&error), error)
}
