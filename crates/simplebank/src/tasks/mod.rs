//! The bank's background tasks: who asks for them (the distributor), how they get to a worker (the delivery, with
//! Redis the relay), what they are (one file per task), and who runs them (the processor).

mod background;
mod delivery;
mod distributor;
mod processor;
mod relay;
pub mod send_verify_email;
mod watched_outbox;

pub use delivery::{Delivery, Moment};
pub use distributor::{DirectTask, DistributeTasks, Enqueued, Progress, TaskDistributor, WritesTo};
pub use processor::{TaskProcessor, start_task_processor};
pub use relay::{TaskRelay, look_at_redis, start_task_relay};
