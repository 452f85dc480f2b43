//! The handle: what it is made of, and how it reaches the connections.

use std::path::Path;
use std::sync::Arc;

use aftercommit_core::{Backend, Clock, Groups, Options, Presence, Result, SystemClock, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, Transaction};

use crate::error::failed;
use crate::news::News;
use crate::presence::Watch;
use crate::{SqlitePools, SqliteTx};

/// Every transaction that writes takes the writer's place at once: one that reads first and writes later
/// fails when somebody else has written in between, and no waiting helps.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A queue in a SQLite database. Cheap to clone; clones are one queue, and wake each other.
///
/// It is a complete back-end for a worker, and beside that stores tasks in the transactions of its host:
/// see [`enqueue_in`](Self::enqueue_in) and [`begin`](Self::begin).
#[derive(Debug, Clone)]
pub struct SqliteQueue {
    pub(crate) pools: SqlitePools,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) defaults: Arc<Options>,
    pub(crate) news: Arc<News>,
    pub(crate) watch: Arc<Watch>,
}

impl SqliteQueue {
    /// A queue on connections that its host uses too. The tables must be there: see
    /// [`migrate`](Self::migrate).
    pub fn new(pools: SqlitePools) -> Self {
        let writers = pools.writer.options().get_max_connections();
        if writers > 1 {
            tracing::warn!(
                writers,
                "several connections write to one SQLite file and will wait for each other"
            );
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let news = Arc::new(News::new(pools.readers.connect_options()));
        let watch = Arc::new(Watch::new(clock.now()));
        Self { pools, clock, defaults: Arc::default(), news, watch }
    }

    /// A queue on connections of its own.
    ///
    /// # Errors
    /// If the file cannot be opened or is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::new(SqlitePools::open(path).await?))
    }

    /// Takes the time from `clock`. To be said before the queue is used.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.watch = Arc::new(Watch::new(clock.now()));
        self.clock = clock;
        self
    }

    /// Options for every task enqueued in a transaction that neither the call nor the task's type sets.
    #[must_use]
    pub fn with_defaults(mut self, defaults: Options) -> Self {
        self.defaults = Arc::new(defaults);
        self
    }

    /// The connections, for the host's own statements.
    pub const fn pools(&self) -> &SqlitePools {
        &self.pools
    }

    /// Begins a transaction for the host's own statements and for [`enqueue_in`](Self::enqueue_in); its
    /// commit wakes the workers of this process. All transactions take turns: wait for nothing else in one.
    ///
    /// # Errors
    /// If the store cannot be reached, or others write for too long.
    pub async fn begin(&self) -> Result<SqliteTx> {
        Ok(SqliteTx::new(self.write("begin a transaction").await?, Arc::clone(&self.news)))
    }

    /// Wakes the workers of this process, for a host that committed a transaction of its own making.
    /// Only a hint: without it, tasks are noticed within 100 ms.
    pub fn wake(&self) {
        self.news.everything();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The connection that writes, for one statement.
    pub(crate) async fn writer(&self, doing: &'static str) -> Result<PoolConnection<Sqlite>> {
        self.pools.writer.acquire().await.map_err(failed(doing))
    }

    /// The connection that writes, for several statements that hold together.
    pub(crate) async fn write(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>> {
        self.pools.writer.begin_with(BEGIN).await.map_err(failed(doing))
    }

    /// A connection that reads.
    pub(crate) async fn reader(&self, doing: &'static str) -> Result<PoolConnection<Sqlite>> {
        self.pools.readers.acquire().await.map_err(failed(doing))
    }
}

impl Backend for SqliteQueue {
    fn presence(&self) -> Option<&dyn Presence> {
        Some(self)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}
