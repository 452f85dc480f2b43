//! Which workers are alive, what they are doing, and how a cancellation reaches them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aftercommit_core::stored::StoredWorker;
use aftercommit_core::stored::millis;
use aftercommit_core::{Cancellations, Presence, QueueName, Result, TaskId, Timestamp, WorkerId, WorkerInfo};
use async_trait::async_trait;
use sqlx::Row;

use crate::cancel::cancellations;
use crate::error::{failed, unreadable};
use crate::{SqliteQueue, process, sql};

#[async_trait]
impl Presence for SqliteQueue {
    async fn beat(&self, worker: &WorkerInfo, ttl: Duration) -> Result<()> {
        const DOING: &str = "say that a worker is alive";
        let now = self.store.now();
        let info =
            serde_json::to_string(&StoredWorker::of(worker)).map_err(|error| unreadable(DOING, error))?;
        // Only a process that speaks for itself can be looked for.
        let process = (worker.pid == std::process::id())
            .then(|| Some((process::place()?, process::started(worker.pid)?)))
            .flatten();
        let (place, started) = process.unzip();
        let beat = sqlx::query(sql::BEAT)
            .bind(worker.id.as_str())
            .bind(now.as_millis())
            .bind(info)
            .bind(millis(ttl))
            .bind(now.plus(ttl).as_millis())
            .bind(place)
            .bind(worker.pid)
            .bind(started);
        beat.execute(&mut *self.store.writer(DOING).await?).await.map(drop).map_err(failed(DOING))
    }

    async fn leave(&self, worker: &WorkerId) -> Result<()> {
        const DOING: &str = "say that a worker is gone";
        let leave = sqlx::query(sql::LEAVE).bind(worker.as_str());
        leave.execute(&mut *self.store.writer(DOING).await?).await.map(drop).map_err(failed(DOING))
    }

    async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        const DOING: &str = "list workers";
        let alive = sqlx::query(sql::WORKERS).bind(self.store.now().as_millis());
        let rows = alive.fetch_all(&mut *self.store.reader(DOING).await?).await.map_err(failed(DOING))?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let id = WorkerId::from_stored(row.try_get(0)?);
            serde_json::from_str::<StoredWorker>(row.try_get(1)?)?.read(id)
        };
        rows.iter().map(|row| read(row).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn cancel(&self, queue: &QueueName, id: &TaskId) -> Result<()> {
        const DOING: &str = "cancel a task";
        let cancel = sqlx::query(sql::CANCEL)
            .bind(queue.as_str())
            .bind(id.as_str())
            .bind(self.store.now().as_millis());
        let written = cancel.execute(&mut *self.store.writer(DOING).await?).await.map_err(failed(DOING))?;
        self.store.news.cancelled_here(written.last_insert_rowid());
        Ok(())
    }

    fn cancellations(&self) -> Cancellations {
        cancellations(self)
    }
}

/// What a handle remembers in order to judge workers, and to greet them once.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Since when this process has seen the store without interruption, in milliseconds. After an
    /// outage every worker looks dead for a while, because none could say that it is alive.
    since: AtomicI64,
    /// When rows of no further use were last deleted, in milliseconds.
    tidied: AtomicI64,
    /// Workers that have a row, as far as this process knows.
    known: Mutex<HashSet<WorkerId>>,
}

impl Watch {
    /// More workers than this in one process means that they come and go; then they are greeted again.
    const MAX_KNOWN: usize = 1_024;

    pub(crate) fn new(now: Timestamp) -> Self {
        let now = now.as_millis();
        Self { since: AtomicI64::new(now), tidied: AtomicI64::new(now), known: Mutex::default() }
    }

    /// For how many milliseconds the store has been seen without interruption.
    pub(crate) fn lasts(&self, now: Timestamp) -> i64 {
        now.as_millis().saturating_sub(self.since.load(Ordering::Relaxed))
    }

    /// Starts again, after an outage.
    pub(crate) fn restart(&self, now: Timestamp) {
        self.since.store(now.as_millis(), Ordering::Relaxed);
    }

    /// True once in each `interval`, for whoever asks first.
    pub(crate) fn may_tidy(&self, now: Timestamp, interval: Duration) -> bool {
        let last = self.tidied.load(Ordering::Relaxed);
        let is_due = now.as_millis().saturating_sub(last) >= millis(interval);
        is_due
            && self
                .tidied
                .compare_exchange(last, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    pub(crate) fn knows(&self, worker: &WorkerId) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(worker)
    }

    pub(crate) fn remember(&self, worker: &WorkerId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MAX_KNOWN {
            known.clear();
        }
        known.insert(worker.clone());
    }
}
