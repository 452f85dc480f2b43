//! What every handle of this crate is made of: connections, a clock, default options and news.

use std::sync::Arc;

use aftercommit_core::{Clock, Options, Result, SystemClock, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Transaction};

use crate::error::failed;
use crate::news::News;
use crate::{PostgresOptions, PostgresTx};

/// What a handle shares with its clones.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    /// The engine's own connections.
    pool: PgPool,
    clock: Time,
    pub(crate) defaults: Arc<Options>,
    pub(crate) news: Arc<News>,
}

/// Whose clock decides.
#[derive(Debug, Clone)]
enum Time {
    /// The database's, which all workers share: one whose own clock is ahead takes nobody's tasks away.
    OfTheDatabase,
    /// One that the host brought.
    Given(Arc<dyn Clock>),
}

impl Store {
    pub(crate) fn new(options: &PostgresOptions) -> Self {
        Self {
            pool: options.pool(),
            clock: Time::OfTheDatabase,
            defaults: Arc::default(),
            news: Arc::new(News::new()),
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.clock = Time::Given(clock);
    }

    /// The present moment as `aftercommit.moment` wants it: NULL for the clock of the database.
    pub(crate) fn moment(&self) -> Option<i64> {
        match &self.clock {
            Time::OfTheDatabase => None,
            Time::Given(clock) => Some(clock.now().as_millis()),
        }
    }

    /// The present moment on this machine, for what a caller says in relation to now.
    pub(crate) fn local_now(&self) -> Timestamp {
        match &self.clock {
            Time::OfTheDatabase => SystemClock.now(),
            Time::Given(clock) => clock.now(),
        }
    }

    /// A transaction for the host on a connection of the host's, whose commit is news.
    pub(crate) async fn begin(&self, pool: &PgPool) -> Result<PostgresTx> {
        let tx = pool.begin().await.map_err(failed("begin a transaction"))?;
        Ok(PostgresTx::new(tx, Arc::clone(&self.news)))
    }

    /// A connection of the engine's, for one statement.
    pub(crate) async fn conn(&self, doing: &'static str) -> Result<PoolConnection<Postgres>> {
        self.pool.acquire().await.map_err(failed(doing))
    }

    /// A transaction of the engine's, for several statements that hold together.
    pub(crate) async fn transaction(&self, doing: &'static str) -> Result<Transaction<'static, Postgres>> {
        self.pool.begin().await.map_err(failed(doing))
    }

    /// Closes the engine's connections, once what is under way has ended.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
