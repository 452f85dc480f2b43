//! Which fleets there are: what a bank stores its data in, and where its workers take tasks from.

use crate::plan::Role;

/// How many processes there are of each role: one that fails leaves another.
pub(crate) const PER_ROLE: usize = 2;

/// One configuration of the bank, with all its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FleetKind {
    /// SQLite is the database and the queue.
    Sqlite,
    /// An outbox in SQLite; the queue is on Redis.
    SqliteRedis,
    /// Postgres is the database and the queue.
    Postgres,
    /// An outbox in Postgres; the queue is on Redis.
    PostgresRedis,
}

/// What the bank stores its data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// Where workers take tasks from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// From the database that requests commit to.
    Database,
    /// From Redis, to which relays publish what is committed.
    Redis,
}

impl FleetKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::SqliteRedis, Self::Postgres, Self::PostgresRedis];

    /// What a person calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::SqliteRedis => "sqlite-redis",
            Self::Postgres => "postgres",
            Self::PostgresRedis => "postgres-redis",
        }
    }

    pub(crate) const fn storage(self) -> Storage {
        match self {
            Self::Sqlite | Self::SqliteRedis => Storage::Sqlite,
            Self::Postgres | Self::PostgresRedis => Storage::Postgres,
        }
    }

    pub(crate) const fn queue(self) -> Queue {
        match self {
            Self::Sqlite | Self::Postgres => Queue::Database,
            Self::SqliteRedis | Self::PostgresRedis => Queue::Redis,
        }
    }

    /// Whether the outbox keeps a row until its task is done, so that a Redis that has lost everything is filled again.
    /// Only then may a plan flush Redis.
    pub(crate) const fn retains_until_done(self) -> bool {
        matches!(self.queue(), Queue::Redis)
    }

    /// The roles of its processes.
    pub(crate) const fn roles(self) -> &'static [Role] {
        match self.queue() {
            Queue::Database => &[Role::Serve, Role::Work],
            Queue::Redis => &[Role::Serve, Role::Work, Role::Relay],
        }
    }
}
