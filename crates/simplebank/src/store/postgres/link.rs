//! A connection for one call, and how statements travel over it.

use crate::store::{Fault, Place, StoreError};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::{Query, QueryScalar};
use sqlx::{Decode, Postgres, Type};
use std::future::Future;
use std::time::Duration;
use tokio::time::timeout;

use super::fault;

/// Whether the server remembers the statements that were sent over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statements {
    /// It does, under names: a statement is parsed once per connection.
    Named,
    /// It need not: a pooler may give every transaction another connection to the server, on which a name means nothing
    /// or, worse, something else. The driver names statements even where it keeps none, unless it is told not to each
    /// time. A statement without a name lives from one message to the next, which a pooler may send to different
    /// servers as well: all but a transaction's. So with this, everything happens in transactions, readers' included.
    Unnamed,
}

/// A connection borrowed for one call.
#[derive(Debug)]
pub struct Link<'c> {
    pub(super) connection: &'c mut PgConnection,
    pub(super) statements: Statements,
    /// How long an answer may take. Longer than the server's own bound on a statement: what ends here is a server or a
    /// network that says nothing at all.
    pub(in crate::store) patience: Duration,
}

impl Link<'_> {
    /// A statement of the bank's.
    pub(super) fn query(&self, sql: &'static str) -> Query<'static, Postgres, PgArguments> {
        sqlx::query(sql).persistent(self.statements == Statements::Named)
    }

    /// A statement of the bank's that returns one column.
    pub(super) fn query_scalar<O>(&self, sql: &'static str) -> QueryScalar<'static, Postgres, O, PgArguments>
    where
        O: Type<Postgres> + for<'r> Decode<'r, Postgres>,
        (O,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        sqlx::query_scalar(sql).persistent(self.statements == Statements::Named)
    }
}

/// The answer to a call, or the meaning of its error. After no answer at all the connection is not used again: the pool
/// closes what does not answer a ping either.
pub(in crate::store) async fn answer<T>(
    place: &Place,
    patience: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match timeout(patience, call).await {
        Ok(answer) => answer.map_err(explain(place)),
        Err(_) => Err(StoreError::new(place, Fault::NoAnswer)),
    }
}

/// The driver's error as a meaning. Fits `map_err`.
pub(in crate::store) fn explain(place: &Place) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| StoreError::caused(place, fault::meaning(&error), error)
}
