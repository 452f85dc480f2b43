//! What a relay does with the outbox.

use std::time::Duration;

use aftercommit_core::{
    Backlog, Claim, Kept, Observed, Outbox, Page, Postponed, Result, RowInfo, RowKey, RowOperation, RowState,
    Rows, Timestamp, Wakes, Watch,
};
use async_trait::async_trait;

use super::claim::claim;
use super::{SqliteOutbox, kept, operators};
use crate::batch::Batch;
use crate::error::failed;
use crate::sql;
use crate::store::Store;

#[async_trait]
impl Outbox for SqliteOutbox {
    async fn claim(&self, limit: usize, duration: Duration) -> Result<Claim> {
        claim(&self.store, limit, duration).await
    }

    async fn mark(&self, rows: &[RowKey]) -> Result<()> {
        let seqs = serde_json::Value::from_iter(rows.iter().map(|key| key.seq)).to_string();
        self.store.change("mark tasks of the outbox as published", sql::OUTBOX_MARK, rows.len(), seqs).await
    }

    async fn keep(&self, rows: &[Kept]) -> Result<()> {
        kept::keep(&self.store, rows).await
    }

    async fn watch(&self, limit: usize, duration: Duration) -> Result<Watch> {
        kept::watch(&self.store, limit, duration).await
    }

    async fn observe(&self, rows: &[Observed]) -> Result<()> {
        kept::observe(&self.store, rows).await
    }

    async fn publish_again(&self, rows: &[RowKey]) -> Result<()> {
        kept::publish_again(&self.store, rows).await
    }

    async fn postpone(&self, rows: &[Postponed]) -> Result<()> {
        let mut batch = Batch::with_capacity(rows.len());
        for row in rows {
            batch.item().number(row.key.seq).number(row.key.epoch.cast_signed());
            batch.number(row.until.as_millis()).field(&row.error);
        }
        let batch = batch.finish().0;
        self.store.change("postpone tasks of the outbox", sql::OUTBOX_POSTPONE, rows.len(), batch).await
    }

    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()> {
        bury(&self.store, rows).await
    }

    async fn list(&self, state: RowState, page: Page) -> Result<Vec<RowInfo>> {
        operators::list(&self.store, state, page).await
    }

    async fn operate(&self, rows: &Rows, operation: RowOperation, limit: usize) -> Result<usize> {
        operators::operate(&self.store, rows, operation, limit).await
    }

    fn wakes(&self) -> Wakes {
        self.store.news.outbox_wakes()
    }

    async fn backlog(&self) -> Result<Backlog> {
        const DOING: &str = "measure the outbox";
        let look = sqlx::query_as::<_, (i64, Option<i64>, i64, i64)>(sql::OUTBOX_BACKLOG);
        let (waiting, oldest_at, buried, kept) =
            look.fetch_one(&mut *self.store.reader(DOING).await?).await.map_err(failed(DOING))?;
        Ok(Backlog {
            waiting: waiting.unsigned_abs(),
            oldest_at: oldest_at.map(Timestamp::from_millis),
            buried: buried.unsigned_abs(),
            kept: kept.unsigned_abs(),
        })
    }
}

/// Sets rows aside.
pub(super) async fn bury(store: &Store, rows: &[(RowKey, String)]) -> Result<()> {
    let mut batch = Batch::with_capacity(rows.len());
    for (key, error) in rows {
        batch.item().number(key.seq).number(key.epoch.cast_signed()).field(error);
    }
    store.change("set tasks of the outbox aside", sql::OUTBOX_BURY, rows.len(), batch.finish().0).await
}

/// Sets rows aside that cannot be read, so that they do not hold up the others.
pub(super) async fn set_aside_unreadable(store: &Store, rows: &[(RowKey, String)]) {
    for (key, reason) in rows {
        tracing::error!(seq = key.seq, reason, "a row of the outbox is set aside");
    }
    if let Err(error) = bury(store, rows).await {
        // The rows that can be read matter more; these are found again when the claim ends.
        tracing::warn!(%error, "rows of the outbox that cannot be read stay where they are for now");
    }
}

impl Store {
    /// Runs a statement over a batch of so many rows, unless there are none.
    pub(super) async fn change(
        &self,
        doing: &'static str,
        statement: &'static str,
        rows: usize,
        batch: String,
    ) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let change = sqlx::query(statement).bind(batch);
        change.execute(&mut *self.writer(doing).await?).await.map(drop).map_err(failed(doing))
    }
}
