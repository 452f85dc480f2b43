//! A new task as the values of its columns, in the queue and in the outbox alike.

use aftercommit_core::stored::{StoredOptions, millis};
use aftercommit_core::{Enqueue, Error, GroupName, Placement, Result, Timestamp};

use crate::error::unreadable;
use crate::text::has_nul;

/// What is stored of a new task.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) queue: &'a str,
    pub(crate) id: &'a str,
    pub(crate) task_type: &'a str,
    /// When it is due; `None` for now.
    pub(crate) due: Option<i64>,
    pub(crate) options: Option<String>,
    pub(crate) group: Option<&'a str>,
    pub(crate) payload: &'a [u8],
    /// For how many milliseconds it takes a unique lock.
    pub(crate) unique_ms: Option<i64>,
}

impl<'a> Fields<'a> {
    /// Those of a task; an error if one of its names has a character that Postgres does not store.
    pub(crate) fn of(task: &'a Enqueue) -> Result<Self> {
        const DOING: &str = "enqueue tasks";
        let message = &task.message;
        let options = StoredOptions::of(message).map(|options| serde_json::to_string(&options)).transpose();
        let fields = Self {
            queue: message.queue.as_str(),
            id: message.id.as_str(),
            task_type: message.task_type.as_str(),
            due: match task.placement {
                Placement::At(due) => Some(Timestamp::as_millis(due)),
                _ => None,
            },
            options: options.map_err(|error| unreadable(DOING, error))?,
            group: message.group.as_ref().map(GroupName::as_str),
            payload: message.payload.as_ref(),
            unique_ms: task.unique_for.map(millis),
        };
        for (what, name) in [
            ("queue name", Some(fields.queue)),
            ("task id", Some(fields.id)),
            ("task type", Some(fields.task_type)),
            ("group", fields.group),
        ] {
            if name.is_some_and(has_nul) {
                return Err(Error::invalid(what, "Postgres stores no text with the character NUL"));
            }
        }
        Ok(fields)
    }
}
