//! What can be saved of a message that cannot be read. Such a task goes to the archive under a readable
//! stand-in, so that operators see it, in Go's tools too, and it blocks nobody.

use std::collections::BTreeMap;
use std::fmt;

use aftercommit_core::{Failure, FailureKind, Message, TaskType};

use crate::view::header;

/// The task type of a stand-in if not even that could be read.
const UNKNOWN_TYPE: &str = "undecodable";

/// A stored message that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Undecodable {
    reason: String,
    message: Box<Message>,
}

impl Undecodable {
    /// `message` is what could be read.
    pub(crate) fn new(reason: String, mut message: Message) -> Self {
        let undecodable = |reason| format!("the stored message cannot be decoded: {reason}");
        message.last_error = Some(Failure::new(FailureKind::Error, undecodable(&reason)).error);
        Self { reason, message: Box::new(message) }
    }

    /// A stand-in to be archived in place of the message: what could be read of it, with the reason as its
    /// error. It can always be written and read. Whoever stores it keeps the original bytes beside it.
    pub(crate) fn into_message(self) -> Message {
        *self.message
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { queue, id, .. } = &*self.message;
        write!(f, "cannot decode the stored message of task {id} in queue {queue}: {}", self.reason)
    }
}

impl std::error::Error for Undecodable {}

/// The task type as far as it is one.
pub(crate) fn task_type(bytes: &[u8]) -> TaskType {
    let mut name: String = String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect();
    let end = (0..=TaskType::MAX_BYTES.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
    name.truncate(end.unwrap_or(0));
    TaskType::new(name)
        .or_else(|_| TaskType::new(UNKNOWN_TYPE))
        .expect("the name of the unknown type is a task type")
}

/// Those headers that can be read.
pub(crate) fn headers(entries: &[&[u8]]) -> BTreeMap<String, String> {
    let read = |entry: &&[u8]| {
        let (key, value) = header(entry).ok()?;
        Some((String::from_utf8(key.to_vec()).ok()?, String::from_utf8(value.to_vec()).ok()?))
    };
    entries.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_type_is_kept_as_far_as_it_is_one() {
        assert_eq!(task_type(b"email:\x01send").as_str(), "email:send");
        assert_eq!(task_type(b"email\xff").as_str(), "email\u{fffd}");
        assert_eq!(task_type(b" \x07").as_str(), UNKNOWN_TYPE);
        assert_eq!(task_type("é".repeat(200).as_bytes()).as_str(), "é".repeat(127));
    }

    #[test]
    fn readable_headers_survive_an_unreadable_one() {
        let good = hex::decode("0a016b120176").unwrap();
        let kept = headers(&[b"\xff", &good, b"\x0a\x01\xff"]);
        assert_eq!(kept, BTreeMap::from([("k".to_owned(), "v".to_owned())]));
    }
}
