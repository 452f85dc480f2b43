//! What a worker says about itself, as it is stored: JSON, so that other versions can read most of it.

use serde::{Deserialize, Serialize};

use crate::{
    BoxError, QueueName, QueueOrder, RunningTask, TaskId, TaskType, Timestamp, WorkerId, WorkerInfo,
    WorkerStatus,
};

/// A worker without its id, which has a column of its own.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredWorker {
    host: String,
    pid: u32,
    started_at: i64,
    concurrency: usize,
    queues: Vec<(String, u32)>,
    strict: bool,
    quiet: bool,
    running: Vec<StoredTask>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredTask {
    queue: String,
    id: String,
    task_type: String,
    started_at: i64,
    deadline: i64,
}

impl StoredWorker {
    /// What a worker said.
    pub fn of(worker: &WorkerInfo) -> Self {
        Self {
            host: worker.host.clone(),
            pid: worker.pid,
            started_at: worker.started_at.as_millis(),
            concurrency: worker.concurrency,
            queues: worker.queues.iter().map(|(name, weight)| (name.to_string(), *weight)).collect(),
            strict: worker.order == QueueOrder::Strict,
            quiet: worker.status == WorkerStatus::Quiet,
            running: worker.running.iter().map(StoredTask::of).collect(),
        }
    }

    /// What it said, read back.
    ///
    /// # Errors
    /// For what no worker says.
    pub fn read(self, id: WorkerId) -> Result<WorkerInfo, BoxError> {
        let queue = |(name, weight): (String, u32)| Ok((QueueName::new(name)?, weight));
        Ok(WorkerInfo {
            id,
            host: self.host,
            pid: self.pid,
            started_at: Timestamp::from_millis(self.started_at),
            concurrency: self.concurrency,
            queues: self.queues.into_iter().map(queue).collect::<Result<_, BoxError>>()?,
            order: if self.strict { QueueOrder::Strict } else { QueueOrder::Weighted },
            status: if self.quiet { WorkerStatus::Quiet } else { WorkerStatus::Active },
            running: self.running.into_iter().map(StoredTask::read).collect::<Result<_, BoxError>>()?,
        })
    }
}

impl StoredTask {
    fn of(task: &RunningTask) -> Self {
        Self {
            queue: task.queue.to_string(),
            id: task.id.to_string(),
            task_type: task.task_type.to_string(),
            started_at: task.started_at.as_millis(),
            deadline: task.deadline.as_millis(),
        }
    }

    fn read(self) -> Result<RunningTask, BoxError> {
        Ok(RunningTask {
            queue: QueueName::new(self.queue)?,
            id: TaskId::new(self.id)?,
            task_type: TaskType::new(self.task_type)?,
            started_at: Timestamp::from_millis(self.started_at),
            deadline: Timestamp::from_millis(self.deadline),
        })
    }
}
