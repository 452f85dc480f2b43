//! The bank's data in a Postgres.
//!
//! Transactions are READ COMMITTED: every statement sees what is committed when it begins. What must not happen twice is
//! a constraint, on which two transactions wait for each other; what is read to be changed is locked when it is read, and
//! always in the same order (the user's row first). Where transactions still end each other, the whole of one is done
//! again (`service::attempts`).

mod address;
mod adopt;
pub(super) mod audit;
mod fault;
pub(super) mod idempotency;
mod instant;
mod link;
pub(super) mod migrate;
mod open;
mod source;
mod tx;
pub(super) mod users;
pub(super) mod verify_emails;

pub use address::PostgresAddress;
pub use link::Link;
pub(super) use link::answer;
pub use source::{PostgresLimits, PostgresSource};
pub(super) use tx::Sleeper;
pub use tx::Tx;

use super::{Conn, Fault, Place, StoreError};
use aftercommit::postgres::{PostgresOutbox, PostgresQueue};
use link::explain;
use open::Way;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::error::Error;
use std::time::Duration;
use tokio::time::timeout;

/// Every SQL statement of the bank's on Postgres, by the file it stands in and its name: whoever changes the schema can have
/// them all prepared against it.
pub const STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("users", users::STATEMENTS),
    ("verify_emails", verify_emails::STATEMENTS),
    ("idempotency", idempotency::STATEMENTS),
    ("audit", audit::STATEMENTS),
];

/// An open Postgres. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: PgPool,
    /// Queue and outbox are on connections of their own, which are made when they are needed.
    queue: PostgresQueue,
    outbox: PostgresOutbox,
    way: Way,
    place: Place,
}

impl PostgresStore {
    /// Opens the database: makes one connection, to see whether it can.
    pub(super) async fn open(source: &PostgresSource) -> Result<Self, StoreError> {
        let (pool, way) = open::open(source);
        let options = open::options_for_tasks(source);
        let (queue, outbox) = (PostgresQueue::new(&options), PostgresOutbox::new(&options));
        let store = Self { pool, queue, outbox, way, place: Place::server(&source.address) };
        store.ping().await?;
        Ok(store)
    }

    pub(super) const fn queue(&self) -> &PostgresQueue {
        &self.queue
    }

    pub(super) const fn outbox(&self) -> &PostgresOutbox {
        &self.outbox
    }

    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = self.within(self.pool.begin_with(self.way.begin())).await?;
        Ok(Tx::new(inner, self.way.clone(), self.place.clone()))
    }

    pub(super) async fn reader(&self) -> Result<Reader, StoreError> {
        let inner = match self.way.begin_reading() {
            None => ReaderInner::Connection(self.within(self.pool.acquire()).await?),
            Some(begin) => ReaderInner::Transaction(self.within(self.pool.begin_with(begin)).await?),
        };
        Ok(Reader { inner, way: self.way.clone(), place: self.place.clone() })
    }

    /// Whether the database answers.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let mut reader = self.reader().await?;
        let link = reader.link();
        answer(&self.place, link.patience, link.query(PING).execute(link.connection)).await.map(drop)
    }

    pub(super) async fn close(&self) {
        self.queue.close().await;
        self.outbox.close().await;
        self.pool.close().await;
    }

    /// A connection for a call, and nothing longer than the bounds allow.
    async fn within<T>(&self, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        let patience = self.way.limits.acquire + self.way.patience();
        match timeout(patience, call).await {
            Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => Err(self.why_nothing_came().await),
            Ok(result) => result.map_err(explain(&self.place)),
        }
    }

    /// The pool gives the same answer whether all connections are in use or none can be made: so one is tried.
    async fn why_nothing_came(&self) -> StoreError {
        match open::connect(&self.pool.connect_options(), PROBE_MAX).await {
            Ok(()) => StoreError::new(&self.place, Fault::Busy),
            Err(error) => explain(&self.place)(error),
        }
    }
}

/// Whether a driver's error among these causes says that others were in the way.
pub(super) fn means_conflict(error: &(dyn Error + 'static)) -> bool {
    fault::meaning_of_causes(error) == Fault::Conflict
}

/// How long to find out why there is no connection.
const PROBE_MAX: Duration = Duration::from_secs(1);

const PING: &str = "SELECT 1";

/// A connection for reading.
#[derive(Debug)]
pub struct Reader {
    inner: ReaderInner,
    way: Way,
    place: Place,
}

#[derive(Debug)]
enum ReaderInner {
    Connection(PoolConnection<Postgres>),
    /// Behind a pooler, where only a transaction has a connection to itself.
    Transaction(Transaction<'static, Postgres>),
}

impl Reader {
    pub(super) fn conn(&mut self) -> Conn<'_> {
        Conn::Postgres(self.way.link(self.inner.connection()), &self.place)
    }

    fn link(&mut self) -> Link<'_> {
        self.way.link(self.inner.connection())
    }
}

impl ReaderInner {
    fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(tx) => tx,
        }
    }
}
