//! The outcomes of a batch, sorted by what they do to a task's row: one statement for each kind.

use std::collections::BTreeMap;

use aftercommit_core::stored::state;
use aftercommit_core::{Lease, Outcome, RequeueCause, Timestamp};
use sqlx::SqliteConnection;

use crate::batch::Batch;
use crate::sql;

/// What a batch of settlements writes.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// Tasks to keep among those that are over; they are also removed.
    ended: Part,
    removed: Part,
    postponed: Part,
    requeued: Part,
    /// Attempts processed, and how many of them failed, by queue.
    counts: BTreeMap<String, (u64, u64)>,
}

/// The tasks of one statement.
#[derive(Debug, Default)]
struct Part {
    batch: Batch,
    tasks: u64,
}

impl Part {
    fn lease(&mut self, lease: &Lease) -> &mut Batch {
        self.tasks += 1;
        self.batch.item().lease(lease)
    }
}

impl Outcomes {
    /// Adds one.
    pub(crate) fn add(&mut self, lease: &Lease, outcome: &Outcome, now: Timestamp) {
        match outcome {
            Outcome::Done => {
                self.removed.lease(lease);
                self.count(lease, 0);
            }
            Outcome::Complete { retention, result } => {
                let expires_at = now.plus(*retention).as_millis();
                let item = self.ended.lease(lease).number(state::COMPLETED).number(expires_at).field(());
                if let Some(result) = result {
                    item.bytes(result);
                }
                self.removed.lease(lease);
                self.count(lease, 0);
            }
            Outcome::Archive { error } => {
                self.ended.lease(lease).number(state::ARCHIVED).field(()).field(error);
                self.removed.lease(lease);
                self.count(lease, 1);
            }
            Outcome::Retry { at, error } => {
                self.postponed.lease(lease).number(at.as_millis()).field(error).number(1);
                self.count(lease, 1);
            }
            Outcome::Snooze { at, error } => {
                self.postponed.lease(lease).number(at.as_millis()).field(error).number(0);
            }
            Outcome::Requeue(cause) => {
                self.requeued.lease(lease).number(i64::from(*cause == RequeueCause::Recovered));
            }
        }
    }

    fn count(&mut self, lease: &Lease, failed: u64) {
        match self.counts.get_mut(lease.queue.as_str()) {
            Some((processed, failures)) => {
                *processed += 1;
                *failures += failed;
            }
            None => {
                self.counts.insert(lease.queue.to_string(), (1, failed));
            }
        }
    }

    /// Writes all of it in the transaction of `conn`. False if one of the leases was not current; then
    /// the transaction must be rolled back.
    pub(crate) async fn write(self, conn: &mut SqliteConnection, now: Timestamp) -> sqlx::Result<bool> {
        let now_ms = now.as_millis();
        if self.ended.tasks > 0 {
            let (json, results) = self.ended.batch.finish();
            let end = sqlx::query(sql::END).bind(json).bind(results).bind(now_ms);
            if end.execute(&mut *conn).await?.rows_affected() != self.ended.tasks {
                return Ok(false);
            }
        }
        if self.removed.tasks > 0 {
            let remove = sqlx::query(sql::REMOVE).bind(self.removed.batch.finish().0);
            if remove.execute(&mut *conn).await?.rows_affected() != self.removed.tasks {
                return Ok(false);
            }
        }
        if self.postponed.tasks > 0 {
            let postpone = sqlx::query(sql::POSTPONE).bind(self.postponed.batch.finish().0).bind(now_ms);
            if postpone.execute(&mut *conn).await?.rows_affected() != self.postponed.tasks {
                return Ok(false);
            }
        }
        if self.requeued.tasks > 0 {
            let requeue = sqlx::query(sql::REQUEUE).bind(self.requeued.batch.finish().0).bind(now_ms);
            let requeue = requeue.bind(self.requeued.tasks.cast_signed());
            if requeue.execute(&mut *conn).await?.rows_affected() != self.requeued.tasks {
                return Ok(false);
            }
        }
        if !self.counts.is_empty() {
            let mut counts = Batch::default();
            for (queue, (processed, failed)) in &self.counts {
                counts.item().field(queue).field(processed).field(failed);
            }
            sqlx::query(sql::COUNT).bind(counts.finish().0).bind(now.day()).execute(conn).await?;
        }
        Ok(true)
    }
}
