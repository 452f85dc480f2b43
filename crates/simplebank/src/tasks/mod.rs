//! The bank's background tasks: who asks for them (the distributor), what they are (one file per task),
//! and who runs them (the processor).

mod distributor;
mod processor;
pub mod send_verify_email;

pub use distributor::{DistributeTasks, Enqueued, TaskDistributor};
pub use processor::{TaskProcessor, start_task_processor};
