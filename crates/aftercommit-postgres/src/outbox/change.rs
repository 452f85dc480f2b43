//! Changes of many rows with one statement.

use aftercommit_core::{Outbox, Result, RowKey};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::PostgresOutbox;
use crate::error::{failed, is_lost_race};

/// How many rows one statement changes at most.
pub(super) const MAX_ROWS: usize = 10_000;

impl PostgresOutbox {
    /// Runs a statement, and says how many rows it changed. One that met another relay's is run once more.
    pub(super) async fn change<'q>(
        &self,
        doing: &'static str,
        statement: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<u64> {
        let mut conn = self.store.conn(doing).await?;
        let mut done = conn.execute(statement()).await;
        if done.as_ref().is_err_and(is_lost_race) {
            done = conn.execute(statement()).await;
        }
        Ok(done.map_err(failed(doing))?.rows_affected())
    }
}

/// The two columns that name rows.
pub(super) fn keys(keys: impl Iterator<Item = RowKey>) -> (Vec<i64>, Vec<i64>) {
    keys.map(|key| (key.seq, key.epoch.cast_signed())).unzip()
}

/// Sets rows aside that cannot be read, so that they do not hold up the others.
pub(super) async fn set_aside_unreadable(outbox: &PostgresOutbox, rows: &[(RowKey, String)]) {
    for (key, reason) in rows {
        tracing::error!(seq = key.seq, reason, "a row of the outbox is set aside");
    }
    if let Err(error) = outbox.bury(rows).await {
        // The rows that can be read matter more; these are found again when the claim ends.
        tracing::warn!(%error, "rows of the outbox that cannot be read stay where they are for now");
    }
}
