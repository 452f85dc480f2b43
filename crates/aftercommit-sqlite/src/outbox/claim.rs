//! Claims rows of the outbox.

use std::time::Duration;

use aftercommit_core::{Claim, OutboxRow, Result, Timestamp};
use sqlx::{Row, SqliteConnection};

use super::relay;
use super::row::StoredRow;
use crate::error::{failed, unreadable};
use crate::sql;
use crate::store::Store;
use crate::upkeep::saturated;

const DOING: &str = "claim tasks of the outbox";

/// How many rows a claim takes at most, whatever is asked for.
const MAX_ROWS: usize = 10_000;
/// How many bytes of payloads a claim takes at most, if it has more than one row.
const MAX_BYTES: i64 = 8 * 1024 * 1024;
/// How many rows that were postponed or held are looked at for the oldest ones. Beyond so many the order is
/// that of their moments.
const MAX_OVERDUE: i64 = 10_000;

/// Claims the oldest rows that are free.
pub(super) async fn claim(store: &Store, limit: usize, hold: Duration) -> Result<Claim> {
    let now = store.now();
    // Nearly every look of an idle relay finds nothing, and must not keep those waiting who write.
    let look = sqlx::query_as::<_, (bool, Option<i64>)>(sql::OUTBOX_LOOK).bind(now.as_millis());
    let look = look.fetch_one(&mut *store.reader(DOING).await?).await.map_err(failed(DOING))?;
    if limit == 0 || !look.0 {
        return Ok(Claim { rows: Vec::new(), next_at: look.1.map(Timestamp::from_millis) });
    }
    let mut tx = store.write(DOING).await?;
    // The claim begins when the wait for the writer is over.
    let now = store.now();
    let found = find(&mut tx, limit.min(MAX_ROWS), now).await?;
    let stored: Vec<StoredRow<'_>> =
        serde_json::from_str(&found.rows).map_err(|error| unreadable(DOING, error))?;
    if stored.is_empty() {
        return Ok(Claim { rows: Vec::new(), next_at: found.next_at });
    }
    let seqs = serde_json::Value::from_iter(stored.iter().map(|row| row.claimed().seq)).to_string();
    let claim = sqlx::query(sql::OUTBOX_CLAIM).bind(seqs).bind(now.plus(hold).as_millis().max(1));
    claim.execute(&mut *tx).await.map_err(failed(DOING))?;
    tx.commit().await.map_err(failed(DOING))?;
    let rows = readable(store, &stored).await;
    // Whoever gets fewer rows than he asked for takes that for the end, unless he is told to come back.
    let is_cut = found.is_cut || rows.len() < stored.len() || (MAX_ROWS..limit).contains(&stored.len());
    Ok(Claim { rows, next_at: if is_cut { Some(now) } else { found.next_at } })
}

/// What can be claimed.
struct Found {
    /// The rows as JSON.
    rows: String,
    next_at: Option<Timestamp>,
    /// Whether there was more, but too long.
    is_cut: bool,
}

async fn find(conn: &mut SqliteConnection, limit: usize, now: Timestamp) -> Result<Found> {
    let find = sqlx::query(sql::OUTBOX_CLAIMABLE)
        .bind(now.as_millis())
        .bind(saturated(limit))
        .bind(MAX_OVERDUE)
        .bind(MAX_BYTES);
    let row = find.fetch_one(conn).await.map_err(failed(DOING))?;
    let read = || {
        let next_at: Option<i64> = row.try_get(1)?;
        // What another program wrote may be anything; one row of it must not hold up the others.
        let rows = String::from_utf8_lossy(row.try_get_unchecked::<&[u8], _>(0)?).into_owned();
        Ok(Found { rows, next_at: next_at.map(Timestamp::from_millis), is_cut: row.try_get(2)? })
    };
    read().map_err(failed(DOING))
}

/// The rows that can be read. Those that cannot, which another program wrote, are set aside with the reason.
async fn readable(store: &Store, stored: &[StoredRow<'_>]) -> Vec<OutboxRow> {
    let (mut rows, mut unreadable) = (Vec::with_capacity(stored.len()), Vec::new());
    for row in stored {
        match row.read() {
            Ok(row) => rows.push(row),
            Err(error) => unreadable.push((row.claimed(), format!("the row cannot be read: {error}"))),
        }
    }
    relay::set_aside_unreadable(store, &unreadable).await;
    rows
}
