//! Takes tasks from one queue or several with one statement.

use std::sync::Arc;
use std::time::Instant;

use aftercommit_core::stored::millis;
use aftercommit_core::{LeaseGrant, Leased, QueueName, Quota, Result, Timestamp};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::batch::saturated;
use crate::claims::{self, Claim};
use crate::conn::Conn;
use crate::error::{failed, is_lost_race, is_unknown_worker};
use crate::looks::{BEGINNING, Seen};
use crate::news::Topic;
use crate::unreadable::Unreadable;
use crate::{PostgresQueue, row, sql};

const DOING: &str = "dequeue tasks";

/// Leases pending tasks to a worker.
pub(crate) async fn dequeue(
    queue: &PostgresQueue,
    quotas: &[Quota],
    grant: &LeaseGrant,
) -> Result<Vec<Leased>> {
    let (quotas, wanted) = merged(quotas);
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let mut conn = queue.store.conn(DOING).await?;
    claims::give_back(queue, &mut conn).await?;
    // The database counts from a later moment, and so the worker does not think that it has longer than it has.
    let expires_at = queue.store.local_now().plus(grant.duration);
    let now = Instant::now();
    let shares: Vec<Share<'_>> = quotas
        .iter()
        .map(|&(queue_name, count)| Share {
            queue: queue_name,
            count,
            from: queue.looks.start(queue_name, now),
        })
        .collect();
    let (mut rows, first) = take(queue, &mut conn, &shares, wanted, grant).await?;
    let mut claims = vec![first];
    if rows.len() < wanted {
        let left = from_the_beginning(queue, &shares, &rows);
        if !left.is_empty() {
            match take(queue, &mut conn, &left, wanted - rows.len(), grant).await {
                Ok((more, second)) => {
                    rows.extend(more);
                    claims.push(second);
                }
                Err(error) if rows.is_empty() => return Err(error),
                // What the first look took is leased to the worker already.
                Err(error) => tracing::debug!(%error, "could not look from the beginning"),
            }
        }
    }
    drop(conn);
    let mut unreadable = Unreadable::default();
    let taken = in_order(&quotas, &rows, expires_at, &mut unreadable);
    unreadable.archive(&queue.store).await;
    claims.into_iter().for_each(Claim::answered);
    Ok(taken)
}

/// What is asked of a queue.
#[derive(Debug, Clone, Copy)]
struct Share<'a> {
    queue: &'a QueueName,
    count: usize,
    /// From which place on.
    from: i64,
}

/// The quotas with each queue named once, where it was named first, and their sum.
fn merged(quotas: &[Quota]) -> (Vec<(&QueueName, usize)>, usize) {
    let mut merged: Vec<(&QueueName, usize)> = Vec::with_capacity(quotas.len());
    for quota in quotas {
        match merged.iter_mut().find(|(queue, _)| *queue == &quota.queue) {
            Some((_, count)) => *count = count.saturating_add(quota.count),
            None => merged.push((&quota.queue, quota.count)),
        }
    }
    let sum = merged.iter().fold(0_usize, |sum, (_, count)| sum.saturating_add(*count));
    (merged, sum)
}

/// One look at the queues, noted. Who drops the claim gives the tasks back.
async fn take<'a>(
    queue: &'a PostgresQueue,
    conn: &mut Conn,
    shares: &[Share<'_>],
    wanted: usize,
    grant: &LeaseGrant,
) -> Result<(Vec<PgRow>, Claim<'a>)> {
    let began = Instant::now();
    let claim = queue.claims.open();
    let mut rows = run(queue, conn, shares, wanted, grant, &claim).await;
    if rows.as_ref().is_err_and(is_unknown_worker) {
        // It has not beaten yet, or its row was deleted because it was not seen for long.
        let join = sqlx::query(sql::JOIN).bind(grant.worker.as_str()).bind(queue.store.moment());
        conn.execute(join).await.map_err(failed(DOING))?;
        rows = run(queue, conn, shares, wanted, grant, &claim).await;
    } else if rows.as_ref().is_err_and(is_lost_race) {
        rows = run(queue, conn, shares, wanted, grant, &claim).await;
    }
    let ended = Instant::now();
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => {
            // A look that was cut off for taking too long is not to be repeated at once.
            shares.iter().for_each(|share| queue.looks.note_failed(share.queue, share.from, began, ended));
            return Err(failed(DOING)(error));
        }
    };
    for share in shares {
        let places = || rows.iter().filter(|row| is_from(row, share.queue)).map(place);
        let taken = places().count();
        // Where less came than was asked for in all, each queue was asked for what was missing.
        let asked = if rows.len() < wanted { taken + 1 } else { share.count };
        if asked > 0 {
            let seen = Seen { from: share.from, wanted: asked, taken, last: places().max() };
            queue.looks.note(share.queue, seen, began, ended);
        }
    }
    Ok((rows, claim))
}

