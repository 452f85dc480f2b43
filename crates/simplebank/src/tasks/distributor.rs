//! Asks for background tasks, in the transaction of whoever needs them.

use super::delivery::Delivery;
use super::send_verify_email::SendVerifyEmail;
use crate::config::{TaskPayloads, Tasks};
use crate::store::Tx;
use aftercommit::{NewTask, Options};
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

/// Writes tasks into the bank's own database, from where the delivery brings them to a worker.
#[derive(Debug, Clone)]
pub struct TaskDistributor {
    delivery: Delivery,
    options: Options,
    payloads: TaskPayloads,
}

impl TaskDistributor {
    /// A distributor for this delivery, with the options and the discretion of the configuration.
    #[must_use]
    pub fn new(delivery: Delivery, tasks: &Tasks, payloads: TaskPayloads) -> Self {
        let options =
            Options::new().queue(tasks.queue.clone()).max_retry(tasks.max_retry).process_in(tasks.process_in);
        Self { delivery, options, payloads }
    }
}

#[async_trait]
impl DistributeTasks for TaskDistributor {
    async fn distribute_send_verify_email(
        &self,
        tx: &mut Tx,
        username: &str,
    ) -> Result<Enqueued, Box<dyn Error + Send + Sync>> {
        let task = SendVerifyEmail { username: username.to_owned() };
        let payload = payload_text(&NewTask::of(&task)?.task.payload, self.payloads);
        let enqueued = self.delivery.enqueue_in(tx, &task, self.options.clone()).await?;
        Ok(Enqueued {
            task_type: <SendVerifyEmail as aftercommit::Task>::TYPE,
            payload,
            queue: enqueued.queue.to_string(),
            max_retry: enqueued.max_retry,
        })
    }
}

/// The payload as a log line shows it: if the configuration says so, and at the debug level always.
pub(super) fn payload_text(payload: &[u8], payloads: TaskPayloads) -> Option<String> {
    let shown = payloads == TaskPayloads::Shown || tracing::enabled!(tracing::Level::DEBUG);
    shown.then(|| String::from_utf8_lossy(payload).into_owned())
}
