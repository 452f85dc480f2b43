//! Forwarding what is due, finding what is nobody's, deleting what is over.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use aftercommit_core::stored::millis;
use aftercommit_core::{
    ArchiveLimits, BoxError, Forwarded, Orphan, OrphanCause, QueueName, Result, Timestamp, Upkeep,
};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::batch::{names, saturated};
use crate::conn::Conn;
use crate::due::{self, Seen};
use crate::error::{failed, is_lost_race};
use crate::news::Topic;
use crate::unreadable::Unreadable;
use crate::{PostgresQueue, claims, row, sql};

/// For how many days, today included, attempts are counted apart.
const DAYS_KEPT: i64 = 90;
/// The day that stands for all earlier ones.
const EARLIER: i32 = i32::MIN;
/// How often rows of no further use are deleted.
const TIDY_INTERVAL: Duration = Duration::from_secs(600);
/// For how long a cancellation can be read. A worker that has not read one by then is not alive.
const CANCELLATIONS_KEPT: Duration = Duration::from_secs(600);
/// For how long a worker that is not seen any more keeps its row.
const WORKERS_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// For how long a unique lock that ran out keeps its row.
const LOCKS_KEPT: Duration = Duration::from_secs(60);
/// How many changes are added to the counts at once.
const CHANGES_MAX: i64 = 50_000;
/// How many unique locks that ran out are deleted at once.
const LOCKS_MAX: i64 = 10_000;
/// For how long it can be seen that a handler has finished its task itself: longer than settles are repeated.
const RECEIPTS_KEPT: Duration = Duration::from_secs(3_600);
/// How many receipts are deleted at once.
const RECEIPTS_MAX: u64 = 10_000;

#[async_trait]
impl Upkeep for PostgresQueue {
    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded> {
        const DOING: &str = "forward due tasks";
        let mut conn = self.store.conn(DOING).await?;
        // Who sleeps until something is due does so by the clock of his own machine.
        let (began, local) = (Instant::now(), self.store.local_now());
        let from = self.due_looks.start(queues, began);
        let statement = || {
            sqlx::query(sql::FORWARD)
                .bind(names(queues))
                .bind(self.store.moment())
                .bind(saturated(limit))
                .bind(from)
        };
        let mut row = conn.fetch_one(statement()).await;
        if row.as_ref().is_err_and(is_lost_race) {
            row = conn.fetch_one(statement()).await;
        }
        drop(conn);
        let (moved, now, next_due) = row.and_then(|row| forwarded(&row)).map_err(failed(DOING))?;
        let ended = Instant::now();
        let moved = usize::try_from(moved).unwrap_or(usize::MAX);
        let seen = Seen { from, until: (moved < limit).then_some(now), moved };
        self.due_looks.note(queues, seen, began, ended);
        if moved > 0 {
            self.store.news.announce(Topic::Pending);
            self.store.news.announce(Topic::Groups);
        }
        let ahead = local.as_millis().saturating_sub(now);
        let next_due = next_due.map(|due| Timestamp::from_millis(due.saturating_add(ahead)));
        // What was left out may hold something that is due.
        let full_at = self.due_looks.may_be_full_at(queues, ended).filter(|_| from > due::BEGINNING);
        let full_at = full_at.map(|at| local.plus(at.duration_since(began)));
        let next_due = next_due.into_iter().chain(full_at).min();
        Ok(Forwarded { moved, next_due })
    }

    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>> {
        let found = self.find_orphans(&names(queues), limit).await;
        if found.is_err() {
            // Nobody could say that he is alive either.
            self.watch.restart(self.store.local_now());
        }
        found
    }

    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        const DOING: &str = "delete expired tasks";
        let mut conn = self.store.conn(DOING).await?;
        let delete = sqlx::query(sql::DELETE_EXPIRED)
            .bind(names(queues))
            .bind(self.store.moment())
            .bind(saturated(limit));
        let deleted = conn.execute(delete).await.map_err(failed(DOING))?.rows_affected();
        self.tidy(&mut conn).await?;
        Ok(usize::try_from(deleted).unwrap_or(usize::MAX))
    }

    async fn trim_archive(
        &self,
        queues: &[QueueName],
        limits: &ArchiveLimits,
        limit: usize,
    ) -> Result<usize> {
        const DOING: &str = "trim archives";
        let trim = sqlx::query(sql::TRIM_ARCHIVE)
            .bind(names(queues))
            .bind(self.store.moment())
            .bind(millis(limits.max_age))
            .bind(saturated(limits.max_tasks))
            .bind(saturated(limit));
        let trimmed = self.store.conn(DOING).await?.fetch_one(trim).await;
        let trimmed: i64 = trimmed.and_then(|row| row.try_get(0)).map_err(failed(DOING))?;
        Ok(usize::try_from(trimmed).unwrap_or(usize::MAX))
    }
}

