//! The database: functions over a transaction that the caller holds. No rule of the bank lives here,
//! and nothing above names a driver.
//!
//! Each back-end keeps its SQL in a directory of its own ([`sqlite`], [`postgres`]); the files beside it pick the
//! one that the transaction belongs to. A function that writes takes a [`Tx`], so that what belongs
//! together is committed together; one that only reads takes a [`Conn`], from a transaction or from
//! a [`Reader`].

pub mod audit;
mod error;
pub mod idempotency;
pub mod migrate;
pub mod postgres;
mod scripts;
mod source;
pub mod sqlite;
mod tasks;
pub mod users;
pub mod verify_emails;

pub use error::{Fault, Place, StoreError, is_conflict};
pub use source::{Source, SourceError};
pub use tasks::{Outbox, Queue};

use sqlx::SqliteConnection;

/// Defines SQL statements, and the list of all of them, so that none escapes being prepared.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* const $name: &str = $sql;)*

        pub(in crate::store) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}
use statements;

/// An open database. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Store {
    /// An SQLite file on this machine.
    Sqlite(sqlite::SqliteStore),
    /// A Postgres.
    Postgres(postgres::PostgresStore),
}

impl Store {
    /// Opens the database, which must have been migrated ([`migrate::up`]) before it is used.
    ///
    /// # Errors
    /// Says in one line what is wrong with the database and what to do about it.
    pub async fn open(source: &Source) -> Result<Self, StoreError> {
        match source {
            Source::Sqlite(path) => sqlite::SqliteStore::open(path).await.map(Self::Sqlite),
            Source::Postgres(source) => postgres::PostgresStore::open(source).await.map(Self::Postgres),
        }
    }

    /// Begins a transaction that may write. One that is dropped is rolled back.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite(store) => store.begin().await.map(Tx::Sqlite),
            Self::Postgres(store) => store.begin().await.map(Tx::Postgres),
        }
    }

    /// A connection for reading, outside any transaction: each statement sees what was committed
    /// before it began.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        match self {
            Self::Sqlite(store) => store.reader().await.map(Reader::Sqlite),
            Self::Postgres(store) => store.reader().await.map(Reader::Postgres),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.ping().await,
            Self::Postgres(store) => store.ping().await,
        }
    }

    /// The task queue in the same database.
    #[must_use]
    pub fn queue(&self) -> Queue {
        match self {
            Self::Sqlite(store) => Queue::Sqlite(store.queue().clone()),
            Self::Postgres(store) => Queue::Postgres(store.queue().clone()),
        }
    }

    /// The outbox in the same database, for tasks that run from elsewhere.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        match self {
            Self::Sqlite(store) => Outbox::Sqlite(store.outbox().clone()),
            Self::Postgres(store) => Outbox::Postgres(store.outbox().clone()),
        }
    }

    /// Waits for running statements and closes every connection; later calls fail.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

/// A transaction that may write.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(sqlite::Tx),
    /// On Postgres.
    Postgres(postgres::Tx),
}

impl Tx {
    /// Makes everything done in this transaction durable, all at once.
    ///
    /// # Errors
    /// [`Fault::CommitUnknown`] if it may have happened all the same.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    /// Undoes everything done in this transaction.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await,
            Self::Postgres(tx) => tx.rollback().await,
        }
    }

    /// The connection of this transaction.
    pub fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(tx) => tx.conn(),
            Self::Postgres(tx) => tx.conn(),
        }
    }
}

/// A connection for reading.
#[derive(Debug)]
pub enum Reader {
    /// On SQLite.
    Sqlite(sqlite::Reader),
    /// On Postgres.
    Postgres(postgres::Reader),
}

impl Reader {
    /// The connection.
    pub fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(reader) => reader.conn(),
            Self::Postgres(reader) => reader.conn(),
        }
    }
}

/// A connection borrowed for one call, with the name of its database for error messages.
#[derive(Debug)]
pub enum Conn<'c> {
    /// To SQLite.
    Sqlite(&'c mut SqliteConnection, &'c Place),
    /// To Postgres.
    Postgres(postgres::Link<'c>, &'c Place),
}
