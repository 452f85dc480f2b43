//! Forwarding what is due, finding what is nobody's, deleting what is over.

use std::time::Duration;

use aftercommit_core::{
    ArchiveLimits, BoxError, Forwarded, Orphan, OrphanCause, QueueName, Result, Timestamp, Upkeep,
};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::batch::names;
use crate::error::failed;
use crate::unreadable::Unreadable;
use crate::{SqliteQueue, process, row, sql};

/// For how many days, today included, attempts are counted apart.
const DAYS_KEPT: i64 = 90;
/// The day that stands for all earlier ones.
const EARLIER: i64 = i64::MIN;
/// How often rows of no further use are deleted.
const TIDY_INTERVAL: Duration = Duration::from_secs(600);
/// For how long a cancellation can be read. A worker that has not read one by then is not alive.
const CANCELLATIONS_KEPT: Duration = Duration::from_secs(600);
/// For how long a worker that is not seen any more keeps its row.
const WORKERS_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// For how long it can be seen that a handler has finished its task itself: longer than settles are repeated.
const RECEIPTS_KEPT: Duration = Duration::from_secs(3_600);
/// How many receipts are deleted at once.
const RECEIPTS_MAX: u64 = 10_000;

#[async_trait]
impl Upkeep for SqliteQueue {
    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded> {
        const DOING: &str = "forward due tasks";
        let (names, now) = (names(queues.iter().map(QueueName::as_str)), self.store.now());
        // Nearly every look finds nothing due, and must not keep those waiting who write.
        let next_due =
            next_due(&mut *self.store.reader(DOING).await?, &names).await.map_err(failed(DOING))?;
        if limit == 0 || next_due.is_none_or(|due| due > now) {
            return Ok(Forwarded { moved: 0, next_due });
        }
        let mut tx = self.store.write(DOING).await?;
        let moved = forward(&mut tx, &names, now, limit).await.map_err(failed(DOING))?;
        let next_due = self::next_due(&mut tx, &names).await.map_err(failed(DOING))?;
        tx.commit().await.map_err(failed(DOING))?;
        if moved > 0 {
            self.store.news.pending();
            self.store.news.groups();
        }
        Ok(Forwarded { moved, next_due })
    }

    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>> {
        let (names, now) = (names(queues.iter().map(QueueName::as_str)), self.store.now());
        let found = self.find_orphans(&names, now, limit).await;
        if found.is_err() {
            // Nobody could say that he is alive either.
            self.watch.restart(now);
        }
        found
    }

    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        const DOING: &str = "delete expired tasks";
        let (names, now) = (names(queues.iter().map(QueueName::as_str)), self.store.now());
        let delete =
            sqlx::query(sql::DELETE_EXPIRED).bind(names).bind(now.as_millis()).bind(saturated(limit));
        let deleted = delete
            .execute(&mut *self.store.writer(DOING).await?)
            .await
            .map_err(failed(DOING))?
            .rows_affected();
        if self.watch.may_tidy(now, TIDY_INTERVAL) {
            self.tidy(now).await?;
        }
        Ok(usize::try_from(deleted).unwrap_or(usize::MAX))
    }

    async fn trim_archive(
        &self,
        queues: &[QueueName],
        limits: &ArchiveLimits,
        limit: usize,
    ) -> Result<usize> {
        const DOING: &str = "trim archives";
        let names = names(queues.iter().map(QueueName::as_str));
        let before = self.store.now().minus(limits.max_age).as_millis();
        let (kept, limit) = (saturated(limits.max_tasks), saturated(limit));
        // Nearly every look finds nothing to delete, and must not keep those waiting who write.
        let has_beyond = sqlx::query_scalar::<_, bool>(sql::HAS_BEYOND).bind(&names).bind(before).bind(kept);
        let mut reader = self.store.reader(DOING).await?;
        if !has_beyond.bind(limit).fetch_one(&mut *reader).await.map_err(failed(DOING))? {
            return Ok(0);
        }
        drop(reader);
        let trim = sqlx::query(sql::TRIM_ARCHIVE).bind(names).bind(before).bind(kept).bind(limit);
        let trimmed = trim.execute(&mut *self.store.writer(DOING).await?).await.map_err(failed(DOING))?;
        Ok(usize::try_from(trimmed.rows_affected()).unwrap_or(usize::MAX))
    }
}