async fn run(
    queue: &PostgresQueue,
    conn: &mut Conn,
    shares: &[Share<'_>],
    wanted: usize,
    grant: &LeaseGrant,
    claim: &Claim<'_>,
) -> sqlx::Result<Vec<PgRow>> {
    let wanted = saturated(wanted);
    let dequeue = |statement| {
        sqlx::query(statement)
            .bind(grant.worker.as_str())
            .bind(queue.store.moment())
            .bind(millis(grant.duration))
            .bind(claim.key())
            .bind(millis(claims::LOOK_FIRST))
    };
    let query = match shares {
        [share] => dequeue(sql::DEQUEUE_ONE).bind(share.queue.as_str()).bind(wanted).bind(share.from),
        _ => dequeue(sql::DEQUEUE)
            .bind(shares.iter().map(|share| share.queue.as_str()).collect::<Vec<_>>())
            .bind(shares.iter().map(|share| saturated(share.count)).collect::<Vec<_>>())
            .bind(shares.iter().map(|share| share.from).collect::<Vec<_>>())
            .bind(wanted),
    };
    conn.fetch_all(query).await
}

/// What is left to ask of the queues that were not looked at from their beginning. Where that has to wait, it is seen to
/// that somebody looks again.
fn from_the_beginning<'a>(queue: &PostgresQueue, shares: &[Share<'a>], rows: &[PgRow]) -> Vec<Share<'a>> {
    let now = Instant::now();
    let mut left = Vec::new();
    for share in shares.iter().filter(|share| share.from > BEGINNING) {
        match queue.looks.may_be_full_at(share.queue, now) {
            Some(at) => look_again_at(queue, at),
            None => {
                let taken = rows.iter().filter(|row| is_from(row, share.queue)).count();
                left.push(Share { count: share.count.saturating_sub(taken), from: BEGINNING, ..*share });
            }
        }
    }
    left
}

/// Has the workers of this process look again at a moment, once for all who ask until then.
fn look_again_at(queue: &PostgresQueue, at: Instant) {
    if queue.looks.sets_alarm() {
        let (looks, news) = (Arc::clone(&queue.looks), Arc::clone(&queue.store.news));
        tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            looks.alarm_went_off();
            news.tell(Topic::Pending);
        });
    }
}

fn place(row: &PgRow) -> i64 {
    row.try_get(2).unwrap_or_default()
}

fn is_from(row: &PgRow, queue: &QueueName) -> bool {
    row.try_get::<&str, _>(3).is_ok_and(|name| name == queue.as_str())
}

/// The tasks by queue, in the order of the quotas, and oldest first; the statement says nothing about the order of what it
/// returns. A row that cannot be read must not keep the others back.
fn in_order(
    quotas: &[(&QueueName, usize)],
    rows: &[PgRow],
    expires_at: Timestamp,
    unreadable: &mut Unreadable,
) -> Vec<Leased> {
    let mut taken = Vec::with_capacity(rows.len());
    for row in rows {
        match row::leased(row, expires_at) {
            Ok(leased) => {
                let nth = quotas.iter().position(|(queue, _)| **queue == leased.lease.queue);
                taken.push((nth, place(row), leased));
            }
            Err(error) => unreadable.add(row, &error),
        }
    }
    taken.sort_unstable_by_key(|(nth, place, _)| (*nth, *place));
    taken.into_iter().map(|(.., leased)| leased).collect()
}
