//! Which workers are alive, what they are doing, and how a cancellation reaches them.

use std::time::Duration;

use aftercommit_core::stored::{StoredWorker, millis};
use aftercommit_core::{Cancellations, Presence, QueueName, Result, TaskId, WorkerId, WorkerInfo};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::cancel::cancellations;
use crate::error::{failed, unreadable};
use crate::text::has_nul;
use crate::{PostgresQueue, claims, sql};

#[async_trait]
impl Presence for PostgresQueue {
    async fn beat(&self, worker: &WorkerInfo, ttl: Duration) -> Result<()> {
        const DOING: &str = "say that a worker is alive";
        let info =
            serde_json::to_string(&StoredWorker::of(worker)).map_err(|error| unreadable(DOING, error))?;
        let beat = sqlx::query(sql::BEAT)
            .bind(worker.id.as_str())
            .bind(self.store.moment())
            .bind(info)
            .bind(millis(ttl));
        self.store.conn(DOING).await?.execute(beat).await.map(drop).map_err(failed(DOING))
    }

    async fn leave(&self, worker: &WorkerId) -> Result<()> {
        const DOING: &str = "say that a worker is gone";
        let mut conn = self.store.conn(DOING).await?;
        // Once it is gone, what it took without knowing looks like the work of one that died.
        claims::give_back(self, &mut conn).await?;
        let leave = sqlx::query(sql::LEAVE).bind(worker.as_str());
        conn.execute(leave).await.map(drop).map_err(failed(DOING))
    }

    async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        const DOING: &str = "list workers";
        let alive = sqlx::query(sql::WORKERS).bind(self.store.moment());
        let rows = self.store.conn(DOING).await?.fetch_all(alive).await.map_err(failed(DOING))?;
        let read = |row: &PgRow| {
            let id = WorkerId::from_stored(row.try_get(0)?);
            serde_json::from_str::<StoredWorker>(row.try_get(1)?)?.read(id)
        };
        rows.iter().map(|row| read(row).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn cancel(&self, queue: &QueueName, id: &TaskId) -> Result<()> {
        const DOING: &str = "cancel a task";
        if has_nul(id.as_str()) {
            // No task is stored under such an id.
            return Ok(());
        }
        let cancel =
            sqlx::query(sql::CANCEL).bind(queue.as_str()).bind(id.as_str()).bind(self.store.moment());
        let row = self.store.conn(DOING).await?.fetch_one(cancel).await.map_err(failed(DOING))?;
        let seq = row.try_get(0).map_err(failed(DOING))?;
        self.cancels.announce(&self.store.news, seq);
        Ok(())
    }

    fn cancellations(&self) -> Cancellations {
        cancellations(self)
    }
}
