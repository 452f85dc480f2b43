//! Tasks as rows: what is read from each column. The columns stand at the same places in every statement that reads
//! tasks.

use aftercommit_core::stored::StoredOptions;
use aftercommit_core::stored::state::state;
use aftercommit_core::stored::token::token;
use aftercommit_core::{
    BoxError, GroupName, Lease, Leased, Message, QueueName, State, TaskId, TaskInfo, TaskType, Timestamp,
    WorkerId,
};
use bytes::Bytes;
use sqlx::Row;
use sqlx::postgres::PgRow;

type Result<T, E = BoxError> = std::result::Result<T, E>;

/// The message of a row whose columns from the fourth on are: queue, id, task_type, options, retried, recovered,
/// last_error, last_failed_at, payload, group_name.
pub(crate) fn message(row: &PgRow) -> Result<Message> {
    let message = StoredOptions::read(row.try_get(6)?)?.message(
        QueueName::new(row.try_get::<&str, _>(3)?)?,
        TaskId::new(row.try_get::<&str, _>(4)?)?,
        TaskType::new(row.try_get::<&str, _>(5)?)?,
        row.try_get::<Option<&str>, _>(12)?.map(GroupName::new).transpose()?,
        Bytes::copy_from_slice(row.try_get::<&[u8], _>(11)?),
    );
    Ok(Message {
        retried: u32::try_from(row.try_get::<i32, _>(7)?)?,
        recovered: u32::try_from(row.try_get::<i32, _>(8)?)?,
        last_error: row.try_get(9)?,
        last_failed_at: row.try_get::<Option<i64>, _>(10)?.map(Timestamp::from_millis),
        ..message
    })
}

/// A row that begins with seq, epoch and pos, as a task under a lease until `expires_at`.
pub(crate) fn leased(row: &PgRow, expires_at: Timestamp) -> Result<Leased> {
    let message = message(row)?;
    let lease = Lease {
        queue: message.queue.clone(),
        id: message.id.clone(),
        token: token(row.try_get(0)?, i64::from(row.try_get::<i32, _>(1)?)),
        expires_at,
    };
    Ok(Leased { message, lease, stored: Bytes::new() })
}

/// A row of `live.sql` or `ended.sql`.
pub(crate) fn info(row: &PgRow) -> Result<TaskInfo> {
    let state = state(i64::from(row.try_get::<i16, _>(2)?))?;
    let moment = Timestamp::from_millis(row.try_get(13)?);
    let Leased { message, lease, .. } = leased(row, moment)?;
    Ok(TaskInfo {
        message,
        state,
        next_process_at: matches!(state, State::Scheduled | State::Retry).then_some(moment),
        lease: (state == State::Active).then_some(lease),
        // The row of a worker that has left is gone, and its tasks are about to be recovered.
        worker: row.try_get::<Option<&str>, _>(14)?.map(WorkerId::from_stored),
        ended_at: state.is_terminal().then_some(moment),
        result: row.try_get::<Option<&[u8]>, _>(15)?.map(Bytes::copy_from_slice),
    })
}
