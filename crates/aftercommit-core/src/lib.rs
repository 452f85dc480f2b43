//! The words and contracts of aftercommit: what a task is, which states it passes through, who may
//! settle it, and what every back-end must do. No I/O and no runtime live here, so that a crate which
//! only defines payloads, or a new back-end, depends on nothing else.
//!
//! Start with [`Task`] (what users define), [`Message`] (what a back-end stores), [`Broker`] (what a
//! back-end does) and [`decide`] (the only code that knows the retry rules).

mod backend;
mod broker;
mod clock;
mod error;
mod groups;
mod info;
mod inspect;
mod lease;
mod message;
mod options;
mod outbox;
mod outcome;
mod policy;
mod presence;
mod publish;
mod queue;
mod request;
mod schedules;
mod state;
pub mod stored;
mod task;
mod upkeep;

pub use backend::Backend;
pub use broker::{Broker, Enqueue, Leased, Placement, Refusal, Settlement};
pub use broker::{LeaseGrant, LeaseLost, Quota, Wake, Wakes};
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{BoxError, Error, Result};
pub use groups::{AggregateRefusal, Batch, BatchKey, Gathered, GroupInfo, GroupName, GroupRules, Groups};
pub use info::{DayCount, QueueInfo, StateCounts, TaskInfo};
pub use inspect::{Action, Inspect, InspectExt, Operation, Page, Removal, Selection};
pub use lease::{Lease, LeaseToken};
pub use message::Message;
pub use options::Options;
pub use outbox::{
    Backlog, Claim, Kept, KeptRow, Observed, Outbox, OutboxRow, Postponed, RowInfo, RowKey, RowOperation,
    RowState, Rows, Sight, Watch,
};
pub use outcome::{Failure, FailureKind, OrphanCause, Outcome, RequeueCause, Verdict, decide, decide_orphan};
pub use policy::{AsynqBackoff, Exponential, Fixed, RetryPolicy};
pub use presence::{
    Cancellation, Cancellations, Presence, RunningTask, SchedulerId, WorkerId, WorkerInfo, WorkerStatus,
};
pub use publish::{MARKER_LIFE, Published, Publisher};
pub use queue::{QueueName, QueueOrder, QueueSet};
pub use request::{BoxFuture, EnqueueRequest, EnqueueSink, Enqueued};
pub use schedules::{ENQUEUE_EVENTS_LIFE, EnqueueEvent, MAX_ENQUEUE_EVENTS, ScheduleEntry, Schedules};
pub use state::State;
pub use task::{NewTask, RawTask, Task, TaskId, TaskType};
pub use upkeep::{ArchiveLimits, Forwarded, Orphan, Upkeep};
