//! Writes down what became of tasks, and makes leases longer.
//!
//! Nearly always every lease of a batch is the current one, and so that is what is tried first. The
//! statements act on current leases alone, and the numbers of their rows tell whether all were; if not,
//! nothing is kept of the attempt, the lost leases are looked up, and the others are settled.

use std::collections::HashSet;
use std::time::Duration;

use aftercommit_core::{BoxError, Error, Lease, LeaseLost, Outcome, Result, Settlement, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::batch::leases;
use crate::error::failed;
use crate::outcomes::Outcomes;
use crate::{SqliteQueue, complete, sql};

const SETTLING: &str = "settle tasks";
const EXTENDING: &str = "extend leases";

/// How many bytes of results go into one statement, if there is more than one; SQLite refuses a gigabyte.
const MAX_BYTES: usize = 64 * 1024 * 1024;

type Answer = Result<(), LeaseLost>;

/// Settles a batch; answers in its order. Should one with very long results fail half-way, the first
/// half stays settled, as after an answer that was lost.
pub(crate) async fn settle(queue: &SqliteQueue, batch: &[Settlement]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(batch.len());
    let mut rest = batch;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(fitting(rest));
        answers.extend(settle_part(queue, part).await?);
        rest = later;
    }
    Ok(answers)
}

/// How many settlements go into one transaction: all of them, unless their results are very long.
fn fitting(batch: &[Settlement]) -> usize {
    let length = |item: &Settlement| match &item.outcome {
        Outcome::Complete { result, .. } => result.as_ref().map_or(0, bytes::Bytes::len),
        _ => 0,
    };
    let sums = batch.iter().scan(0_usize, |sum, item| {
        *sum = sum.saturating_add(length(item));
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= MAX_BYTES).count().max(1)
}

async fn settle_part(queue: &SqliteQueue, batch: &[Settlement]) -> Result<Vec<Answer>> {
    let mut answers = first_of_each_lease(batch);
    let mut completed = Vec::new();
    let mut tx = queue.store.write(SETTLING).await?;
    let now = queue.store.now();
    if !write(&mut tx, batch, &answers, now).await? {
        tx.rollback().await.map_err(failed(SETTLING))?;
        tx = queue.store.write(SETTLING).await?;
        let json = leases(batch.iter().map(|item| &item.leased.lease));
        for nth in lost(&mut tx, &json).await.map_err(failed(SETTLING))? {
            answers[nth] = Err(LeaseLost);
        }
        completed = complete::completed(&mut tx, &json).await.map_err(failed(SETTLING))?;
        if !write(&mut tx, batch, &answers, now).await? {
            return Err(Error::store(SETTLING, "leases changed inside a transaction"));
        }
    }
    tx.commit().await.map_err(failed(SETTLING))?;
    // A recoverer is told what it must know: it has recovered nothing.
    for nth in completed.into_iter().filter(|nth| !batch[*nth].outcome.is_recovery()) {
        answers[nth] = Ok(());
    }
    wake(queue, batch, &answers);
    Ok(answers)
}

/// Makes leases last for `duration` from now.
pub(crate) async fn extend(
    queue: &SqliteQueue,
    batch: &[Lease],
    duration: Duration,
) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let json = leases(batch.iter());
    let mut conn = queue.store.writer(EXTENDING).await?;
    let until = queue.store.now().plus(duration);
    let extend = sqlx::query(sql::EXTEND).bind(&json).bind(until.as_millis());
    let extended = extend.execute(&mut *conn).await.map_err(failed(EXTENDING))?;
    let mut answers = vec![Ok(until); batch.len()];
    if extended.rows_affected() < batch.len() as u64 {
        // What is lost now was lost before the extension or has been settled since: lost in either case.
        for nth in lost(&mut conn, &json).await.map_err(failed(EXTENDING))? {
            answers[nth] = Err(LeaseLost);
        }
        // The handler of a completed task may have other things to do.
        for nth in complete::completed(&mut conn, &json).await.map_err(failed(EXTENDING))? {
            answers[nth] = Ok(until);
        }
    }
    Ok(answers)
}

/// The first settle of a lease ends it, within a batch too.
fn first_of_each_lease(batch: &[Settlement]) -> Vec<Answer> {
    let mut seen = HashSet::with_capacity(batch.len());
    let leases = batch.iter().map(|item| &item.leased.lease);
    leases
        .map(|lease| seen.insert((lease.token, &lease.queue, &lease.id)))
        .map(|is_first| if is_first { Ok(()) } else { Err(LeaseLost) })
        .collect()
}

/// Writes the outcomes that are not refused so far. False if one of those leases is lost.
async fn write(
    conn: &mut SqliteConnection,
    batch: &[Settlement],
    answers: &[Answer],
    now: Timestamp,
) -> Result<bool> {
    let mut outcomes = Outcomes::default();
    for (item, answer) in batch.iter().zip(answers) {
        if answer.is_ok() {
            outcomes.add(&item.leased.lease, &item.outcome, now);
        }
    }
    outcomes.write(conn, now).await.map_err(failed(SETTLING))
}

/// Which of these leases are not the current ones, by their places in the batch.
async fn lost(conn: &mut SqliteConnection, leases: &str) -> sqlx::Result<Vec<usize>> {
    places(&sqlx::query(sql::LOST).bind(leases).fetch_all(conn).await?)
}

/// Places in a batch, as statements answer with them.
pub(crate) fn places(rows: &[SqliteRow]) -> sqlx::Result<Vec<usize>> {
    let place = |row: &SqliteRow| {
        usize::try_from(row.try_get::<i64, _>(0)?).map_err(|error| sqlx::Error::Decode(BoxError::from(error)))
    };
    rows.iter().map(place).collect()
}

fn wake(queue: &SqliteQueue, batch: &[Settlement], answers: &[Answer]) {
    let settled =
        || batch.iter().zip(answers).filter(|(_, answer)| answer.is_ok()).map(|(item, _)| &item.outcome);
    if settled().any(|outcome| matches!(outcome, Outcome::Requeue(_))) {
        queue.store.news.pending();
    }
    if settled().any(|outcome| matches!(outcome, Outcome::Retry { .. } | Outcome::Snooze { .. })) {
        queue.store.news.due();
    }
}
