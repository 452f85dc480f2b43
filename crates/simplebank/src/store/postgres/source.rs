//! Where the bank's Postgres is, by one way or by two, and the bounds on waiting for it.

use super::PostgresAddress;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// Where the bank's Postgres is, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSource {
    /// Where transactions go.
    pub address: PostgresAddress,
    /// The server itself, if [`address`](Self::address) is a pooler that hands out a connection per transaction (such as
    /// pgbouncer in transaction mode). Migrations go there, and whoever listens for notifications.
    pub direct: Option<PostgresAddress>,
    /// Bounds.
    pub limits: PostgresLimits,
}

/// Bounds on connections and on waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresLimits {
    /// How many connections the bank's own statements use at most.
    pub connections: NonZeroU32,
    /// How long it may take to get a connection, be it a free one or a new one.
    pub acquire: Duration,
    /// How long a statement may run.
    pub statement: Duration,
    /// How long a statement may wait for a lock.
    pub lock: Duration,
    /// How long a transaction may be left alone before the server ends it.
    pub idle_in_transaction: Duration,
}

impl Default for PostgresLimits {
    fn default() -> Self {
        Self {
            connections: NonZeroU32::new(10).expect("ten is not zero"),
            acquire: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            lock: Duration::from_secs(5),
            idle_in_transaction: Duration::from_secs(30),
        }
    }
}

impl PostgresSource {
    /// This address, reached without a pooler, with the usual bounds.
    #[must_use]
    pub fn new(address: PostgresAddress) -> Self {
        Self { address, direct: None, limits: PostgresLimits::default() }
    }

    /// The server itself.
    #[must_use]
    pub fn direct(&self) -> &PostgresAddress {
        self.direct.as_ref().unwrap_or(&self.address)
    }
}

impl fmt::Display for PostgresSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
