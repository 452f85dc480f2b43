//! Writes down what became of tasks, and makes leases longer: one statement for a batch.

use std::collections::HashSet;
use std::time::Duration;

use aftercommit_core::stored::millis;
use aftercommit_core::{
    Lease, LeaseLost, LeaseToken, Outcome, QueueName, Result, Settlement, TaskId, Timestamp,
};
use sqlx::Row;

use crate::conn::Conn;
use crate::error::{failed, is_lost_race};
use crate::leases::{Leases, in_order};
use crate::news::Topic;
use crate::outcomes::Outcomes;
use crate::{PostgresQueue, sql};

const SETTLING: &str = "settle tasks";
const EXTENDING: &str = "extend leases";

type Answer = Result<(), LeaseLost>;

/// Settles a batch; answers in its order.
pub(crate) async fn settle(queue: &PostgresQueue, batch: &[Settlement]) -> Result<Vec<Answer>> {
    let places = first_of_each_lease(batch);
    let mut answers = vec![Err(LeaseLost); batch.len()];
    if places.is_empty() {
        return Ok(answers);
    }
    let moment = queue.store.moment();
    let mut conn = queue.store.conn(SETTLING).await?;
    let mut settled = write(&mut conn, batch, &places, moment).await;
    if settled.as_ref().is_err_and(is_lost_race) {
        settled = write(&mut conn, batch, &places, moment).await;
    }
    drop(conn);
    for nth in settled.map_err(failed(SETTLING))? {
        answers[at(&places, nth)] = Ok(());
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
    let mut answers = vec![Err(LeaseLost); batch.len()];
    if batch.is_empty() {
        return Ok(answers);
    }
    let places = in_order(batch.iter());
    let mut leases = Leases::with_capacity(batch.len());
    places.iter().for_each(|place| leases.push(&batch[*place]));
    let mut conn = queue.store.conn(EXTENDING).await?;
    // The database counts from a later moment, and so the worker does not think that it has longer than it has.
    let until = queue.store.local_now().plus(duration);
    let mut extended = write_extension(&mut conn, &leases, queue.store.moment(), duration).await;
    if extended.as_ref().is_err_and(is_lost_race) {
        extended = write_extension(&mut conn, &leases, queue.store.moment(), duration).await;
    }
    for nth in extended.map_err(failed(EXTENDING))? {
        answers[at(&places, nth)] = Ok(until);
    }
    if answers.contains(&Err(LeaseLost)) {
        // A row is extended once, also for a lease that stands in the batch twice.
        let extended: HashSet<_> = batch
            .iter()
            .zip(&answers)
            .filter_map(|(lease, answer)| answer.is_ok().then(|| identity(lease)))
            .collect();
        for (lease, answer) in batch.iter().zip(&mut answers) {
            if extended.contains(&identity(lease)) {
                *answer = Ok(until);
            }
        }
    }
    Ok(answers)
}

async fn write_extension(
    conn: &mut Conn,
    leases: &Leases<'_>,
    moment: Option<i64>,
    duration: Duration,
) -> sqlx::Result<Vec<i64>> {
    let extend = sqlx::query(sql::EXTEND)
        .bind(&leases.seqs)
        .bind(&leases.epochs)
        .bind(&leases.queues)
        .bind(&leases.ids)
        .bind(moment)
        .bind(millis(duration));
    conn.fetch_all(extend).await?.iter().map(|row| row.try_get(0)).collect()
}

/// The places of the settlements that count, in the order in which rows are locked: the first settle of a lease ends it,
/// within a batch too.
fn first_of_each_lease(batch: &[Settlement]) -> Vec<usize> {
    let mut places = in_order(batch.iter().map(|item| &item.leased.lease));
    let mut seen = HashSet::with_capacity(batch.len());
    places.retain(|place| seen.insert(identity(&batch[*place].leased.lease)));
    places
}

const fn identity(lease: &Lease) -> (LeaseToken, &QueueName, &TaskId) {
    (lease.token, &lease.queue, &lease.id)
}

/// Writes the outcomes at these places; says which of the leases were current.
async fn write(
    conn: &mut Conn,
    batch: &[Settlement],
    places: &[usize],
    moment: Option<i64>,
) -> sqlx::Result<Vec<i64>> {
    let items = || places.iter().map(|place| &batch[*place]);
    let mut leases = Leases::with_capacity(places.len());
    items().for_each(|item| leases.push(&item.leased.lease));
    let all_done = items().all(|item| item.outcome == Outcome::Done);
    let query = sqlx::query(if all_done { sql::FINISH } else { sql::SETTLE })
        .bind(&leases.seqs)
        .bind(&leases.epochs)
        .bind(&leases.queues)
        .bind(&leases.ids)
        .bind(moment);
    let rows = if all_done {
        conn.fetch_all(query).await?
    } else {
        let mut outcomes = Outcomes::default();
        items().for_each(|item| outcomes.push(&item.outcome));
        let places: Vec<i64> = places.iter().map(|place| i64::try_from(*place).unwrap_or(i64::MAX)).collect();
        let query = query
            .bind(outcomes.becomes)
            .bind(outcomes.added)
            .bind(outcomes.moments)
            .bind(outcomes.errors)
            .bind(outcomes.results)
            .bind(places);
        conn.fetch_all(query).await?
    };
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// The place in the batch of the nth lease of a statement, which counts from one.
fn at(places: &[usize], nth: i64) -> usize {
    let nth = usize::try_from(nth - 1).expect("a statement numbers its leases from one on");
    places[nth]
}

fn wake(queue: &PostgresQueue, batch: &[Settlement], answers: &[Answer]) {
    let settled =
        || batch.iter().zip(answers).filter(|(_, answer)| answer.is_ok()).map(|(item, _)| &item.outcome);
    if settled().any(|outcome| matches!(outcome, Outcome::Requeue(_))) {
        queue.store.news.announce(Topic::Pending);
    }
    if settled().any(|outcome| matches!(outcome, Outcome::Retry { .. } | Outcome::Snooze { .. })) {
        queue.store.news.announce(Topic::Due);
    }
}
