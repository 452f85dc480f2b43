//! Where the data is, and how long it may take to get at it.

use super::duration;
use super::keys::Key;
use super::number::whole;
use super::reader::Reader;
use crate::store::postgres::{PostgresAddress, PostgresLimits, PostgresSource};
use crate::store::{Source, SourceError};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) const KEYS: &[Key] =
    &[DB_SOURCE, DIRECT, POOL_SIZE, ACQUIRE_TIMEOUT, STATEMENT_TIMEOUT, LOCK_TIMEOUT, IDLE_TIMEOUT];
const DB_SOURCE: Key = Key::new(
    "DB_SOURCE",
    "sqlite:./simplebank.db",
    "The database: `sqlite:PATH` or `postgresql://user:password@host:port/database`, there with the parameters \
     `sslmode` (`disable`, `prefer`, `require`, `verify-ca`, `verify-full`), `sslrootcert` and `application_name`. It also holds the task queue, or with Redis the outbox.",
)
.secret();
const DIRECT: Key = Key::without_value(
    "DB_DIRECT_SOURCE",
    "`DB_SOURCE` is the server itself",
    "The PostgreSQL server itself, where `DB_SOURCE` is a pooler that changes servers between transactions, such as \
     pgbouncer: for migrations and notifications. Without it behind such a pooler, statements go astray.",
)
.secret();
const POOL_SIZE: Key =
    Key::new("DB_POOL_SIZE", "10", "How many connections to PostgreSQL the bank's own statements share.");
const ACQUIRE_TIMEOUT: Key = Key::new(
    "DB_ACQUIRE_TIMEOUT",
    "5s",
    "How long it may take to get a connection to PostgreSQL, be it a free one or a new one.",
);
const STATEMENT_TIMEOUT: Key =
    Key::new("DB_STATEMENT_TIMEOUT", "10s", "How long PostgreSQL may work on a statement.");
const LOCK_TIMEOUT: Key =
    Key::new("DB_LOCK_TIMEOUT", "5s", "How long a statement may wait for a lock in PostgreSQL.");
const IDLE_TIMEOUT: Key = Key::new(
    "DB_IDLE_IN_TRANSACTION_TIMEOUT",
    "30s",
    "After how long PostgreSQL ends a transaction in which nothing happens.",
);

const CONNECTIONS: RangeInclusive<u32> = 1..=1000;
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The database.
    pub source: Source,
}

impl Store {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let source = reader.read(&DB_SOURCE, source);
        let direct = reader.read_optional(&DIRECT, postgres);
        let limits = limits(reader);
        let mut source: Source = source?;
        match &mut source {
            Source::Sqlite(_) => check_without_postgres(reader),
            Source::Postgres(source) => (source.direct, source.limits) = (direct?, limits?),
        }
        Some(Self { source })
    }
}

fn limits(reader: &mut Reader) -> Option<PostgresLimits> {
    let connections = reader.read(&POOL_SIZE, connections);
    let acquire = reader.read(&ACQUIRE_TIMEOUT, duration::within(TIMEOUT));
    let statement = reader.read(&STATEMENT_TIMEOUT, duration::within(TIMEOUT));
    let lock = reader.read(&LOCK_TIMEOUT, duration::within(TIMEOUT));
    let idle_in_transaction = reader.read(&IDLE_TIMEOUT, duration::within(TIMEOUT));
    Some(PostgresLimits {
        connections: connections?,
        acquire: acquire?,
        statement: statement?,
        lock: lock?,
        idle_in_transaction: idle_in_transaction?,
    })
}

fn check_without_postgres(reader: &mut Reader) {
    if let Some(given) = reader.where_given(DIRECT.name) {
        reader.notice(format!("without effect, because DB_SOURCE is not PostgreSQL: {given}"));
    }
}

fn source(text: &str) -> Result<Source, String> {
    match text.split_once(':') {
        Some(("postgres" | "postgresql", _)) => {
            postgres(text).map(|address| Source::Postgres(Box::new(PostgresSource::new(address))))
        }
        _ => text.parse().map_err(|error: SourceError| error.to_string()),
    }
}

/// Other databases are refused and not ignored: the data must not end up where nobody looks for it.
fn postgres(text: &str) -> Result<PostgresAddress, String> {
    PostgresAddress::parse(text)
        .map_err(|error| format!("postgresql://user:password@host:port/database: {error}"))
}

fn connections(text: &str) -> Result<NonZeroU32, String> {
    let size = whole(CONNECTIONS)(text)?;
    NonZeroU32::new(size).ok_or_else(|| "at least 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_databases_are_refused_and_no_part_of_a_password_is_repeated() {
        assert_eq!(source("sqlite:./simplebank.db"), Ok(Source::Sqlite("./simplebank.db".into())));
        for bad in ["", "simplebank.db", "sqlite:", "mysql://u:hunter2@h/d"] {
            let said = source(bad).unwrap_err();
            assert!(said.starts_with("sqlite:PATH") && !said.contains("hunter2"), "{bad}: {said}");
        }
        assert_eq!(
            source("postgres://u:hunter2@h/d?timezone=UTC").unwrap_err(),
            "postgresql://user:password@host:port/database: the parameter \"timezone\" is not supported"
        );
    }
}
