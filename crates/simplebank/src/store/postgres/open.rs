//! Connections: how they are set up, with a pooler in between and without, and how they are kept in order.

use super::link::{Link, Statements};
use super::{PostgresLimits, PostgresSource};
use aftercommit::postgres::PostgresOptions;
use log::LevelFilter;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long beyond the server's own bound on a statement an answer may take, before the server counts as mute.
const GRACE: Duration = Duration::from_secs(2);

/// How long a connection that is given back may take to say that it is in order.
const RELEASE_MAX: Duration = Duration::from_secs(5);

/// How long a connection is kept that nobody uses.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

/// How long a connection is used at all: what a server changes about itself reaches everybody by then.
const LIFE_MAX: Duration = Duration::from_secs(30 * 60);

/// How transactions reach the server, and what bounds them.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) statements: Statements,
    pub(super) limits: PostgresLimits,
    /// What a transaction begins with behind a pooler: there, settings that a connection starts with are refused, and
    /// those that are made on one stay with somebody else's.
    preamble: Arc<str>,
}

impl Way {
    fn to(source: &PostgresSource) -> Self {
        let statements = match source.direct {
            None => Statements::Named,
            Some(_) => Statements::Unnamed,
        };
        let settings = settings(&source.limits);
        let preamble = settings.map(|(name, millis)| format!("; SET LOCAL {name} = {millis}")).concat();
        Self { statements, limits: source.limits, preamble: preamble.into() }
    }

    /// What begins a transaction. One message, and so one round trip, with all its statements.
    pub(super) fn begin(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(match self.statements {
            Statements::Named => "BEGIN".to_owned(),
            Statements::Unnamed => format!("BEGIN{}", self.preamble),
        })
    }

    /// What begins a reader, if it takes a transaction.
    pub(super) fn begin_reading(&self) -> Option<AssertSqlSafe<String>> {
        match self.statements {
            Statements::Named => None,
            Statements::Unnamed => Some(AssertSqlSafe(format!("BEGIN READ ONLY{}", self.preamble))),
        }
    }

    /// How long an answer may take.
    pub(super) fn patience(&self) -> Duration {
        self.limits.statement + GRACE
    }

    pub(super) fn link<'c>(&self, connection: &'c mut PgConnection) -> Link<'c> {
        Link { connection, statements: self.statements, patience: self.patience() }
    }
}

/// The connections for the bank's own statements, none of them made yet.
pub(super) fn open(source: &PostgresSource) -> (PgPool, Way) {
    let way = Way::to(source);
    let options = source.address.options().log_slow_statements(LevelFilter::Warn, Duration::from_secs(1));
    let options = match way.statements {
        Statements::Named => options.options(settings(&source.limits)),
        // A pooler refuses parameters that it does not keep track of.
        Statements::Unnamed => options.statement_cache_capacity(0).extra_float_digits(None),
    };
    let pool = PgPoolOptions::new()
        .max_connections(source.limits.connections.get())
        .acquire_timeout(source.limits.acquire)
        .idle_timeout(IDLE_MAX)
        .max_lifetime(LIFE_MAX)
        .after_release(|connection, _| Box::pin(is_in_order(connection)))
        .connect_lazy_with(options);
    (pool, way)
}

/// How queue and outbox reach the same database. What they do takes no longer than a statement of ours may.
pub(super) fn options_for_tasks(source: &PostgresSource) -> PostgresOptions {
    let options = PostgresOptions::new(source.address.options())
        .call_timeout(source.limits.statement)
        .connect_timeout(source.limits.acquire);
    match &source.direct {
        None => options,
        Some(direct) => options.pooled().direct_with(direct.options()),
    }
}

/// A connection to the server itself, for work that takes its time.
pub(super) async fn direct(source: &PostgresSource) -> Result<PgPool, sqlx::Error> {
    // What is there already is no news.
    let options = source.direct().options().options([("client_min_messages", "warning")]);
    let options = options.log_slow_statements(LevelFilter::Off, Duration::ZERO);
    // Tried once, and not for as long as the pool would: what is wrong shall be said.
    connect(&options, source.limits.acquire).await?;
    PgPoolOptions::new().max_connections(1).acquire_timeout(source.limits.acquire).connect_with(options).await
}

/// Makes a connection, and closes it. The pool says of whatever is in the way that it took too long.
pub(super) async fn connect(options: &PgConnectOptions, patience: Duration) -> Result<(), sqlx::Error> {
    let connecting = async { options.connect().await?.close().await };
    timeout(patience, connecting).await.unwrap_or_else(|_| Err(timed_out()))
}

fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}

/// The bounds that the server itself keeps, by its names for them, in milliseconds.
fn settings(limits: &PostgresLimits) -> [(&'static str, u128); 3] {
    [
        ("statement_timeout", limits.statement.as_millis()),
        ("lock_timeout", limits.lock.as_millis()),
        ("idle_in_transaction_session_timeout", limits.idle_in_transaction.as_millis()),
    ]
}

/// The pool itself waits for as long as it takes, and counts the connection meanwhile: over a network that swallows
/// everything, that is until the operating system gives up.
async fn is_in_order(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(RELEASE_MAX, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(timed_out()),
    }
}
