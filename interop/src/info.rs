//! asynq's public data.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base64_bytes;

/// A task as asynq sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields of asynq's TaskInfo, under its names")]
pub struct TaskInfo {
    pub id: String,
    pub queue: String,
    #[serde(rename = "type")]
    pub task_type: String,
    #[serde(with = "base64_bytes")]
    pub payload: Option<Vec<u8>>,
    /// `None` before asynq 0.26.
    pub headers: Option<BTreeMap<String, String>>,
    pub state: String,
    pub max_retry: i64,
    pub retried: i64,
    pub last_err: String,
    pub last_failed_at: Option<i64>,
    pub timeout_ns: i64,
    pub deadline: Option<i64>,
    pub group: String,
    pub next_process_at: Option<i64>,
    pub is_orphaned: bool,
    pub retention_ns: i64,
    pub completed_at: Option<i64>,
    #[serde(with = "base64_bytes")]
    pub result: Option<Vec<u8>>,
}

/// A queue as asynq sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields of asynq's QueueInfo, under its names")]
pub struct QueueInfo {
    pub queue: String,
    pub memory_usage: i64,
    pub latency_ns: i64,
    pub size: i64,
    pub groups: i64,
    pub pending: i64,
    pub active: i64,
    pub scheduled: i64,
    pub retry: i64,
    pub archived: i64,
    pub completed: i64,
    pub aggregating: i64,
    pub processed: i64,
    pub failed: i64,
    pub processed_total: i64,
    pub failed_total: i64,
    pub paused: bool,
    pub timestamp: Option<i64>,
}

/// A group of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields of asynq's GroupInfo, under its names")]
pub struct GroupInfo {
    pub group: String,
    pub size: i64,
}

/// What a queue did on a day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields of asynq's DailyStats, under its names")]
pub struct DayStats {
    pub queue: String,
    pub processed: i64,
    pub failed: i64,
    /// `YYYY-MM-DD`, in UTC.
    pub date: String,
}

/// A server: asynq's word for a worker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields of asynq's ServerInfo, under its names")]
pub struct ServerInfo {
    pub id: String,
    pub host: String,
    pub pid: i64,
    pub concurrency: i64,
    pub queues: Option<BTreeMap<String, i64>>,
    pub strict_priority: bool,
    pub started: Option<i64>,
    pub status: String,
    pub active_workers: Vec<WorkerInfo>,
}

/// A task in a server's hands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields of asynq's WorkerInfo, under its names")]
pub struct WorkerInfo {
    pub task_id: String,
    pub task_type: String,
    #[serde(with = "base64_bytes")]
    pub task_payload: Option<Vec<u8>>,
    pub queue: String,
    pub started: Option<i64>,
    pub deadline: Option<i64>,
}

/// What a scheduler enqueues periodically.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields of asynq's SchedulerEntry, under its names")]
pub struct SchedulerEntry {
    pub id: String,
    pub spec: String,
    #[serde(rename = "type")]
    pub task_type: String,
    #[serde(with = "base64_bytes")]
    pub payload: Option<Vec<u8>>,
    /// As asynq prints them; those it cannot parse are missing.
    pub options: Vec<String>,
    pub next: Option<i64>,
    /// `None` if never.
    pub prev: Option<i64>,
}

/// One enqueuing by a scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields of asynq's SchedulerEnqueueEvent, under its names")]
pub struct EnqueueEvent {
    pub task_id: String,
    pub enqueued_at: Option<i64>,
}
