//! asynq as it is, beside ours on one Redis.
//!
//! The Go programs in this directory's `go`, `go025` and `gomon` put asynq's public API behind JSON lines; this crate
//! builds them once, starts them, speaks to them in types, and ends them. [`GoClient`] enqueues, [`Worker`] runs tasks
//! (ours, too: `interop-rust`) and leaves its [effects] behind, [`GoInspector`] reads and changes queues with asynq 0.26.0 or 0.25.1,
//! [`GoScheduler`] enqueues periodically, [`GoMon`] is asynqmon's HTTP API, and [`Dump`] is everything that lies in Redis.
//!
//! Times are Unix nanoseconds with `None` for Go's zero time, durations nanoseconds or milliseconds as the name says.

mod base64_bytes;
mod build;
mod client;
mod dump;
pub mod effects;
mod info;
mod inspector;
mod mon;
mod process;
mod redis;
mod reply;
mod scheduler;
mod task;
mod worker;

pub use build::Program;
pub use client::GoClient;
pub use dump::{Bytes, Dump, Fields, Key, Scored, Stored, Value, Wire, WireValue};
pub use info::{
    DayStats, EnqueueEvent, GroupInfo, QueueInfo, SchedulerEntry, ServerInfo, TaskInfo, WorkerInfo,
};
pub use inspector::{GoInspector, Page, Request};
pub use mon::GoMon;
pub use process::{GoProcess, Ready};
pub use redis::Redis;
pub use reply::{Error, Fault};
pub use scheduler::{Entry, GoScheduler};
pub use task::{Options, Task};
pub use worker::{Config, Groups, Worker};
