//! Rows that are kept although their tasks are published, until somebody has seen that those have ended.

use std::borrow::Cow;
use std::time::Duration;

use aftercommit_core::{
    BoxError, Kept, KeptRow, Observed, QueueName, Result, RowKey, Sight, TaskId, Timestamp, Watch,
};
use serde::Deserialize;

use super::relay;
use crate::batch::Batch;
use crate::error::{failed, unreadable};
use crate::sql;
use crate::store::Store;
use crate::upkeep::saturated;

const DOING: &str = "look for published tasks of the outbox";

/// How many rows a look takes at most, whatever is asked for.
const MAX_ROWS: usize = 10_000;

/// Keeps rows whose tasks are published.
pub(super) async fn keep(store: &Store, rows: &[Kept]) -> Result<()> {
    const DOING: &str = "keep tasks of the outbox as published";
    if rows.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::with_capacity(rows.len());
    for kept in rows {
        batch.item().number(kept.key.seq).number(kept.seen_at.as_millis()).number(kept.look_at.as_millis());
    }
    let keep = sqlx::query(sql::OUTBOX_KEEP).bind(batch.finish().0).bind(store.now().as_millis());
    keep.execute(&mut *store.writer(DOING).await?).await.map(drop).map_err(failed(DOING))
}

/// Hands out rows that are due for a look.
pub(super) async fn watch(store: &Store, limit: usize, hold: Duration) -> Result<Watch> {
    let now = store.now();
    // Nearly every look finds nothing, and must not keep those waiting who write.
    let look = sqlx::query_as::<_, (bool, Option<i64>)>(sql::OUTBOX_DUE_LOOK).bind(now.as_millis());
    let look = look.fetch_one(&mut *store.reader(DOING).await?).await.map_err(failed(DOING))?;
    if limit == 0 || !look.0 {
        return Ok(Watch { rows: Vec::new(), next_at: look.1.map(Timestamp::from_millis) });
    }
    let mut tx = store.write(DOING).await?;
    let now = store.now();
    let find = sqlx::query_as::<_, (String, Option<i64>)>(sql::OUTBOX_WATCHABLE)
        .bind(now.as_millis())
        .bind(saturated(limit.min(MAX_ROWS)));
    let (found, next_at) = find.fetch_one(&mut *tx).await.map_err(failed(DOING))?;
    let stored: Vec<StoredKept<'_>> =
        serde_json::from_str(&found).map_err(|error| unreadable(DOING, error))?;
    if !stored.is_empty() {
        let seqs = serde_json::Value::from_iter(stored.iter().map(|row| row.0)).to_string();
        let hold = sqlx::query(sql::OUTBOX_WATCH).bind(seqs).bind(now.plus(hold).as_millis());
        hold.execute(&mut *tx).await.map_err(failed(DOING))?;
    }
    tx.commit().await.map_err(failed(DOING))?;
    let is_cut = (MAX_ROWS..limit).contains(&stored.len());
    let next_at = if is_cut { Some(now) } else { next_at.map(Timestamp::from_millis) };
    Ok(Watch { rows: readable(store, &stored).await, next_at })
}

/// Writes down what was seen.
pub(super) async fn observe(store: &Store, rows: &[Observed]) -> Result<()> {
    let mut batch = Batch::with_capacity(rows.len());
    for Observed { key, sight, look_at } in rows {
        let (seen, missing) = match sight {
            Sight::Seen(at) => (Some(at.as_millis()), None),
            Sight::Missing(since) => (None, Some(since.as_millis())),
        };
        batch.item().number(key.seq).number(key.epoch.cast_signed()).field(seen).field(missing);
        batch.number(look_at.as_millis());
    }
    let batch = batch.finish().0;
    store.change("write down which published tasks are there", sql::OUTBOX_OBSERVE, rows.len(), batch).await
}

/// Makes rows whose tasks are lost wait again, and wakes the relay.
pub(super) async fn publish_again(store: &Store, rows: &[RowKey]) -> Result<()> {
    let mut batch = Batch::with_capacity(rows.len());
    for key in rows {
        batch.item().number(key.seq).number(key.epoch.cast_signed());
    }
    let batch = batch.finish().0;
    let done = store.change("publish lost tasks again", sql::OUTBOX_PUBLISH_AGAIN, rows.len(), batch).await;
    store.news.everything();
    done
}

/// A kept row, with its fields in the order of `outbox_watchable.sql`.
#[derive(Debug, Deserialize)]
struct StoredKept<'a>(
    i64,
    i64,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
);

impl StoredKept<'_> {
    const fn key(&self) -> RowKey {
        RowKey { seq: self.0, epoch: self.1.cast_unsigned().wrapping_add(1) }
    }

    fn read(&self) -> Result<KeptRow, BoxError> {
        let Self(_, _, queue, id, due, published, seen, missing, losses) = self;
        let moment = |millis: &Option<i64>| millis.map(Timestamp::from_millis);
        let published_at = moment(published).ok_or("a kept row does not say when it was published")?;
        Ok(KeptRow {
            key: self.key(),
            queue: QueueName::new(queue)?,
            id: TaskId::new(id)?,
            due_at: moment(due),
            published_at,
            seen_at: moment(seen).unwrap_or(published_at),
            missing_since: moment(missing),
            losses: u32::try_from(*losses)?,
        })
    }
}

/// The rows that can be read. Others, which another program has changed, are set aside with the reason.
async fn readable(store: &Store, stored: &[StoredKept<'_>]) -> Vec<KeptRow> {
    let (mut rows, mut unreadable) = (Vec::with_capacity(stored.len()), Vec::new());
    for row in stored {
        match row.read() {
            Ok(row) => rows.push(row),
            Err(error) => unreadable.push((row.key(), format!("the row cannot be read: {error}"))),
        }
    }
    relay::set_aside_unreadable(store, &unreadable).await;
    rows
}
