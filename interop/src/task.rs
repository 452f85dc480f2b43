//! A task for Go to enqueue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base64_bytes;

/// A task and every option of it; also the form of a task in the recorded corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its type.
    #[serde(rename = "type")]
    pub task_type: String,
    /// `None` is Go's nil, for which asynq makes another unique lock than for no bytes.
    #[serde(with = "base64_bytes")]
    pub payload: Option<Vec<u8>>,
    /// Left out when empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The options.
    #[serde(flatten)]
    pub options: Options,
}

impl Task {
    /// A task with a payload and asynq's defaults.
    pub fn new(task_type: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self { task_type: task_type.into(), payload: Some(payload.into()), ..Self::default() }
    }

    /// The same task with options.
    pub fn with(self, options: Options) -> Self {
        Self { options, ..self }
    }
}

/// asynq's options; `None` leaves one to its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The id; asynq draws one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// How often it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retry: Option<i64>,
    /// How long an attempt may take. asynq keeps whole seconds, here and below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<i64>,
    /// When an attempt must have ended, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_unix: Option<i64>,
    /// How long the unique lock holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_ms: Option<i64>,
    /// When it is due, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_at_unix: Option<i64>,
    /// When it is due, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_at_unix_ms: Option<i64>,
    /// When it is due, from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_in_ms: Option<i64>,
    /// How long it is kept once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_ms: Option<i64>,
    /// The group it waits in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}
