//! What a relay does with the outbox.

use std::time::Duration;

use aftercommit_core::{Backlog, Claim, Outbox, Postponed, Result, RowKey, Timestamp, Wakes};
use async_trait::async_trait;

use super::SqliteOutbox;
use super::claim::claim;
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

    fn wakes(&self) -> Wakes {
        self.store.news.outbox_wakes()
    }

    async fn backlog(&self) -> Result<Backlog> {
        const DOING: &str = "measure the outbox";
        let look = sqlx::query_as::<_, (i64, Option<i64>, i64)>(sql::OUTBOX_BACKLOG);
        let (waiting, oldest_at, buried) =
            look.fetch_one(&mut *self.store.reader(DOING).await?).await.map_err(failed(DOING))?;
        Ok(Backlog {
            waiting: waiting.unsigned_abs(),
            oldest_at: oldest_at.map(Timestamp::from_millis),
            buried: buried.unsigned_abs(),
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

impl Store {
    /// Runs a statement over a batch of so many rows, unless there are none.
    async fn change(
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