impl SqliteQueue {
    async fn find_orphans(&self, names: &str, now: Timestamp, limit: usize) -> Result<Vec<Orphan>> {
        const DOING: &str = "find orphaned tasks";
        let mut conn = self.store.reader(DOING).await?;
        let dead = dead_neighbours(&mut conn).await.map_err(failed(DOING))?;
        let orphans = sqlx::query(sql::ORPHANS)
            .bind(names)
            .bind(now.as_millis())
            .bind(saturated(limit))
            .bind(serde_json::Value::from(dead).to_string())
            .bind(self.watch.lasts(now));
        let rows = orphans.fetch_all(&mut *conn).await.map_err(failed(DOING))?;
        drop(conn);
        let mut unreadable = Unreadable::default();
        let orphans =
            rows.iter().filter_map(|row| orphan(row, now).map_err(|error| unreadable.add(row, &error)).ok());
        let orphans = orphans.collect();
        unreadable.archive(&self.store).await;
        Ok(orphans)
    }

    /// Deletes what is of no further use: old counts, workers long gone, cancellations everybody has read,
    /// receipts nobody asks for.
    async fn tidy(&self, now: Timestamp) -> Result<()> {
        const DOING: &str = "delete old counts and workers";
        let keep_from = now.day() - DAYS_KEPT + 1;
        let mut tx = self.store.write(DOING).await?;
        for statement in [sql::FOLD_COUNTS, sql::FORGET_COUNTS] {
            let step = sqlx::query(statement).bind(keep_from).bind(EARLIER);
            step.execute(&mut *tx).await.map_err(failed(DOING))?;
        }
        for (statement, kept) in
            [(sql::FORGET_WORKERS, WORKERS_KEPT), (sql::FORGET_CANCELLATIONS, CANCELLATIONS_KEPT)]
        {
            let step = sqlx::query(statement).bind(now.minus(kept).as_millis());
            step.execute(&mut *tx).await.map_err(failed(DOING))?;
        }
        tx.commit().await.map_err(failed(DOING))?;
        // In several steps, between which others may write.
        loop {
            let forget = sqlx::query(sql::FORGET_RECEIPTS).bind(now.minus(RECEIPTS_KEPT).as_millis());
            let forget = forget.bind(RECEIPTS_MAX.cast_signed());
            let forgotten =
                forget.execute(&mut *self.store.writer(DOING).await?).await.map_err(failed(DOING))?;
            if forgotten.rows_affected() < RECEIPTS_MAX {
                return Ok(());
            }
        }
    }
}

pub(crate) fn saturated(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

async fn next_due(conn: &mut SqliteConnection, names: &str) -> sqlx::Result<Option<Timestamp>> {
    let due: Option<i64> = sqlx::query_scalar(sql::NEXT_DUE).bind(names).fetch_one(conn).await?;
    Ok(due.map(Timestamp::from_millis))
}

async fn forward(
    conn: &mut SqliteConnection,
    names: &str,
    now: Timestamp,
    limit: usize,
) -> sqlx::Result<usize> {
    let forward = sqlx::query(sql::FORWARD).bind(names).bind(now.as_millis()).bind(saturated(limit));
    let moved = forward.execute(&mut *conn).await?.rows_affected();
    if moved > 0 {
        sqlx::query(sql::ADVANCE).bind(moved.cast_signed()).execute(conn).await?;
    }
    Ok(usize::try_from(moved).unwrap_or(usize::MAX))
}

/// The keys of workers whose processes would be here, and are dead.
async fn dead_neighbours(conn: &mut SqliteConnection) -> sqlx::Result<Vec<i64>> {
    let Some(place) = process::place() else { return Ok(Vec::new()) };
    let rows = sqlx::query(sql::NEIGHBOURS).bind(place).fetch_all(conn).await?;
    let mut dead = Vec::new();
    for row in rows {
        if process::is_dead(row.try_get(1)?, row.try_get(2)?) {
            dead.push(row.try_get(0)?);
        }
    }
    Ok(dead)
}

/// A row of `orphans.sql`.
fn orphan(row: &SqliteRow, now: Timestamp) -> Result<Orphan, BoxError> {
    let expires_at = Timestamp::from_millis(row.try_get(13)?);
    let cause = if expires_at <= now { OrphanCause::LeaseExpired } else { OrphanCause::WorkerDead };
    Ok(Orphan { leased: row::leased(row, expires_at)?, cause })
}
