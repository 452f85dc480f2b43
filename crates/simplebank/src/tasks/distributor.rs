//! Asks for background tasks on behalf of a transaction.

use super::delivery::{Delivery, Moment};
use super::send_verify_email::SendVerifyEmail;
use crate::config::{TaskPayloads, Tasks};
use crate::store::Tx;
use aftercommit::{Client, NewTask, Options};
use async_trait::async_trait;
use std::fmt;

/// Asks for tasks on behalf of a transaction. What becomes of a task if that does not commit, or commits late, depends
/// on the delivery; [`Progress`] says which of it the caller has to see to.
#[async_trait]
pub trait DistributeTasks: fmt::Debug + Send + Sync {
    /// Asks for the mail that lets this user prove the address. To be called as the last thing before the commit; the
    /// user may have been inserted in the same transaction.
    ///
    /// # Errors
    /// There is no task; the caller rolls back.
    async fn distribute_send_verify_email(
        &self,
        tx: &mut Tx,
        username: &str,
    ) -> aftercommit::Result<Progress>;

    /// What a task is written to while the transaction is open, and so what is away if that fails for now.
    fn writes_to(&self) -> WritesTo;
}

/// What a task is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WritesTo {
    /// The database of the transaction.
    Database,
    /// A queue elsewhere.
    Queue,
}

/// How far a task has come when its transaction is about to commit.
#[derive(Debug)]
#[must_use = "a task may still have to be enqueued"]
pub enum Progress {
    /// It is a row of the transaction: the commit makes it a task, and nothing else does.
    WithCommit(Enqueued),
    /// It is a task already, whatever becomes of the transaction.
    AtOnce(Enqueued),
    /// It is nowhere yet: whoever commits enqueues it then.
    AfterCommit(Box<DirectTask>),
}

/// What there is to say about a task once it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "log it when it is true"]
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
    fn new(
        task: &SendVerifyEmail,
        enqueued: &aftercommit::Enqueued,
        payloads: TaskPayloads,
    ) -> aftercommit::Result<Self> {
        Ok(Self {
            task_type: <SendVerifyEmail as aftercommit::Task>::TYPE,
            payload: payload_text(&NewTask::of(task)?.task.payload, payloads),
            queue: enqueued.queue.to_string(),
            max_retry: enqueued.max_retry,
        })
    }

    /// Logs the task. Call it when there is one: with a row of a transaction, that is after the commit.
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

/// A task that a request enqueues to Redis by itself.
#[derive(Debug)]
pub struct DirectTask {
    client: Client,
    task: SendVerifyEmail,
    options: Options,
    payloads: TaskPayloads,
}

impl DirectTask {
    /// Enqueues it, within the limits that the configuration sets for Redis.
    ///
    /// # Errors
    /// Redis did not take it, or it is not known whether it did.
    pub async fn enqueue(self) -> aftercommit::Result<Enqueued> {
        let enqueued = self.client.enqueue(&self.task).options(self.options).await?;
        Enqueued::new(&self.task, &enqueued, self.payloads)
    }
}

/// Hands tasks to the delivery, with the options and the discretion of the configuration.
#[derive(Debug, Clone)]
pub struct TaskDistributor {
    delivery: Delivery,
    options: Options,
    payloads: TaskPayloads,
}

impl TaskDistributor {
    /// A distributor for this delivery.
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
    ) -> aftercommit::Result<Progress> {
        let task = SendVerifyEmail { username: username.to_owned() };
        let (options, payloads) = (self.options.clone(), self.payloads);
        let enqueued = match &self.delivery {
            Delivery::Database(queue) => queue.enqueue_in(tx, &task, options).await?,
            Delivery::Outbox { outbox, .. } => outbox.enqueue_in(tx, &task, options).await?,
            Delivery::Direct { moment, client, .. } => {
                let direct = DirectTask { client: client.clone(), task, options, payloads };
                return Ok(match moment {
                    Moment::BeforeCommit => Progress::AtOnce(direct.enqueue().await?),
                    Moment::AfterCommit => Progress::AfterCommit(Box::new(direct)),
                });
            }
        };
        Ok(Progress::WithCommit(Enqueued::new(&task, &enqueued, payloads)?))
    }

    fn writes_to(&self) -> WritesTo {
        match self.delivery {
            Delivery::Database(_) | Delivery::Outbox { .. } => WritesTo::Database,
            Delivery::Direct { .. } => WritesTo::Queue,
        }
    }
}

/// The payload as a log line shows it: if the configuration says so, and at the debug level always.
pub(super) fn payload_text(payload: &[u8], payloads: TaskPayloads) -> Option<String> {
    let shown = payloads == TaskPayloads::Shown || tracing::enabled!(tracing::Level::DEBUG);
    shown.then(|| String::from_utf8_lossy(payload).into_owned())
}
