//! Runs statements on a connection, the engine's or the host's: the one place that knows how long one may take, and what a
//! pooler in transaction mode bears.
//!
//! The driver sends a statement with arguments in two steps, and waits in between. A pooler may give each step to
//! another server unless both are in one explicit transaction, and keeps names of prepared statements apart from nobody.

use std::io;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnection, PgQueryResult, PgRow, PgStatement};
use sqlx::{AssertSqlSafe, Connection as _, Execute, Executor as _, Postgres, SqlStr};

use crate::options::{PostgresOptions, Route};

/// A connection, and how statements are run on it. `C` is the connection itself, or a borrowed one.
#[derive(Debug)]
pub(crate) struct Session<C> {
    conn: C,
    manner: Manner,
    condition: Condition,
    transaction: Transaction,
}

/// A statement that may run in the host's transaction or in one of the engine's.
pub(crate) type On<'a> = Session<&'a mut PgConnection>;

/// How statements are run.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// How long each may take; the host's own limits hold on its connections.
    limit: Option<Duration>,
    names: Names,
    /// How a transaction begins.
    begin: String,
}

/// Whether statements are prepared under a name, to be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Kept,
    None,
}

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing is under way.
    Idle,
    /// Something may be under way: a call was cut off, or the server reported an error.
    Unclear,
    /// It is of no use any more.
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    /// Ends when its caller says so.
    Explicit,
}

impl Manner {
    /// For the engine's own connections.
    pub(crate) fn of_the_engine(options: &PostgresOptions) -> Self {
        let begin = match options.route {
            Route::Direct => "BEGIN".to_owned(),
            // One message, and so one round trip.
            Route::Pooled => {
                let settings = options.settings().into_iter();
                let settings = settings.map(|(name, value)| format!("; SET LOCAL {name} = {value}"));
                format!("BEGIN{}", settings.collect::<String>())
            }
        };
        Self { limit: Some(options.call_timeout), names: Names::on(options.route), begin }
    }

    /// For the host's, which are in whatever transaction they are.
    pub(crate) fn of_the_host(options: &PostgresOptions) -> Self {
        Self { limit: None, names: Names::on(options.route), begin: String::new() }
    }
}

impl Names {
    const fn on(route: Route) -> Self {
        match route {
            Route::Direct => Self::Kept,
            Route::Pooled => Self::None,
        }
    }
}

impl<C: AsMut<PgConnection>> Session<C> {
    /// On a connection on which nothing is under way.
    pub(crate) const fn new(conn: C, manner: Manner) -> Self {
        Self { conn, manner, condition: Condition::Idle, transaction: Transaction::None }
    }

