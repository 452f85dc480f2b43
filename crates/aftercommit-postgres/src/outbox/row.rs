//! Rows of the outbox as they are read.

use aftercommit_core::stored::{StoredOptions, duration};
use aftercommit_core::{
    BoxError, Enqueue, GroupName, KeptRow, OutboxRow, Placement, QueueName, RowInfo, RowKey, RowState,
    TaskId, TaskType, Timestamp,
};
use bytes::Bytes;
use sqlx::Row;
use sqlx::postgres::PgRow;

type Result<T, E = BoxError> = std::result::Result<T, E>;

/// The key of a row whose column `at` is its seq and the next one its epoch; `None` if there is no row.
pub(super) fn key(row: &PgRow, at: usize) -> sqlx::Result<Option<RowKey>> {
    let Some(seq) = row.try_get::<Option<i64>, _>(at)? else { return Ok(None) };
    Ok(Some(RowKey { seq, epoch: row.try_get::<i64, _>(at + 1)?.cast_unsigned() }))
}

/// A claimed row, with its columns as in `outbox_claim.sql`.
pub(super) fn claimed(row: &PgRow, key: RowKey) -> Result<OutboxRow> {
    let message = StoredOptions::read(row.try_get(11)?)?.message(
        QueueName::new(row.try_get::<&str, _>(8)?)?,
        TaskId::new(row.try_get::<&str, _>(9)?)?,
        TaskType::new(row.try_get::<&str, _>(10)?)?,
        row.try_get::<Option<&str>, _>(12)?.map(GroupName::new).transpose()?,
        Bytes::copy_from_slice(row.try_get::<&[u8], _>(15)?),
    );
    let due: Option<i64> = row.try_get(13)?;
    Ok(OutboxRow {
        key,
        attempts: u32::try_from(row.try_get::<i32, _>(5)?)?,
        losses: u32::try_from(row.try_get::<i32, _>(6)?)?,
        enqueued_at: Timestamp::from_millis(row.try_get(7)?),
        task: Enqueue {
            message,
            placement: due.map_or(Placement::Now, |due| Placement::At(Timestamp::from_millis(due))),
            unique_for: row.try_get::<Option<i64>, _>(14)?.map(duration),
        },
    })
}

/// A kept row, with its columns as in `outbox_watch.sql`.
pub(super) fn kept(row: &PgRow, key: RowKey) -> Result<KeptRow> {
    let published_at = moment(row, 6)?.ok_or("a kept row does not say when it was published")?;
    Ok(KeptRow {
        key,
        queue: QueueName::new(row.try_get::<&str, _>(3)?)?,
        id: TaskId::new(row.try_get::<&str, _>(4)?)?,
        due_at: moment(row, 5)?,
        published_at,
        seen_at: moment(row, 7)?.unwrap_or(published_at),
        missing_since: moment(row, 8)?,
        losses: u32::try_from(row.try_get::<i32, _>(9)?)?,
    })
}

/// A row as operators see it, with its columns as in `outbox_list.sql`.
pub(super) fn info(row: &PgRow, state: RowState) -> sqlx::Result<RowInfo> {
    let count = |at: usize| Ok::<_, sqlx::Error>(row.try_get::<i32, _>(at)?.unsigned_abs());
    Ok(RowInfo {
        seq: row.try_get(0)?,
        state,
        queue: row.try_get(1)?,
        id: row.try_get(2)?,
        task_type: row.try_get(3)?,
        enqueued_at: Timestamp::from_millis(row.try_get(4)?),
        published_at: moment(row, 5)?,
        attempts: count(6)?,
        losses: count(7)?,
        error: row.try_get(8)?,
    })
}

pub(super) fn moment(row: &PgRow, at: usize) -> sqlx::Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<i64>, _>(at)?.map(Timestamp::from_millis))
}
