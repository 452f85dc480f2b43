//! What every handle of this crate is made of: connections, a clock, default options and news.

use std::sync::Arc;

use aftercommit_core::{Clock, Options, Result, SystemClock, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, Transaction};

use crate::error::failed;
use crate::news::News;
use crate::{SqlitePools, SqliteTx};

/// Every transaction that writes takes the writer's place at once: one that reads first and writes later
/// fails when somebody else has written in between, and no waiting helps.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// What a handle shares with its clones.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) pools: SqlitePools,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) defaults: Arc<Options>,
    pub(crate) news: Arc<News>,
}

impl Store {
    pub(crate) fn new(pools: SqlitePools) -> Self {
        let writers = pools.writer.options().get_max_connections();
        if writers > 1 {
            tracing::warn!(
                writers,
                "several connections write to one SQLite file and will wait for each other"
            );
        }
        let news = Arc::new(News::new(pools.readers.connect_options()));
        Self { pools, clock: Arc::new(SystemClock), defaults: Arc::default(), news }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A transaction for the host, whose commit is news.
    pub(crate) async fn begin(&self) -> Result<SqliteTx> {
        Ok(SqliteTx::new(self.write("begin a transaction").await?, Arc::clone(&self.news)))
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
