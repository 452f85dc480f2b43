//! What a relay, and an operator, do with the outbox.

use std::time::Duration;

use aftercommit_core::{
    Backlog, Claim, Kept, Observed, Outbox, Page, Postponed, Result, RowInfo, RowKey, RowOperation, RowState,
    Rows, Wakes, Watch,
};
use async_trait::async_trait;

use super::change::{MAX_ROWS, keys};
use super::{PostgresOutbox, claim, kept, operators};
use crate::news::Topic;
use crate::{sql, text};

#[async_trait]
impl Outbox for PostgresOutbox {
    async fn claim(&self, limit: usize, duration: Duration) -> Result<Claim> {
        claim::claim(self, limit, duration).await
    }

    async fn mark(&self, rows: &[RowKey]) -> Result<()> {
        const DOING: &str = "mark tasks of the outbox as published";
        for part in rows.chunks(MAX_ROWS) {
            let seqs: Vec<i64> = part.iter().map(|key| key.seq).collect();
            self.change(DOING, || sqlx::query(sql::OUTBOX_MARK).bind(seqs.clone())).await?;
        }
        Ok(())
    }

    async fn keep(&self, rows: &[Kept]) -> Result<()> {
        kept::keep(self, rows).await
    }

    async fn watch(&self, limit: usize, duration: Duration) -> Result<Watch> {
        kept::watch(self, limit, duration).await
    }

    async fn observe(&self, rows: &[Observed]) -> Result<()> {
        kept::observe(self, rows).await
    }

    async fn publish_again(&self, rows: &[RowKey]) -> Result<()> {
        kept::publish_again(self, rows).await
    }

    async fn postpone(&self, rows: &[Postponed]) -> Result<()> {
        const DOING: &str = "postpone tasks of the outbox";
        for part in rows.chunks(MAX_ROWS) {
            let (seqs, epochs) = keys(part.iter().map(|postponed| postponed.key));
            let until: Vec<i64> = part.iter().map(|postponed| postponed.until.as_millis()).collect();
            let errors: Vec<String> =
                part.iter().map(|postponed| text::storable(&postponed.error).into_owned()).collect();
            let postpone = || {
                sqlx::query(sql::OUTBOX_POSTPONE)
                    .bind(seqs.clone())
                    .bind(epochs.clone())
                    .bind(until.clone())
                    .bind(errors.clone())
            };
            self.change(DOING, postpone).await?;
        }
        Ok(())
    }

    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()> {
        const DOING: &str = "set tasks of the outbox aside";
        for part in rows.chunks(MAX_ROWS) {
            let (seqs, epochs) = keys(part.iter().map(|(key, _)| *key));
            let errors: Vec<String> =
                part.iter().map(|(_, error)| text::storable(error).into_owned()).collect();
            let bury =
                || sqlx::query(sql::OUTBOX_BURY).bind(seqs.clone()).bind(epochs.clone()).bind(errors.clone());
            self.change(DOING, bury).await?;
        }
        Ok(())
    }

    async fn list(&self, state: RowState, page: Page) -> Result<Vec<RowInfo>> {
        operators::list(self, state, page).await
    }

    async fn operate(&self, rows: &Rows, operation: RowOperation, limit: usize) -> Result<usize> {
        operators::operate(self, rows, operation, limit).await
    }

    fn wakes(&self) -> Wakes {
        self.store.news.hints(Topic::Outbox)
    }

    async fn backlog(&self) -> Result<Backlog> {
        operators::backlog(self).await
    }
}
