//! The protobuf records of workers and schedulers, as asynq defines them. That of a task is not here: see
//! [`crate::message`], which reads it without copying and in spite of faults.

use bytes::Bytes;
use prost_types::Timestamp;

/// A worker, as Go's tools list it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ServerInfo {
    #[prost(string, tag = "1")]
    pub(crate) host: String,
    #[prost(int32, tag = "2")]
    pub(crate) pid: i32,
    #[prost(string, tag = "3")]
    pub(crate) server_id: String,
    #[prost(int32, tag = "4")]
    pub(crate) concurrency: i32,
    #[prost(message, repeated, tag = "5")]
    pub(crate) queues: Vec<QueueWeight>,
    #[prost(bool, tag = "6")]
    pub(crate) strict_priority: bool,
    #[prost(string, tag = "7")]
    pub(crate) status: String,
    #[prost(message, optional, tag = "8")]
    pub(crate) start_time: Option<Timestamp>,
    #[prost(int32, tag = "9")]
    pub(crate) active_worker_count: i32,
}

/// An entry of the map [`ServerInfo::queues`]. Go writes both fields of an entry always, a zero too.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct QueueWeight {
    #[prost(string, required, tag = "1")]
    pub(crate) queue: String,
    #[prost(int32, required, tag = "2")]
    pub(crate) weight: i32,
}

/// A task that is being worked on.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WorkerInfo {
    #[prost(string, tag = "1")]
    pub(crate) host: String,
    #[prost(int32, tag = "2")]
    pub(crate) pid: i32,
    #[prost(string, tag = "3")]
    pub(crate) server_id: String,
    #[prost(string, tag = "4")]
    pub(crate) task_id: String,
    #[prost(string, tag = "5")]
    pub(crate) task_type: String,
    #[prost(bytes = "bytes", tag = "6")]
    pub(crate) task_payload: Bytes,
    #[prost(string, tag = "7")]
    pub(crate) queue: String,
    #[prost(message, optional, tag = "8")]
    pub(crate) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "9")]
    pub(crate) deadline: Option<Timestamp>,
}

/// A periodic task.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SchedulerEntry {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "2")]
    pub(crate) spec: String,
    #[prost(string, tag = "3")]
    pub(crate) task_type: String,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) task_payload: Bytes,
    #[prost(string, repeated, tag = "5")]
    pub(crate) enqueue_options: Vec<String>,
    #[prost(message, optional, tag = "6")]
    pub(crate) next_enqueue_time: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub(crate) prev_enqueue_time: Option<Timestamp>,
}

/// That a periodic task was enqueued.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SchedulerEnqueueEvent {
    #[prost(string, tag = "1")]
    pub(crate) task_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) enqueue_time: Option<Timestamp>,
}
