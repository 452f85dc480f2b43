//! How the engine reaches its database.

use std::str::FromStr;
use std::time::Duration;

use aftercommit_core::{Error, Result};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

/// How many connections the engine opens at most, beside the one that listens.
const CONNECTIONS: u32 = 8;
/// How long a statement may take, its way there and back included.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to connect, or to wait for a free connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many prepared statements a connection keeps: all that the engine has.
const STATEMENTS: usize = 256;
/// What the connections are called in `pg_stat_activity`, unless the host gives them a name.
const APPLICATION: &str = "aftercommit";

/// How the engine's statements are planned. A statement is planned once for each connection, perhaps while the tables are
/// still empty, and must not read a whole table when it has grown; each of them knows which index it wants.
const PLANNER: [(&str, &str); 6] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// How the engine reaches its database. Connections are made when they are needed, so a database that is absent is no
/// error before the first call.
///
/// Every call has a bound: what takes longer is given up with a passing error
/// ([`call_timeout`](Self::call_timeout), [`connect_timeout`](Self::connect_timeout)), and the server is told to give it up
/// a little earlier.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    connect: PgConnectOptions,
    direct: Option<PgConnectOptions>,
    pub(crate) route: Route,
    pub(crate) max_connections: u32,
    pub(crate) call_timeout: Duration,
    pub(crate) connect_timeout: Duration,
}

/// What is between the engine and its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Nothing: a connection is a session.
    Direct,
    /// A pooler that gives each transaction whatever session is free.
    Pooled,
}

impl PostgresOptions {
    /// From `postgresql://user:password@host:port/database?sslmode=..`. The parameters are those of libpq that
    /// [`PgConnectOptions`] knows: `sslmode` (`verify-full` checks certificate and name), `sslrootcert`, `sslcert`,
    /// `sslkey`, `application_name`, `host` (a directory is a unix socket), and more.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the text is no such address; its words are not repeated, since it may hold a password.
    pub fn parse(url: &str) -> Result<Self> {
        Ok(Self::new(address("postgres url", url)?))
    }

    /// From options of sqlx.
    pub fn new(connect: PgConnectOptions) -> Self {
        Self {
            connect,
            direct: None,
            route: Route::Direct,
            max_connections: CONNECTIONS,
            call_timeout: CALL_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// The address is that of a pooler in transaction mode, such as pgbouncer. Then nothing is kept in a session: no
    /// prepared statements, no settings beyond the transaction, no listening. Give the database's own address too
    /// ([`direct`](Self::direct)); without it, work of other processes is noticed by looking, within 300 ms.
    #[must_use]
    pub fn pooled(mut self) -> Self {
        self.route = Route::Pooled;
        self
    }

    /// The database's own address, where the other one is that of a pooler. Over it the queue listens, with one
    /// connection, and creates its tables.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn direct(self, url: &str) -> Result<Self> {
        Ok(self.direct_with(address("direct postgres url", url)?))
    }

    /// As [`direct`](Self::direct), from options of sqlx.
    #[must_use]
    pub fn direct_with(mut self, connect: PgConnectOptions) -> Self {
        self.direct = Some(connect);
        self
    }

    /// How many connections the engine opens at most, beside the one that listens; at least one.
    #[must_use]
    pub fn max_connections(mut self, count: u32) -> Self {
        self.max_connections = count.max(1);
        self
    }

    /// How long a statement of the engine's may take before it is given up (10 s). Keep it well below the lease of the
    /// workers: a call that hangs holds up their heartbeats.
    #[must_use]
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = limit;
        self
    }

    /// How long it may take to connect, or to wait for a free connection (5 s).
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Where it leads, as messages call it.
    pub(crate) fn place(&self) -> String {
        let (host, port) = (self.connect.get_host(), self.connect.get_port());
        let database = self.connect.get_database().unwrap_or_else(|| self.connect.get_username());
        format!("{host}:{port}/{database}")
    }

    /// For the engine's calls.
    pub(crate) fn for_calls(&self) -> PgConnectOptions {
        let options = named(&self.connect);
        match self.route {
            // A pooler refuses options that are for a session; each transaction says them instead.
            Route::Pooled => options.statement_cache_capacity(0),
            Route::Direct => options.statement_cache_capacity(STATEMENTS).options(self.settings()),
        }
    }

    /// For what needs a session of its own, if there is a way to have one.
    pub(crate) fn for_a_session(&self) -> Option<PgConnectOptions> {
        match (&self.direct, self.route) {
            (Some(direct), _) => Some(named(direct)),
            (None, Route::Direct) => Some(named(&self.connect)),
            (None, Route::Pooled) => None,
        }
    }

    /// For a session of its own, else for a call: migrations run in one transaction and need no more.
    pub(crate) fn for_migrations(&self) -> PgConnectOptions {
        // What is there already is no news.
        let quiet = |session: PgConnectOptions| session.options([("client_min_messages", "warning")]);
        self.for_a_session().map_or_else(|| named(&self.connect).statement_cache_capacity(0), quiet)
    }

    /// What a session of the engine's has to be told: how to plan, and what the server is to give up by itself, a little
    /// before we do. Then the connection stays, and nothing goes on that nobody waits for.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let call = self.call_timeout.as_millis().max(10);
        let limits = [
            ("statement_timeout", call * 9 / 10),
            ("lock_timeout", call / 2),
            ("idle_in_transaction_session_timeout", call * 2),
        ];
        let limits = limits.map(|(name, millis)| (name, millis.to_string()));
        PLANNER.map(|(name, value)| (name, value.to_owned())).into_iter().chain(limits).collect()
    }
}

fn address(what: &'static str, url: &str) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(url).map_err(|_| Error::invalid(what, "it is no postgresql:// address"))
}

/// Without the driver's own lines about each statement.
fn named(options: &PgConnectOptions) -> PgConnectOptions {
    let options = options.clone().disable_statement_logging();
    match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(APPLICATION),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_place_and_no_password() {
        let options =
            PostgresOptions::parse("postgresql://ann:secret@db.example:5433/bank").expect("an address");
        assert_eq!(options.place(), "db.example:5433/bank");
        let error = PostgresOptions::parse("postgresql://ann:secret@[").expect_err("no address");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn pooler_is_told_nothing_that_is_for_a_session() {
        let options = PostgresOptions::parse("postgresql://pooler/bank").expect("an address");
        assert!(options.for_calls().get_options().is_some_and(|it| it.contains("statement_timeout")));
        let pooled = options.pooled();
        assert_eq!(pooled.for_calls().get_options(), None);
        assert!(pooled.for_a_session().is_none());
        let direct = pooled.direct("postgresql://db/bank").expect("an address");
        assert_eq!(direct.for_a_session().map(|it| it.get_host().to_owned()).as_deref(), Some("db"));
    }
}
