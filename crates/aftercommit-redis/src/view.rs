//! A stored message as it lies in the buffer: its fields by their numbers, nothing copied and nothing judged.

use crate::wire::{self, Malformed, Value};

/// The numbers of the fields of `TaskMessage`.
pub(crate) mod number {
    pub(crate) const TYPE: u32 = 1;
    pub(crate) const PAYLOAD: u32 = 2;
    pub(crate) const ID: u32 = 3;
    pub(crate) const QUEUE: u32 = 4;
    pub(crate) const MAX_RETRY: u32 = 5;
    pub(crate) const RETRIED: u32 = 6;
    pub(crate) const ERROR: u32 = 7;
    pub(crate) const TIMEOUT: u32 = 8;
    pub(crate) const DEADLINE: u32 = 9;
    pub(crate) const UNIQUE_KEY: u32 = 10;
    pub(crate) const LAST_FAILED_AT: u32 = 11;
    pub(crate) const RETENTION: u32 = 12;
    pub(crate) const COMPLETED_AT: u32 = 13;
    pub(crate) const GROUP: u32 = 14;
    pub(crate) const HEADERS: u32 = 15;
    /// Of a header.
    pub(crate) const KEY: u32 = 1;
    /// Of a header.
    pub(crate) const VALUE: u32 = 2;
}

/// A message as it lies in the buffer. Fields that are missing, or are not of the kind they should be,
/// have their default, as in Go.
#[derive(Debug, Default)]
pub(crate) struct View<'a> {
    pub(crate) task_type: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) id: &'a [u8],
    pub(crate) queue: &'a [u8],
    pub(crate) max_retry: i32,
    pub(crate) retried: i32,
    pub(crate) error: &'a [u8],
    pub(crate) timeout: i64,
    pub(crate) deadline: i64,
    pub(crate) unique_key: &'a [u8],
    pub(crate) last_failed_at: i64,
    pub(crate) retention: i64,
    pub(crate) completed_at: i64,
    pub(crate) group: &'a [u8],
    /// Each a message of its own.
    pub(crate) headers: Vec<&'a [u8]>,
}

impl<'a> View<'a> {
    /// What could be read, and the fault that ended the reading.
    pub(crate) fn read(stored: &'a [u8]) -> (Self, Option<Malformed>) {
        let mut view = Self::default();
        for field in wire::fields(stored) {
            match field {
                Ok(field) => view.take(field.number, &field.value),
                Err(fault) => return (view, Some(fault)),
            }
        }
        (view, None)
    }

    #[expect(clippy::cast_possible_truncation, reason = "protobuf takes the low 32 bits of an int32")]
    fn take(&mut self, number: u32, value: &Value<'a>) {
        match *value {
            Value::Bytes(value) => match number {
                number::TYPE => self.task_type = value,
                number::PAYLOAD => self.payload = value,
                number::ID => self.id = value,
                number::QUEUE => self.queue = value,
                number::ERROR => self.error = value,
                number::UNIQUE_KEY => self.unique_key = value,
                number::GROUP => self.group = value,
                number::HEADERS => self.headers.push(value),
                _ => {}
            },
            Value::Varint(value) => match number {
                number::MAX_RETRY => self.max_retry = value as i32,
                number::RETRIED => self.retried = value as i32,
                number::TIMEOUT => self.timeout = value.cast_signed(),
                number::DEADLINE => self.deadline = value.cast_signed(),
                number::LAST_FAILED_AT => self.last_failed_at = value.cast_signed(),
                number::RETENTION => self.retention = value.cast_signed(),
                number::COMPLETED_AT => self.completed_at = value.cast_signed(),
                _ => {}
            },
            Value::Other => {}
        }
    }
}

/// Key and value of a header; either may be missing.
pub(crate) fn header(entry: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut pair: (&[u8], &[u8]) = (&[], &[]);
    for field in wire::fields(entry) {
        let field = field?;
        match (field.number, field.value) {
            (number::KEY, Value::Bytes(key)) => pair.0 = key,
            (number::VALUE, Value::Bytes(value)) => pair.1 = value,
            _ => {}
        }
    }
    Ok(pair)
}
