//! Takes tasks from one queue or several with one statement.

use aftercommit_core::{LeaseGrant, Leased, QueueName, Quota, Result, Timestamp, WorkerId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::batch::Batch;
use crate::error::{failed, is_unknown_worker};
use crate::unreadable::Unreadable;
use crate::{SqliteQueue, row, sql};

const DOING: &str = "dequeue tasks";

/// Leases pending tasks to a worker.
pub(crate) async fn dequeue(
    queue: &SqliteQueue,
    quotas: &[Quota],
    grant: &LeaseGrant,
) -> Result<Vec<Leased>> {
    let quotas = merged(quotas);
    let wanted = quotas.iter().fold(0_usize, |sum, (_, count)| sum.saturating_add(*count));
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let mut conn = queue.store.writer(DOING).await?;
    // The lease begins when the wait for the writer is over.
    let take = Take {
        statement: if quotas.len() == 1 { sql::DEQUEUE_ONE } else { sql::DEQUEUE },
        quotas: written(&quotas),
        wanted: i64::try_from(wanted).unwrap_or(i64::MAX),
        worker: &grant.worker,
        expires_at: queue.store.now().plus(grant.duration),
    };
    let mut known = queue.watch.knows(&grant.worker);
    let rows = loop {
        if !known {
            join(&mut conn, &grant.worker, queue.store.now()).await?;
            queue.watch.remember(&grant.worker);
        }
        match take.run(&mut conn).await {
            // Its row was deleted meanwhile: it left, or was not seen for long.
            Err(error) if known && is_unknown_worker(&error) => known = false,
            rows => break rows.map_err(failed(DOING))?,
        }
    };
    drop(conn);
    let mut unreadable = Unreadable::default();
    let taken = in_order(&quotas, &rows, take.expires_at, &mut unreadable);
    unreadable.archive(&queue.store).await;
    Ok(taken)
}

/// Makes the worker one that tasks can be leased to.
async fn join(conn: &mut SqliteConnection, worker: &WorkerId, now: Timestamp) -> Result<()> {
    let join = sqlx::query(sql::JOIN).bind(worker.as_str()).bind(now.as_millis());
    join.execute(conn).await.map(drop).map_err(failed(DOING))
}

/// One call of the statement, which may have to be repeated.
struct Take<'a> {
    statement: &'static str,
    quotas: String,
    wanted: i64,
    worker: &'a WorkerId,
    expires_at: Timestamp,
}

impl Take<'_> {
    async fn run(&self, conn: &mut SqliteConnection) -> sqlx::Result<Vec<SqliteRow>> {
        let take = sqlx::query(self.statement).bind(&self.quotas).bind(self.wanted);
        take.bind(self.worker.as_str()).bind(self.expires_at.as_millis()).fetch_all(conn).await
    }
}

/// The quotas with each queue named once, where it was named first.
fn merged(quotas: &[Quota]) -> Vec<(&QueueName, usize)> {
    let mut merged: Vec<(&QueueName, usize)> = Vec::with_capacity(quotas.len());
    for quota in quotas {
        match merged.iter_mut().find(|(queue, _)| *queue == &quota.queue) {
            Some((_, count)) => *count = count.saturating_add(quota.count),
            None => merged.push((&quota.queue, quota.count)),
        }
    }
    merged
}

fn written(quotas: &[(&QueueName, usize)]) -> String {
    let mut batch = Batch::with_capacity(quotas.len());
    for (queue, count) in quotas {
        batch.item().field(queue.as_str()).field(count);
    }
    batch.finish().0
}

/// The tasks by queue, in the order of the quotas, and oldest first; the statement says nothing about
/// the order of what it returns. A row that cannot be read must not keep the others back.
fn in_order(
    quotas: &[(&QueueName, usize)],
    rows: &[SqliteRow],
    expires_at: Timestamp,
    unreadable: &mut Unreadable,
) -> Vec<Leased> {
    let mut taken = Vec::with_capacity(rows.len());
    for row in rows {
        let pos = row.try_get::<i64, _>(2).unwrap_or_default();
        match row::leased(row, expires_at) {
            Ok(leased) => {
                let nth = quotas.iter().position(|(queue, _)| **queue == leased.lease.queue);
                taken.push((nth, pos, leased));
            }
            Err(error) => unreadable.add(row, &error),
        }
    }
    taken.sort_unstable_by_key(|(nth, pos, _)| (*nth, *pos));
    taken.into_iter().map(|(.., leased)| leased).collect()
}
