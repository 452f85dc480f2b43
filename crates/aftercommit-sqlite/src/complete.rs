//! Finishes a task in its handler's own transaction, and knows afterwards that this has happened.

use aftercommit_core::stored::token;
use aftercommit_core::{LeaseLost, Leased, Outcome, Result};
use bytes::Bytes;
use sqlx::SqliteConnection;

use crate::error::failed;
use crate::outcomes::Outcomes;
use crate::{SqliteQueue, settle, sql};

const COMPLETING: &str = "complete a task";

impl SqliteQueue {
    /// Finishes the task of a running handler in the transaction that `conn` is in, so that what the handler writes there
    /// and the end of its task commit together: the effect is in the database once, however often the task is
    /// tried. The task comes from the handler's context.
    ///
    /// Once the transaction has committed, the task is over, whatever the handler returns and even if the process dies at
    /// that moment. If it rolls back, what the handler returns decides as ever; so a handler simply passes on the error of
    /// its commit. The value that it returns is dropped: see [`complete_with_result_in`](Self::complete_with_result_in).
    ///
    /// ```
    /// use aftercommit_core::{Error, Leased};
    /// use aftercommit_sqlite::SqliteQueue;
    ///
    /// // A handler has a `TaskContext`, which is such an `AsRef<Leased>`.
    /// async fn transfer(queue: SqliteQueue, context: impl AsRef<Leased>) -> Result<(), Error> {
    /// # let failed = |error| Error::store("book", error);
    ///     let mut tx = queue.begin().await?;
    ///     sqlx::query("INSERT INTO entries (amount) VALUES (100)").execute(&mut *tx).await.map_err(failed)?;
    ///     queue.complete_in(&mut tx, &context).await?;
    ///     tx.commit().await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::LeaseLost`](aftercommit_core::Error::LeaseLost) if the attempt is not in charge of the task any more;
    /// nothing was written, and the caller must roll back. If the store cannot be reached or refuses; then too.
    pub async fn complete_in(&self, conn: &mut SqliteConnection, task: &impl AsRef<Leased>) -> Result<()> {
        self.complete(conn, task.as_ref(), None).await
    }

    /// As [`complete_in`](Self::complete_in), with a value to keep beside the task, if the task is kept.
    ///
    /// # Errors
    /// As those of [`complete_in`](Self::complete_in).
    pub async fn complete_with_result_in(
        &self,
        conn: &mut SqliteConnection,
        task: &impl AsRef<Leased>,
        result: impl Into<Bytes>,
    ) -> Result<()> {
        self.complete(conn, task.as_ref(), Some(result.into())).await
    }

    async fn complete(
        &self,
        conn: &mut SqliteConnection,
        task: &Leased,
        result: Option<Bytes>,
    ) -> Result<()> {
        let (lease, now) = (&task.lease, self.store.now());
        let mut outcomes = Outcomes::default();
        outcomes.add(lease, &Outcome::of_success(&task.message, result), now);
        // A single lease that is lost stops at its first statement, which then has changed nothing.
        if !outcomes.write(conn, now).await.map_err(failed(COMPLETING))? {
            return Err(LeaseLost.into_error(lease));
        }
        let (seq, epoch) = token::parts(lease.token);
        let receipt = sqlx::query(sql::RECEIPT).bind(seq).bind(epoch).bind(now.as_millis());
        receipt.execute(conn).await.map_err(failed(COMPLETING))?;
        Ok(())
    }
}

/// Which of these leases are gone because their handlers have finished their tasks, by their places in the batch.
pub(crate) async fn completed(conn: &mut SqliteConnection, leases: &str) -> sqlx::Result<Vec<usize>> {
    settle::places(&sqlx::query(sql::RECEIPTS).bind(leases).fetch_all(conn).await?)
}
