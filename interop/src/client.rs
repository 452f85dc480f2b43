//! asynq's Client.

use serde::Serialize;

use crate::reply::{Error, Fault, Reply};
use crate::{GoProcess, Program, Redis, Task, TaskInfo};

/// A running `interop-go client`.
#[derive(Debug)]
pub struct GoClient {
    process: GoProcess,
}

#[derive(Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Request<'a> {
    Enqueue { task: &'a Task },
    EnqueueMany { tasks: &'a [Task] },
    Ping,
}

impl GoClient {
    /// Starts it.
    pub async fn start(redis: &Redis) -> anyhow::Result<Self> {
        let args = redis.args_for("client");
        Ok(Self { process: GoProcess::start(Program::Go, &args).await? })
    }

    /// Enqueues a task.
    pub async fn enqueue(&mut self, task: &Task) -> Result<TaskInfo, Error> {
        self.process.ask(&Request::Enqueue { task }).await
    }

    /// Enqueues tasks one after the other, and says of each what came of it.
    pub async fn enqueue_many(&mut self, tasks: &[Task]) -> Result<Vec<Result<TaskInfo, Fault>>, Error> {
        let replies: Vec<Reply<TaskInfo>> = self.process.ask(&Request::EnqueueMany { tasks }).await?;
        Ok(replies.into_iter().map(Reply::into_result).collect())
    }

    /// Asks Redis whether it is there.
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.process.ask(&Request::Ping).await
    }
}
