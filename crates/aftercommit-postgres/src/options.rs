//! How the engine reaches its database.

use std::str::FromStr;
use std::time::Duration;

use aftercommit_core::{Error, Result};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// How many connections the engine opens at most, beside the one that listens.
const CONNECTIONS: u32 = 8;
/// How long a call waits for a free connection, or for a new one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How many prepared statements a connection keeps: all that the engine has.
const STATEMENTS: usize = 256;

/// How the engine reaches its database. Connections are made when they are needed, so a database that is absent is no
/// error before the first call.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    pub(crate) connect: PgConnectOptions,
    pub(crate) max_connections: u32,
}

impl PostgresOptions {
    /// From `postgresql://user:password@host:port/database?sslmode=..`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the text is no such address; its words are not repeated, since it may hold a password.
    pub fn parse(url: &str) -> Result<Self> {
        let connect = PgConnectOptions::from_str(url)
            .map_err(|_| Error::invalid("postgres url", "it is no postgresql:// address"))?;
        Ok(Self::new(connect))
    }

    /// From options of sqlx.
    pub fn new(connect: PgConnectOptions) -> Self {
        Self { connect, max_connections: CONNECTIONS }
    }

    /// How many connections the engine opens at most, beside the one that listens; at least one.
    #[must_use]
    pub fn max_connections(mut self, count: u32) -> Self {
        self.max_connections = count.max(1);
        self
    }

    /// The connections, none of them made yet.
    pub(crate) fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(self.connect.clone().statement_cache_capacity(STATEMENTS))
    }
}
