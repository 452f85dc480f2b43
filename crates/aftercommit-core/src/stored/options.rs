//! What was asked for with a task, as JSON: the column `options`.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{duration, millis};
use crate::{BoxError, GroupName, Message, Options, QueueName, TaskId, TaskType, Timestamp};

/// What was asked for beside the defaults. A task with all the defaults stores none.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOptions {
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
    pub fn of(message: &Message) -> Option<Self> {
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

    /// Those that a row has.
    ///
    /// # Errors
    /// For a text that is none of these.
    pub fn read(stored: Option<&str>) -> Result<Self, BoxError> {
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
    pub fn message(
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

#[cfg(test)]
mod tests {
    use crate::{NewTask, RawTask};

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
