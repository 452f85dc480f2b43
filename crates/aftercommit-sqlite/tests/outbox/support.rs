//! What the tests of the outbox share.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Claim, NewTask, Options, Outbox, RawTask, Task, TaskType};
use aftercommit_sqlite::SqliteOutbox;
use aftercommit_testing::ManualClock;
use serde::{Deserialize, Serialize};

/// How long the tests hold what they claim.
pub(crate) const HOLD: Duration = Duration::from_secs(30);
/// An outbox in a directory of its own, with a clock to turn.
pub(crate) struct Stage {
    pub(crate) outbox: SqliteOutbox,
    pub(crate) clock: ManualClock,
    pub(crate) dir: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().expect("a directory"), ManualClock::new());
        let outbox = open(&dir, &clock).await;
        outbox.migrate().await.expect("the tables are created");
        Self { outbox, clock, dir }
    }

    /// An outbox with these tasks in it, in their order.
    pub(crate) async fn with(ids: &[&str]) -> Self {
        let stage = Self::new().await;
        stage.add(ids).await;
        stage
    }

    /// Commits these tasks.
    pub(crate) async fn add(&self, ids: &[&str]) {
        let mut tx = self.outbox.begin().await.expect("begin");
        for id in ids {
            self.outbox.enqueue_raw_in(&mut tx, raw()).id(*id).await.expect("enqueue");
        }
        tx.commit().await.expect("commit");
    }

    /// The same file through connections of their own, as another process has it.
    pub(crate) async fn other_process(&self) -> SqliteOutbox {
        open(&self.dir, &self.clock).await
    }

    pub(crate) async fn claim(&self, limit: usize) -> Claim {
        self.outbox.claim(limit, HOLD).await.expect("claim")
    }
}

async fn open(dir: &tempfile::TempDir, clock: &ManualClock) -> SqliteOutbox {
    let outbox = SqliteOutbox::open(dir.path().join("app.db")).await.expect("the file opens");
    outbox.with_clock(Arc::new(clock.clone()))
}

pub(crate) fn raw() -> RawTask {
    RawTask { task_type: TaskType::new("test:raw").expect("a valid type"), payload: "{}".into() }
}

pub(crate) fn new(id: &str) -> NewTask {
    NewTask::from(raw()).with(Options::new().id(id))
}

/// The ids of claimed rows.
pub(crate) fn ids(claim: &Claim) -> Vec<&str> {
    claim.rows.iter().map(|row| row.task.message.id.as_str()).collect()
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