impl PostgresQueue {
    async fn find_orphans(&self, names: &[&str], limit: usize) -> Result<Vec<Orphan>> {
        const DOING: &str = "find orphaned tasks";
        let mut conn = self.store.conn(DOING).await?;
        let orphans = sqlx::query(sql::ORPHANS)
            .bind(names)
            .bind(self.store.moment())
            .bind(saturated(limit))
            .bind(self.watch.lasts(self.store.local_now()))
            .bind(millis(claims::LOOK_AGAIN))
            .bind(claims::LOOKS_MAX);
        let rows = conn.fetch_all(orphans).await.map_err(failed(DOING))?;
        drop(conn);
        let mut unreadable = Unreadable::default();
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            match Found::read(row) {
                Ok(one) => found.push(one),
                Err(error) => unreadable.add(row, &error),
            }
        }
        unreadable.archive(&self.store).await;
        let missing: HashSet<i64> = found.iter().filter_map(|found| found.missing).collect();
        let dead = self.watch.missing_again(missing);
        let is_orphan = |found: &Found| found.missing.is_none_or(|worker| dead.contains(&worker));
        Ok(found.into_iter().filter(is_orphan).map(|found| found.orphan).collect())
    }

    /// Adds up what was counted and, from time to time, deletes what is of no further use: old counts, workers long gone,
    /// cancellations everybody has read, locks that ran out, receipts nobody asks for.
    async fn tidy(&self, conn: &mut Conn) -> Result<()> {
        const DOING: &str = "delete old counts and workers";
        let moment = self.store.moment();
        let fold = sqlx::query(sql::FOLD_COUNTS).bind(CHANGES_MAX);
        conn.execute(fold).await.map_err(failed(DOING))?;
        if !self.watch.may_tidy(self.store.local_now(), TIDY_INTERVAL) {
            return Ok(());
        }
        let steps = [
            sqlx::query(sql::FOLD_DAYS).bind(DAYS_KEPT).bind(moment).bind(EARLIER),
            sqlx::query(sql::FORGET_WORKERS).bind(moment).bind(millis(WORKERS_KEPT)),
            sqlx::query(sql::FORGET_CANCELLATIONS).bind(moment).bind(millis(CANCELLATIONS_KEPT)),
            sqlx::query(sql::FORGET_LOCKS).bind(moment).bind(millis(LOCKS_KEPT)).bind(LOCKS_MAX),
        ];
        for step in steps {
            conn.execute(step).await.map_err(failed(DOING))?;
        }
        loop {
            let receipts = sqlx::query(sql::FORGET_RECEIPTS).bind(moment).bind(millis(RECEIPTS_KEPT));
            let receipts = receipts.bind(RECEIPTS_MAX.cast_signed());
            if conn.execute(receipts).await.map_err(failed(DOING))?.rows_affected() < RECEIPTS_MAX {
                return Ok(());
            }
        }
    }
}

/// A row of `orphans.sql`.
struct Found {
    orphan: Orphan,
    /// The worker, if its absence is the reason.
    missing: Option<i64>,
}

impl Found {
    fn read(row: &PgRow) -> Result<Self, BoxError> {
        let expires_at = Timestamp::from_millis(row.try_get(13)?);
        let is_expired = expires_at.as_millis() <= row.try_get::<i64, _>(14)?;
        let has_left = row.try_get::<bool, _>(16)?;
        let cause = if is_expired { OrphanCause::LeaseExpired } else { OrphanCause::WorkerDead };
        Ok(Self {
            orphan: Orphan { leased: row::leased(row, expires_at)?, cause },
            missing: if is_expired || has_left { None } else { Some(row.try_get(15)?) },
        })
    }
}

/// A row of `forward.sql`: how many were moved, the present moment, and when the next one is due.
fn forwarded(row: &PgRow) -> sqlx::Result<(i64, i64, Option<i64>)> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}
