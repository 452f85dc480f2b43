//! Tasks as rows: what is read from each column, and the stored form of the options.

use std::collections::BTreeMap;
use std::time::Duration;

use aftercommit_core::{
    BoxError, GroupName, Lease, Leased, Message, Options, QueueName, State, TaskId, TaskInfo, TaskType,
    Timestamp, WorkerId,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::token::token;

type Result<T, E = BoxError> = std::result::Result<T, E>;

/// The codes of the states.
pub(crate) mod code {
    pub(crate) const AGGREGATING: i64 = 1;
    pub(crate) const PENDING: i64 = 2;
    pub(crate) const ACTIVE: i64 = 3;
    pub(crate) const SCHEDULED: i64 = 4;
    pub(crate) const RETRY: i64 = 5;
    pub(crate) const ARCHIVED: i64 = 6;
    pub(crate) const COMPLETED: i64 = 7;
}

/// The state of a code.
pub(crate) fn state(code: i64) -> Result<State> {
    match code {
        code::AGGREGATING => Ok(State::Aggregating),
        code::PENDING => Ok(State::Pending),
        code::ACTIVE => Ok(State::Active),
        code::SCHEDULED => Ok(State::Scheduled),
        code::RETRY => Ok(State::Retry),
        code::ARCHIVED => Ok(State::Archived),
        code::COMPLETED => Ok(State::Completed),
        other => Err(format!("{other} is no state").into()),
    }
}

/// What was asked for beside the defaults. A task with all the defaults stores none.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredOptions {
    max_retry: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<i64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    retention_ms: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the attribute of serde asks for a reference")]
const fn is_zero(value: &i64) -> bool {
    *value == 0
}

impl StoredOptions {
    /// Those of a message; `None` for all defaults.
    pub(crate) fn of(message: &Message) -> Option<Self> {
        let plain = message.max_retry == Options::DEFAULT_MAX_RETRY
            && message.timeout == Some(Options::DEFAULT_TIMEOUT)
            && message.deadline.is_none()
            && message.retention.is_zero()
            && message.headers.is_empty();
        (!plain).then(|| Self {
            max_retry: message.max_retry,
            timeout_ms: message.timeout.map(millis),
            deadline: message.deadline.map(Timestamp::as_millis),
            retention_ms: millis(message.retention),
            headers: message.headers.clone(),
        })
    }

    pub(crate) fn read(stored: Option<&str>) -> Result<Self> {
        match stored {
            Some(json) => Ok(serde_json::from_str(json)?),
            None => Ok(Self {
                max_retry: Options::DEFAULT_MAX_RETRY,
                timeout_ms: Some(millis(Options::DEFAULT_TIMEOUT)),
                deadline: None,
                retention_ms: 0,
                headers: BTreeMap::new(),
            }),
        }
    }

    /// The message of a task with these options and without a past.
    pub(crate) fn message(
        self,
        queue: QueueName,
        id: TaskId,
        task_type: TaskType,
        group: Option<GroupName>,
        payload: Bytes,
    ) -> Message {
        Message {
            id,
            queue,
            task_type,
            payload,
            group,
            headers: self.headers,
            max_retry: self.max_retry,
            timeout: self.timeout_ms.map(duration),
            deadline: self.deadline.map(Timestamp::from_millis),
            retention: duration(self.retention_ms),
            retried: 0,
            recovered: 0,
            last_error: None,
            last_failed_at: None,
        }
    }
}

/// A length of time in milliseconds, rounded up.
pub(crate) fn millis(duration: Duration) -> i64 {
    Timestamp::from_millis(0).plus(duration).as_millis()
}

pub(crate) fn duration(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

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

#[cfg(test)]
mod tests {
    use aftercommit_core::{NewTask, RawTask};

    use super::*;

    fn message(options: Options) -> Message {
        let task = RawTask { task_type: TaskType::new("t").unwrap(), payload: Bytes::new() };
        let new = NewTask { task, options };
        new.resolve(&Options::new(), Timestamp::from_millis(0)).unwrap().message
    }

    #[test]
    fn a_task_with_all_the_defaults_stores_no_options() {
        assert_eq!(StoredOptions::of(&message(Options::new())), None);
        let read = StoredOptions::read(None).unwrap();
        assert_eq!((read.max_retry, read.timeout_ms), (25, Some(1_800_000)));
    }

    #[test]
    fn what_differs_from_the_defaults_reads_back() {
        let stored = StoredOptions::of(&message(Options::new().max_retry(0).header("k", "v"))).unwrap();
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(json, r#"{"max_retry":0,"timeout_ms":1800000,"headers":{"k":"v"}}"#);
        assert_eq!(StoredOptions::read(Some(&json)).unwrap(), stored);
    }
}
