//! Rows that are kept although their tasks are published, until somebody has seen that those have ended.

use std::time::Duration;

use aftercommit_core::stored::millis;
use aftercommit_core::{Kept, KeptRow, Observed, Result, RowKey, Sight, Timestamp, Watch};
use sqlx::postgres::PgRow;

use super::change::{MAX_ROWS, keys, set_aside_unreadable};
use super::{PostgresOutbox, row};
use crate::batch::saturated;
use crate::error::failed;
use crate::news::Topic;
use crate::sql;

/// Keeps rows whose tasks are published.
pub(super) async fn keep(outbox: &PostgresOutbox, rows: &[Kept]) -> Result<()> {
    const DOING: &str = "keep tasks of the outbox as published";
    for part in rows.chunks(MAX_ROWS) {
        let column = |of: fn(&Kept) -> i64| part.iter().map(of).collect::<Vec<_>>();
        let keep = || {
            sqlx::query(sql::OUTBOX_KEEP)
                .bind(column(|kept| kept.key.seq))
                .bind(column(|kept| kept.seen_at.as_millis()))
                .bind(column(|kept| kept.look_at.as_millis()))
                .bind(outbox.store.moment())
        };
        outbox.change(DOING, keep).await?;
    }
    Ok(())
}

/// Hands out rows that are due for a look.
pub(super) async fn watch(outbox: &PostgresOutbox, limit: usize, duration: Duration) -> Result<Watch> {
    const DOING: &str = "look for published tasks of the outbox";
    let watch = sqlx::query(sql::OUTBOX_WATCH)
        .bind(saturated(limit.min(MAX_ROWS)))
        .bind(millis(duration))
        .bind(outbox.store.moment());
    let rows = outbox.store.conn(DOING).await?.fetch_all(watch).await.map_err(failed(DOING))?;
    let (watched, unreadable, next_at) = read_watched(&rows).map_err(failed(DOING))?;
    set_aside_unreadable(outbox, &unreadable).await;
    let is_cut = (MAX_ROWS..limit).contains(&watched.len());
    Ok(Watch { rows: watched, next_at: if is_cut { Some(outbox.store.local_now()) } else { next_at } })
}

/// Writes down what was seen.
pub(super) async fn observe(outbox: &PostgresOutbox, rows: &[Observed]) -> Result<()> {
    const DOING: &str = "write down which published tasks are there";
    for part in rows.chunks(MAX_ROWS) {
        let (seqs, epochs) = keys(part.iter().map(|observed| observed.key));
        let seen = |observed: &Observed| match observed.sight {
            Sight::Seen(at) => (Some(at.as_millis()), None),
            Sight::Missing(since) => (None, Some(since.as_millis())),
        };
        let (seen, missing): (Vec<Option<i64>>, Vec<Option<i64>>) = part.iter().map(seen).unzip();
        let look_at: Vec<i64> = part.iter().map(|observed| observed.look_at.as_millis()).collect();
        let observe = || {
            sqlx::query(sql::OUTBOX_OBSERVE)
                .bind(seqs.clone())
                .bind(epochs.clone())
                .bind(seen.clone())
                .bind(missing.clone())
                .bind(look_at.clone())
        };
        outbox.change(DOING, observe).await?;
    }
    Ok(())
}

/// Makes rows whose tasks are lost wait again, and wakes the relays.
pub(super) async fn publish_again(outbox: &PostgresOutbox, rows: &[RowKey]) -> Result<()> {
    const DOING: &str = "publish lost tasks again";
    for part in rows.chunks(MAX_ROWS) {
        let (seqs, epochs) = keys(part.iter().copied());
        let again = || sqlx::query(sql::OUTBOX_PUBLISH_AGAIN).bind(seqs.clone()).bind(epochs.clone());
        outbox.change(DOING, again).await?;
    }
    outbox.store.news.announce(Topic::Outbox);
    Ok(())
}

type Watched = (Vec<KeptRow>, Vec<(RowKey, String)>, Option<Timestamp>);

fn read_watched(rows: &[PgRow]) -> sqlx::Result<Watched> {
    let (mut watched, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let Some(key) = row::key(row, 1)? else { continue };
        match row::kept(row, key) {
            Ok(row) => watched.push(row),
            Err(error) => unreadable.push((key, format!("the row cannot be read: {error}"))),
        }
    }
    Ok((watched, unreadable, rows.first().map(|row| row::moment(row, 0)).transpose()?.flatten()))
}
