//! Tasks as rows: what is read from each column.

use aftercommit_core::stored::StoredOptions;
use aftercommit_core::stored::state::state;
use aftercommit_core::stored::token::token;
use aftercommit_core::{
    BoxError, GroupName, Lease, Leased, Message, QueueName, State, TaskId, TaskInfo, TaskType, Timestamp,
    WorkerId,
};
use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

type Result<T, E = BoxError> = std::result::Result<T, E>;

/// The message of a row: its columns stand at the same places in every statement that reads tasks.
pub(crate) fn message(row: &SqliteRow) -> Result<Message> {
    let message = StoredOptions::read(row.try_get(6)?)?.message(
        QueueName::new(row.try_get::<&str, _>(3)?)?,
        TaskId::new(row.try_get::<&str, _>(4)?)?,
        TaskType::new(row.try_get::<&str, _>(5)?)?,
        row.try_get::<Option<&str>, _>(12)?.map(GroupName::new).transpose()?,
        Bytes::from(row.try_get::<Vec<u8>, _>(11)?),
    );
    Ok(Message {
        retried: row.try_get(7)?,
        recovered: row.try_get(8)?,
        last_error: row.try_get(9)?,
        last_failed_at: row.try_get::<Option<i64>, _>(10)?.map(Timestamp::from_millis),
        ..message
    })
}

/// A row that begins with seq and epoch, as a task under a lease until `expires_at`.
pub(crate) fn leased(row: &SqliteRow, expires_at: Timestamp) -> Result<Leased> {
    let message = message(row)?;
    let lease = Lease {
        queue: message.queue.clone(),
        id: message.id.clone(),
        token: token(row.try_get(0)?, row.try_get(1)?),
        expires_at,
    };
    Ok(Leased { message, lease, stored: Bytes::new() })
}

/// A row of `live.sql`.
pub(crate) fn live_info(row: &SqliteRow) -> Result<TaskInfo> {
    let state = state(row.try_get(2)?)?;
    let at = Timestamp::from_millis(row.try_get(13)?);
    let Leased { message, lease, .. } = leased(row, at)?;
    let is_active = state == State::Active;
    // The row of a worker that has left is gone, and its tasks are about to be recovered.
    let worker = if is_active { row.try_get::<Option<&str>, _>(14)? } else { None };
    Ok(TaskInfo {
        message,
        state,
        next_process_at: matches!(state, State::Scheduled | State::Retry).then_some(at),
        lease: is_active.then_some(lease),
        worker: worker.map(WorkerId::from_stored),
        ended_at: None,
        result: None,
    })
}

/// A row of `ended.sql`.
pub(crate) fn ended_info(row: &SqliteRow) -> Result<TaskInfo> {
    Ok(TaskInfo {
        message: message(row)?,
        state: state(row.try_get(0)?)?,
        next_process_at: None,
        lease: None,
        worker: None,
        ended_at: Some(Timestamp::from_millis(row.try_get(1)?)),
        result: row.try_get::<Option<Vec<u8>>, _>(2)?.map(Bytes::from),
    })
}