    /// Runs a statement and returns all its rows.
    pub(crate) async fn fetch_all<'q>(
        &mut self,
        query: impl Execute<'q, Postgres> + 'q,
    ) -> sqlx::Result<Vec<PgRow>> {
        let scope = self.enter().await?;
        let query = Run { query, names: self.manner.names };
        let rows = within(self.manner.limit, self.conn.as_mut().fetch_all(query)).await;
        self.leave(scope, rows).await
    }

    /// Runs a statement that returns a row or none.
    pub(crate) async fn fetch_optional<'q>(
        &mut self,
        query: impl Execute<'q, Postgres> + 'q,
    ) -> sqlx::Result<Option<PgRow>> {
        // Read to its end: the driver would leave the rest of the answer to the next statement.
        Ok(self.fetch_all(query).await?.into_iter().next())
    }

    /// Runs a statement that returns a row.
    pub(crate) async fn fetch_one<'q>(
        &mut self,
        query: impl Execute<'q, Postgres> + 'q,
    ) -> sqlx::Result<PgRow> {
        self.fetch_optional(query).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Runs a statement, and says how many rows it changed.
    pub(crate) async fn execute<'q>(
        &mut self,
        query: impl Execute<'q, Postgres> + 'q,
    ) -> sqlx::Result<PgQueryResult> {
        let scope = self.enter().await?;
        let query = Run { query, names: self.manner.names };
        let done = within(self.manner.limit, self.conn.as_mut().execute(query)).await;
        self.leave(scope, done).await
    }

    /// Begins a transaction for several statements.
    pub(crate) async fn begin(&mut self) -> sqlx::Result<()> {
        (self.condition, self.transaction) = (Condition::Unclear, Transaction::Explicit);
        let begin = AssertSqlSafe(self.manner.begin.clone());
        let begun = within(self.manner.limit, self.conn.as_mut().execute(begin)).await;
        self.note(begun).map(drop)
    }

    /// Ends it, and makes what was done durable.
    pub(crate) async fn commit(&mut self) -> sqlx::Result<()> {
        self.condition = Condition::Unclear;
        let done = within(self.manner.limit, self.conn.as_mut().execute("COMMIT")).await;
        self.note(done)?;
        self.transaction = Transaction::None;
        Ok(())
    }

    /// The same connection for code that runs in the host's transactions too.
    pub(crate) fn on(&mut self) -> On<'_> {
        // What becomes of it there is not known here.
        self.condition = Condition::Unclear;
        Session {
            conn: self.conn.as_mut(),
            manner: self.manner.clone(),
            condition: Condition::Idle,
            transaction: self.transaction,
        }
    }

    /// A statement outside of a transaction becomes one by itself, where a pooler is in between.
    async fn enter(&mut self) -> sqlx::Result<Scope> {
        let alone = self.transaction == Transaction::None && self.manner.limit.is_some();
        if alone && self.manner.names == Names::None {
            self.begin().await?;
            self.condition = Condition::Unclear;
            return Ok(Scope::Statement);
        }
        self.condition = Condition::Unclear;
        Ok(Scope::Given)
    }

    async fn leave<T>(&mut self, scope: Scope, done: sqlx::Result<T>) -> sqlx::Result<T> {
        let done = self.note(done);
        match (scope, &done) {
            (Scope::Given, _) => {}
            (Scope::Statement, Ok(_)) => self.commit().await?,
            // The caller may have something else to say on this connection.
            (Scope::Statement, Err(_)) if self.condition == Condition::Unclear => self.roll_back().await?,
            (Scope::Statement, Err(_)) => {}
        }
        done
    }

    /// Ends it, as if nothing had been done.
    pub(crate) async fn roll_back(&mut self) -> sqlx::Result<()> {
        let done = within(self.manner.limit, self.conn.as_mut().execute("ROLLBACK")).await;
        self.note(done)?;
        self.transaction = Transaction::None;
        Ok(())
    }

    fn note<T>(&mut self, done: sqlx::Result<T>) -> sqlx::Result<T> {
        self.condition = match &done {
            Ok(_) => Condition::Idle,
            Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed) => {
                Condition::Broken
            }
            // A session that the server ends says so in its last message.
            Err(sqlx::Error::Database(error)) if ends_the_session(error.code().as_deref()) => {
                Condition::Broken
            }
            Err(_) => Condition::Unclear,
        };
        done
    }
}

impl Session<PgConnection> {
    /// What is known of the connection.
    pub(crate) fn condition(&self) -> Condition {
        match self.transaction {
            // Left before its end, so it has to be rolled back.
            Transaction::Explicit if self.condition == Condition::Idle => Condition::Unclear,
            _ => self.condition,
        }
    }

    /// Brings a connection of unclear condition back to order, or asks an idle one whether it lives.
    pub(crate) async fn tidy(&mut self, limit: Duration) -> sqlx::Result<()> {
        let tidied = match self.transaction {
            Transaction::None => within(Some(limit), self.conn.ping()).await,
            Transaction::Explicit => within(Some(limit), self.conn.execute("ROLLBACK")).await.map(drop),
        };
        self.note(tidied)?;
        self.transaction = Transaction::None;
        Ok(())
    }

    /// Says goodbye.
    pub(crate) async fn close(self) -> sqlx::Result<()> {
        self.conn.close().await
    }
}

/// Whose transaction a statement is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Its own, which ends with it.
    Statement,
    Given,
}

/// `57P..`: ended by an operator, a crash, a shutdown, or for idling.
fn ends_the_session(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("57P") || code == "25P03")
}

/// Waits for an answer, but not for ever.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let Some(limit) = limit else { return answer.await };
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {limit:?}"));
    tokio::time::timeout(limit, answer).await.map_err(late)?
}

/// A statement that is prepared under a name or without one.
struct Run<Q> {
    query: Q,
    names: Names,
}

impl<'q, Q: Execute<'q, Postgres>> Execute<'q, Postgres> for Run<Q> {
    fn sql(self) -> SqlStr {
        self.query.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.query.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        self.query.take_arguments()
    }

    fn persistent(&self) -> bool {
        self.names == Names::Kept && self.query.persistent()
    }
}
