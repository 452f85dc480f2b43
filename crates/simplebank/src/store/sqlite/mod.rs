//! The bank's data in one SQLite file: one connection that writes, several that read.
//!
//! SQLite lets one transaction write at a time. With a single writing connection that rule becomes a
//! fair queue inside the process instead of busy errors; `BEGIN IMMEDIATE` takes the write lock at
//! once, because a transaction that reads first and writes later fails when another one got in between.

mod fault;
pub(super) mod idempotency;
pub(super) mod migrate;
mod open;
#[cfg(test)]
mod tests;
pub(super) mod users;
pub(super) mod verify_emails;

use super::{Conn, Place, StoreError};
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// Defines SQL statements, and in tests the list of all of them, so that none escapes being prepared.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*

        #[cfg(test)]
        pub(super) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}
use statements;

/// The connections to one SQLite file, shared with everything else in this process that uses it.
#[derive(Debug, Clone)]
pub struct Pools {
    /// The one connection that writes. Transactions on it must begin with `BEGIN IMMEDIATE`.
    pub writer: SqlitePool,
    /// Connections that can only read.
    pub readers: SqlitePool,
}

/// An open SQLite database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pools: Pools,
    place: Place,
}

impl SqliteStore {
    /// Opens the file, or creates it.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let pools = open::open(path, open::BUSY_TIMEOUT).await?;
        Ok(Self { pools, place: Place::file(path) })
    }

    /// The connections, for the task queue that lives in the same file.
    #[must_use]
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = self.pools.writer.begin_with("BEGIN IMMEDIATE").await.map_err(explain(&self.place))?;
        Ok(Tx { inner, place: self.place.clone() })
    }

    pub(super) async fn reader(&self) -> Result<Reader, StoreError> {
        let inner = self.pools.readers.acquire().await.map_err(explain(&self.place))?;
        Ok(Reader { inner, place: self.place.clone() })
    }

    pub(super) async fn close(&self) {
        self.pools.readers.close().await;
        self.pools.writer.close().await;
    }
}

/// A transaction that holds the write lock of the file. Derefs to its connection.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Sqlite>,
    place: Place,
}

impl Tx {
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await.map_err(explain(&self.place))
    }

    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        self.inner.rollback().await.map_err(explain(&self.place))
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

/// The driver's error as a meaning. Fits `map_err`.
pub(super) fn explain(place: &Place) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| StoreError::caused(place, fault::meaning(&error), error)
}
