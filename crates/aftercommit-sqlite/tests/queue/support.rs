//! What the tests of this crate share.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Enqueue, LeaseGrant, Leased, NewTask, Options, Outcome, QueueName, Quota, RawTask,
    Settlement, Task, TaskId, TaskType, WorkerId,
};
use aftercommit_sqlite::SqliteQueue;
use aftercommit_testing::ManualClock;
use serde::{Deserialize, Serialize};

/// A queue in a directory of its own, with a clock to turn.
pub(crate) struct Stage {
    pub(crate) queue: SqliteQueue,
    pub(crate) clock: ManualClock,
    pub(crate) dir: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().expect("a directory"), ManualClock::new());
        let queue = open(&dir, &clock).await;
        queue.migrate().await.expect("the tables are created");
        Self { queue, clock, dir }
    }

    /// The same file through connections of their own, as another process has it.
    pub(crate) async fn other_process(&self) -> SqliteQueue {
        open(&self.dir, &self.clock).await
    }

    /// Takes tasks of the default queue.
    pub(crate) async fn take(&self, count: usize) -> Vec<Leased> {
        take(&self.queue, count).await
    }

    /// Settles tasks, all of them in the same way and with success.
    pub(crate) async fn settle(&self, leased: Vec<Leased>, outcome: &Outcome) {
        let settlement = |leased| Settlement { leased: Arc::new(leased), outcome: outcome.clone() };
        let batch: Vec<Settlement> = leased.into_iter().map(settlement).collect();
        assert_eq!(self.queue.settle(&batch).await.expect("settle"), vec![Ok(()); batch.len()]);
    }

    /// A plain task as the broker takes it.
    pub(crate) fn task(&self, id: &str) -> Enqueue {
        let new = NewTask::from(raw()).with(Options::new().id(id));
        new.resolve(&Options::new(), self.clock.now()).expect("the options are valid")
    }
}

async fn open(dir: &tempfile::TempDir, clock: &ManualClock) -> SqliteQueue {
    let queue = SqliteQueue::open(dir.path().join("queue.db")).await.expect("the file opens");
    queue.with_clock(Arc::new(clock.clone()))
}

pub(crate) async fn take(queue: &SqliteQueue, count: usize) -> Vec<Leased> {
    let quotas = [Quota { queue: QueueName::default(), count }];
    queue.dequeue(&quotas, &grant("h:1:w")).await.expect("dequeue")
}

pub(crate) fn grant(worker: &str) -> LeaseGrant {
    LeaseGrant { worker: WorkerId::from_stored(worker), duration: Duration::from_secs(30) }
}

pub(crate) fn raw() -> RawTask {
    RawTask { task_type: TaskType::new("test:raw").expect("a valid type"), payload: "{}".into() }
}

pub(crate) fn id(id: &str) -> TaskId {
    TaskId::new(id).expect("a valid id")
}

/// A typed task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SendMail {
    pub(crate) to: String,
}

impl Task for SendMail {
    const TYPE: &'static str = "mail:send";

    fn options() -> Options {
        Options::new().max_retry(7)
    }
}

pub(crate) fn mail() -> SendMail {
    SendMail { to: "alice".into() }
}
