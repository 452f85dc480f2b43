//! Background tasks that start exactly when the database transaction that asked for them commits.
//!
//! A request writes to the database and asks for background work. Enqueue before the commit, and a
//! worker may run too early, or for a row that never came to be; enqueue after it, and a crash loses
//! the task. Here the task row commits in the caller's own transaction, so that neither can happen:
//!
//! ```no_run
//! # #[cfg(feature = "sqlite")] {
//! use aftercommit::sqlite::SqliteQueue;
//! use aftercommit::{Router, State, Task, TaskContext, Worker};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct SendVerifyEmail {
//!     username: String,
//! }
//!
//! impl Task for SendVerifyEmail {
//!     const TYPE: &'static str = "task:send_verify_email";
//! }
//!
//! #[derive(Clone)]
//! struct Mailer;
//!
//! async fn send_verify_email(State(_mailer): State<Mailer>, task: SendVerifyEmail) -> std::io::Result<()> {
//!     println!("mail to {}", task.username);
//!     Ok(())
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let queue = SqliteQueue::open("app.db").await?;
//! queue.migrate().await?;
//!
//! let mut tx = queue.begin().await?;
//! // ... the caller's own statements on `&mut tx` ...
//! queue.enqueue_in(&mut tx, &SendVerifyEmail { username: "alice".into() }).queue("critical").await?;
//! tx.commit().await?; // from here on a worker may start it, and not a moment earlier
//!
//! let router = Router::with_state(Mailer).route(send_verify_email);
//! let worker = Worker::builder(queue, router).queue("critical", 10).queue("default", 5).build()?;
//! worker.run().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Delivery is at least once: a handler must be safe to run twice. What the library promises, and how
//! each promise is tested, stands in the repository's ARCHITECTURE.md.

mod aggregate;
mod client;
mod coalescer;
mod context;
mod frame;
mod handler;
mod inspector;
mod layer;
mod output;
mod relay;
mod router;
mod telemetry;
mod text;
mod worker;

/// Where a task is in its life; named so because [`State`] is what a handler gets injected.
pub use aftercommit_core::State as TaskState;
pub use aftercommit_core::{
    Action, ArchiveLimits, AsynqBackoff, Backend, Backlog, BoxError, Broker, Claim, Clock, DayCount,
    EnqueueEvent, EnqueueRequest, Enqueued, Error, Exponential, Failure, FailureKind, Fixed, GroupInfo,
    GroupName, GroupRules, Groups, Inspect, InspectExt, Kept, KeptRow, Lease, Leased, Message, NewTask,
    Observed, Operation, Options, Outbox, Page, Postponed, Presence, Publisher, QueueInfo, QueueName,
    QueueOrder, QueueSet, RawTask, Removal, Result, RetryPolicy, RowInfo, RowKey, RowOperation, RowState,
    Rows, RunningTask, ScheduleEntry, Schedules, Selection, Sight, StateCounts, SystemClock, Task, TaskId,
    TaskInfo, TaskType, Timestamp, Upkeep, Wakes, Watch, WorkerId, WorkerInfo, WorkerStatus,
};
/// The payloads, and the results of handlers, as they are stored.
pub use bytes::Bytes;
/// What a handler takes to hear that its attempt is to end early.
pub use tokio_util::sync::CancellationToken;

pub use aggregate::{Aggregator, GroupTasks};
pub use client::Client;
pub use context::{FromContext, FromRef, State, TaskContext};
pub use frame::StopHandle;
pub use handler::{Handler, HandlerError};
pub use inspector::{Inspector, RemoveQueue};
pub use layer::{Next, from_fn};
pub use output::{Json, TaskOutput, TaskValue};
pub use relay::{Relay, RelayBuilder, RelayCounts, RelayMonitor, RetainUntilDone, WATCHED_RETENTION};
pub use router::{Route, Router};
pub use worker::{Worker, WorkerBuilder};

#[cfg(feature = "postgres")]
pub use aftercommit_postgres as postgres;
#[cfg(feature = "redis")]
pub use aftercommit_redis as redis;
#[cfg(feature = "sqlite")]
pub use aftercommit_sqlite as sqlite;
#[cfg(feature = "testing")]
pub use aftercommit_testing as testing;

/// Compiles the code of the guide.
#[cfg(all(doctest, feature = "redis"))]
#[doc = include_str!("../../../docs/guides/moving-from-asynq.md")]
mod guide {}
