//! Claims rows of the outbox, each batch with one statement.

use std::time::{Duration, Instant};

use aftercommit_core::stored::millis;
use aftercommit_core::{Claim, OutboxRow, QueueName, Result, Timestamp};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::change::set_aside_unreadable;
use super::{PostgresOutbox, row};
use crate::batch::saturated;
use crate::error::{failed, is_lost_race};
use crate::looks::{BEGINNING, Seen};
use crate::sql;

const DOING: &str = "claim tasks of the outbox";

/// How many rows a claim takes at most, whatever is asked for.
const MAX_ROWS: usize = 10_000;
/// How many bytes of payloads a claim takes at most, if it has more than one row.
const MAX_BYTES: i64 = 8 * 1024 * 1024;
/// How far before the end of the last look the next one begins. Rows come back to their old places, and transactions that
/// overlap commit in any order; those that were not overtaken by more than so many rows are seen by every look.
const WINDOW: i64 = 5_000;

/// Claims the oldest rows that are free.
///
/// As in the queue, the index of the waiting rows keeps an entry for each row that has gone until a vacuum removes it, and
/// none can while anybody holds a transaction open; so looks begin not far before where the last one ended, and what is to be
/// had below is found by looks from the beginning, which get a share of the time (see [`crate::looks`]).
pub(super) async fn claim(outbox: &PostgresOutbox, limit: usize, hold: Duration) -> Result<Claim> {
    let wanted = limit.min(MAX_ROWS);
    let the_outbox = QueueName::default();
    let from = (outbox.looks.start(&the_outbox, Instant::now()) - WINDOW).max(BEGINNING);
    let mut found = look(outbox, wanted, from, hold).await?;
    if found.rows.len() < wanted && !found.is_cut && from > BEGINNING {
        match outbox.looks.may_be_full_at(&the_outbox, Instant::now()) {
            Some(at) => {
                let wait = at.saturating_duration_since(Instant::now());
                found.sees_no_further_before(outbox.store.local_now().plus(wait));
            }
            None => {
                let more = look(outbox, wanted - found.rows.len(), BEGINNING, hold).await?;
                found.rows.extend(more.rows);
                found.rows.sort_by_key(|row| row.key.seq);
                (found.next_at, found.is_cut) = (more.next_at, more.is_cut);
            }
        }
    }
    // Whoever gets fewer rows than he asked for takes that for the end, unless he is told to come back.
    let is_cut = found.is_cut || (MAX_ROWS..limit).contains(&found.rows.len());
    let next_at = if is_cut { Some(outbox.store.local_now()) } else { found.next_at };
    Ok(Claim { rows: found.rows, next_at })
}

/// What came of a look.
struct Found {
    rows: Vec<OutboxRow>,
    next_at: Option<Timestamp>,
    /// Whether there was more, but too long, or not readable.
    is_cut: bool,
}

impl Found {
    fn sees_no_further_before(&mut self, at: Timestamp) {
        self.next_at = Some(self.next_at.map_or(at, |next| next.min(at)));
    }
}

/// One look from a place on.
async fn look(outbox: &PostgresOutbox, wanted: usize, from: i64, hold: Duration) -> Result<Found> {
    let began = Instant::now();
    let mut answer = run(outbox, wanted, from, hold).await?;
    if answer.as_ref().is_err_and(is_lost_race) {
        answer = run(outbox, wanted, from, hold).await?;
    }
    let rows = answer.map_err(failed(DOING))?;
    let Head { next_at, is_cut } = head(outbox, &rows).map_err(failed(DOING))?;
    let keys: Vec<_> =
        rows.iter().map(|row| row::key(row, 3)).collect::<sqlx::Result<_>>().map_err(failed(DOING))?;
    let taken = keys.iter().flatten().count();
    // A look that the length of the payloads has cut was not at its end.
    let asked = if is_cut { taken } else { wanted };
    if asked > 0 {
        let last = keys.iter().flatten().map(|key| key.seq).max();
        let seen = Seen { from, wanted: asked, taken, last };
        outbox.looks.note(&QueueName::default(), seen, began, Instant::now());
    }
    let (mut readable, mut unreadable) = (Vec::with_capacity(taken), Vec::new());
    for (row, key) in rows.iter().zip(keys).filter_map(|(row, key)| Some((row, key?))) {
        match row::claimed(row, key) {
            Ok(row) => readable.push(row),
            Err(error) => unreadable.push((key, format!("the row cannot be read: {error}"))),
        }
    }
    set_aside_unreadable(outbox, &unreadable).await;
    Ok(Found { rows: readable, next_at, is_cut: is_cut || !unreadable.is_empty() })
}

async fn run(
    outbox: &PostgresOutbox,
    wanted: usize,
    from: i64,
    hold: Duration,
) -> Result<sqlx::Result<Vec<PgRow>>> {
    let claim = sqlx::query(sql::OUTBOX_CLAIM)
        .bind(saturated(wanted))
        .bind(MAX_BYTES)
        .bind(from)
        .bind(millis(hold))
        .bind(outbox.store.moment());
    Ok(outbox.store.conn(DOING).await?.fetch_all(claim).await)
}

/// What stands beside the rows.
struct Head {
    next_at: Option<Timestamp>,
    is_cut: bool,
}

fn head(outbox: &PostgresOutbox, rows: &[PgRow]) -> sqlx::Result<Head> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    // Who sleeps until then does so by the clock of his own machine.
    let ahead = outbox.store.local_now().as_millis().saturating_sub(row.try_get(2)?);
    let here = |at: Timestamp| Timestamp::from_millis(at.as_millis().saturating_add(ahead));
    Ok(Head { next_at: row::moment(row, 0)?.map(here), is_cut: row.try_get(1)? })
}
