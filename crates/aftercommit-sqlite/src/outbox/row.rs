//! Rows of the outbox as they are read: all of a claim as one JSON text.

use std::borrow::Cow;

use aftercommit_core::stored::{StoredOptions, duration};
use aftercommit_core::{
    BoxError, Enqueue, GroupName, OutboxRow, Placement, QueueName, RowKey, TaskId, TaskType, Timestamp,
};
use bytes::Bytes;
use serde::Deserialize;

/// A row, with its fields in the order of `outbox_claimable.sql`.
#[derive(Debug, Deserialize)]
pub(super) struct StoredRow<'a> {
    seq: i64,
    epoch: i64,
    attempts: i64,
    enqueued_at: i64,
    #[serde(borrow)]
    queue: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    task_type: Cow<'a, str>,
    #[serde(borrow)]
    options: Option<Cow<'a, str>>,
    #[serde(borrow)]
    group: Option<Cow<'a, str>>,
    due_at: Option<i64>,
    unique_ms: Option<i64>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    losses: i64,
}

impl StoredRow<'_> {
    /// What the claim that follows makes of the key.
    pub(super) const fn claimed(&self) -> RowKey {
        RowKey { seq: self.seq, epoch: self.epoch.cast_unsigned().wrapping_add(1) }
    }

    /// The row under that claim.
    pub(super) fn read(&self) -> Result<OutboxRow, BoxError> {
        let options = StoredOptions::read(self.options.as_deref())?;
        let group = self.group.as_deref().map(GroupName::new).transpose()?;
        let message = options.message(
            QueueName::new(&self.queue)?,
            TaskId::new(&self.id)?,
            TaskType::new(&self.task_type)?,
            group,
            Bytes::from(unhex(&self.payload)?),
        );
        let due = self.due_at.map(Timestamp::from_millis);
        Ok(OutboxRow {
            key: self.claimed(),
            attempts: u32::try_from(self.attempts)?,
            losses: u32::try_from(self.losses)?,
            enqueued_at: Timestamp::from_millis(self.enqueued_at),
            task: Enqueue {
                message,
                placement: due.map_or(Placement::Now, Placement::At),
                unique_for: self.unique_ms.map(duration),
            },
        })
    }
}

/// Bytes from the hexadecimal digits that SQLite writes.
fn unhex(digits: &str) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for [high, low] in digits.as_bytes().as_chunks().0 {
        bytes.push(value(*high)? << 4 | value(*low)?);
    }
    Ok(bytes)
}

fn value(digit: u8) -> Result<u8, BoxError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err("a payload is not in hexadecimal digits".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_as_bytes() {
        assert_eq!(unhex("00FFA0").unwrap(), [0, 255, 160]);
        assert_eq!(unhex("").unwrap(), [0; 0]);
        assert!(unhex("0g").is_err());
    }
}
