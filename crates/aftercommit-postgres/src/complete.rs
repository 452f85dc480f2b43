//! Finishes a task in its handler's own transaction, and knows afterwards that this has happened.

use aftercommit_core::{Lease, LeaseLost, Leased, Outcome, Result};
use bytes::Bytes;
use sqlx::{PgConnection, Row};

use crate::conn::Conn;
use crate::error::failed;
use crate::leases::{Current, Leases};
use crate::outcomes::Outcomes;
use crate::settle::bind;
use crate::{PostgresQueue, sql};

const COMPLETING: &str = "complete a task";

impl PostgresQueue {
    /// Finishes the task of a running handler in the transaction that `conn` is in, so that what the handler writes there
    /// and the end of its task commit together: the effect is in the database once, however often the task is
    /// tried. The task comes from the handler's context.
    ///
    /// Once the transaction has committed, the task is over, whatever the handler returns and even if the process dies at
    /// that moment. If it rolls back, or its commit is never answered and did not happen, what the handler returns decides
    /// as ever; so a handler simply passes on the error of its commit.
    ///
    /// Best called last: the task's row is locked from here to the end of the transaction. In a transaction that is
    /// `REPEATABLE READ` or `SERIALIZABLE` it may fail because the lease was extended meanwhile; then the task is tried
    /// again. The value that the handler returns is dropped: see [`complete_with_result_in`](Self::complete_with_result_in).
    ///
    /// ```no_run
    /// use aftercommit_core::{Error, Leased};
    /// use aftercommit_postgres::PostgresQueue;
    /// use sqlx::PgPool;
    ///
    /// // A handler has a `TaskContext`, which is such an `AsRef<Leased>`.
    /// async fn transfer(queue: PostgresQueue, pool: PgPool, context: impl AsRef<Leased>) -> Result<(), Error> {
    /// # let failed = |error| Error::store("book", error);
    ///     let mut tx = queue.begin(&pool).await?;
    ///     sqlx::query("INSERT INTO entries (amount) VALUES (100)").execute(&mut *tx).await.map_err(failed)?;
    ///     queue.complete_in(&mut tx, &context).await?;
    ///     tx.commit().await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::LeaseLost`](aftercommit_core::Error::LeaseLost) if the attempt is not in charge of the task any more;
    /// nothing was written, and the caller must roll back. If the store cannot be reached or refuses; then too.
    pub async fn complete_in(&self, conn: &mut PgConnection, task: &impl AsRef<Leased>) -> Result<()> {
        self.complete(conn, task.as_ref(), None).await
    }

    /// As [`complete_in`](Self::complete_in), with a value to keep beside the task, if the task is kept.
    ///
    /// # Errors
    /// As those of [`complete_in`](Self::complete_in).
    pub async fn complete_with_result_in(
        &self,
        conn: &mut PgConnection,
        task: &impl AsRef<Leased>,
        result: impl Into<Bytes>,
    ) -> Result<()> {
        self.complete(conn, task.as_ref(), Some(result.into())).await
    }

    async fn complete(&self, conn: &mut PgConnection, task: &Leased, result: Option<Bytes>) -> Result<()> {
        let outcome = Outcome::of_success(&task.message, result);
        let leases = Leases::of(std::iter::once(&task.lease));
        let outcomes = Outcomes::of(std::iter::once(&outcome), &leases.places);
        let complete = outcomes.bind(bind(sql::COMPLETE, &leases, self.store.moment()));
        match self.store.on(conn).fetch_optional(complete).await.map_err(failed(COMPLETING))? {
            Some(_) => Ok(()),
            None => Err(LeaseLost.into_error(&task.lease)),
        }
    }
}

/// Which of these leases are gone because their handlers have finished their tasks. A statement of its own: one that waited
/// for such a transaction does not see what that has committed.
pub(crate) async fn completed<'a>(
    conn: &mut Conn,
    doing: &'static str,
    lost: impl Iterator<Item = &'a Lease>,
) -> Result<Current> {
    let leases = Leases::of(lost);
    if leases.seqs.is_empty() {
        return Ok(Current::default());
    }
    let receipts = sqlx::query(sql::RECEIPTS).bind(&leases.seqs).bind(&leases.tokens);
    let rows = conn.fetch_all(receipts).await;
    let tokens = rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
    tokens.map(Current).map_err(failed(doing))
}
