//! The bank's background tasks.

use crate::store::Tx;
use async_trait::async_trait;
use std::error::Error;
use std::fmt;

/// Puts tasks into the queue, in the transaction of whoever asks for them: a task exists if and only
/// if that transaction commits.
#[async_trait]
pub trait DistributeTasks: fmt::Debug + Send + Sync {
    /// Asks for the mail that lets this user prove the address. The user may have been inserted in the
    /// same transaction.
    ///
    /// # Errors
    /// The task is not in the transaction; the caller rolls back.
    async fn distribute_send_verify_email(
        &self,
        tx: &mut Tx,
        username: &str,
    ) -> Result<Enqueued, Box<dyn Error + Send + Sync>>;
}

/// What there is to say about a task once the transaction that enqueued it has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "log it after the commit"]
pub struct Enqueued {
    /// The type of the task.
    pub task_type: &'static str,
    /// The payload as text, if payloads are to be logged.
    pub payload: Option<String>,
    /// The queue it waits in.
    pub queue: String,
    /// How often it is retried.
    pub max_retry: u32,
}

impl Enqueued {
    /// Logs the task. Call it after the commit: before that, there is no task.
    pub fn log(&self) {
        tracing::info!(
            r#type = self.task_type,
            payload = self.payload.as_deref(),
            queue = self.queue,
            max_retry = self.max_retry,
            "enqueued task"
        );
    }
}
