//! The words and contracts of aftercommit: what a task is, which states it passes through, who may
//! settle it, and what every back-end must do. No I/O and no runtime live here, so that a crate which
//! only defines payloads, or a new back-end, depends on nothing else.
//!
//! Start with [`Task`] (what users define), [`Message`] (what a back-end stores), [`Broker`] (what a
//! back-end does) and [`decide`] (the only code that knows the retry rules).

mod broker;
mod clock;
mod error;
mod info;
mod lease;
mod message;
mod options;
mod outcome;
mod policy;
mod presence;
mod queue;
mod request;
mod state;
mod task;

pub use broker::{Action, LeaseGrant, LeaseLost, Page, Quota, Upkeep, Wake, Wakes};
pub use broker::{
    Backend, Broker, Enqueue, Forwarded, Inspect, Leased, Orphan, Placement, Refusal, Settlement,
};
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{BoxError, Error, Result};
pub use info::{DayCount, QueueInfo, StateCounts, TaskInfo};
pub use lease::{Lease, LeaseToken};
pub use message::Message;
pub use options::Options;
pub use outcome::{Failure, FailureKind, OrphanCause, Outcome, RequeueCause, Verdict, decide, decide_orphan};
pub use policy::{AsynqBackoff, Exponential, Fixed, RetryPolicy};
pub use presence::{Cancellation, Cancellations, Presence, RunningTask, WorkerId, WorkerInfo, WorkerStatus};
pub use queue::{QueueName, QueueOrder, QueueSet};
pub use request::{BoxFuture, EnqueueRequest, EnqueueSink, Enqueued};
pub use state::State;
pub use task::{NewTask, RawTask, Task, TaskId, TaskType};
