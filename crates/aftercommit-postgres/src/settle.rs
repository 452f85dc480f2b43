//! Writes down what became of tasks, and makes leases longer: one statement for a batch.

use std::time::Duration;

use aftercommit_core::stored::millis;
use aftercommit_core::{Lease, LeaseLost, Outcome, Result, Settlement, Timestamp};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Row};

use crate::complete::completed;
use crate::conn::Conn;
use crate::error::{failed, is_lost_race};
use crate::leases::{Current, Leases};
use crate::news::{Topic, Topics};
use crate::outcomes::Outcomes;
use crate::{PostgresQueue, sql};

const SETTLING: &str = "settle tasks";
const EXTENDING: &str = "extend leases";

/// How many bytes of results go into one statement, if there is more than one; Postgres takes no message of a gigabyte.
const MAX_BYTES: usize = 64 * 1024 * 1024;

type Answer = Result<(), LeaseLost>;

/// Settles a batch; answers in its order. Should one with very long results fail half-way, the first half stays settled,
/// as after an answer that was lost.
pub(crate) async fn settle(queue: &PostgresQueue, batch: &[Settlement]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(batch.len());
    let mut rest = batch;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(fitting(rest));
        answers.extend(settle_part(queue, part).await?);
        rest = later;
    }
    Ok(answers)
}

/// How many settlements go into one statement: all of them, unless their results are very long.
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

async fn settle_part(queue: &PostgresQueue, batch: &[Settlement]) -> Result<Vec<Answer>> {
    // The first settle of a lease ends it, within a batch too.
    let leases = Leases::of(batch.iter().map(|item| &item.leased.lease));
    let outcomes = || leases.places.iter().map(|place| &batch[*place].outcome);
    let all_done = outcomes().all(|outcome| *outcome == Outcome::Done);
    let written = Outcomes::of(outcomes(), &leases.places);
    let statement = || {
        let settle = if all_done { sql::FINISH } else { sql::SETTLE };
        let settle = bind(settle, &leases, queue.store.moment());
        if all_done { settle } else { written.bind(settle) }
    };
    let mut conn = queue.store.conn(SETTLING).await?;
    let current = run(&mut conn, SETTLING, statement).await?;
    let mut answers = vec![Err(LeaseLost); batch.len()];
    for place in &leases.places {
        if current.has(&batch[*place].leased.lease) {
            answers[*place] = Ok(());
        }
    }
    // A recoverer is told what it must know: it has recovered nothing.
    let own = || (0..batch.len()).filter(|place| !batch[*place].outcome.is_recovery());
    let lost = own().filter(|place| answers[*place].is_err()).map(|place| &batch[place].leased.lease);
    let completed = completed(&mut conn, SETTLING, lost).await?;
    drop(conn);
    for place in own() {
        if completed.has(&batch[place].leased.lease) {
            answers[place] = Ok(());
        }
    }
    wake(queue, batch, &answers);
    Ok(answers)
}

/// Makes leases last for `duration` from now.
pub(crate) async fn extend(
    queue: &PostgresQueue,
    batch: &[Lease],
    duration: Duration,
) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let leases = Leases::of(batch.iter());
    let mut conn = queue.store.conn(EXTENDING).await?;
    // The database counts from a later moment, and so the worker does not think that it has longer than it has.
    let until = queue.store.local_now().plus(duration);
    let statement = || bind(sql::EXTEND, &leases, queue.store.moment()).bind(millis(duration));
    let current = run(&mut conn, EXTENDING, statement).await?;
    // The handler of a completed task may have other things to do.
    let lost = batch.iter().filter(|lease| !current.has(lease));
    let completed = completed(&mut conn, EXTENDING, lost).await?;
    let is_held = |lease| current.has(lease) || completed.has(lease);
    Ok(batch.iter().map(|lease| if is_held(lease) { Ok(until) } else { Err(LeaseLost) }).collect())
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

pub(crate) fn bind<'q>(
    statement: &'static str,
    leases: &'q Leases<'q>,
    moment: Option<i64>,
) -> Statement<'q> {
    sqlx::query(statement)
        .bind(&leases.seqs)
        .bind(&leases.tokens)
        .bind(&leases.queues)
        .bind(&leases.ids)
        .bind(moment)
}

/// Runs a statement that answers with tokens. One that another was in the way of is run again.
async fn run<'q>(
    conn: &mut Conn,
    doing: &'static str,
    statement: impl Fn() -> Statement<'q>,
) -> Result<Current> {
    let mut rows = conn.fetch_all(statement()).await;
    if rows.as_ref().is_err_and(is_lost_race) {
        rows = conn.fetch_all(statement()).await;
    }
    let tokens = rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
    tokens.map(Current).map_err(failed(doing))
}

fn wake(queue: &PostgresQueue, batch: &[Settlement], answers: &[Answer]) {
    let mut topics = Topics::default();
    for (item, _) in batch.iter().zip(answers).filter(|(_, answer)| answer.is_ok()) {
        match item.outcome {
            Outcome::Requeue(_) => topics.add(Topic::Pending),
            Outcome::Retry { .. } | Outcome::Snooze { .. } => topics.add(Topic::Due),
            Outcome::Done | Outcome::Complete { .. } | Outcome::Archive { .. } => {}
        }
    }
    queue.store.news.announce(topics);
}
