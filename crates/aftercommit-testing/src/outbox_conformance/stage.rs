//! The stage a case plays on: one outbox, its clock, and short ways to act and to look.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Backlog, Claim, Clock, Enqueued, Kept, KeptRow, NewTask, Options, Outbox, OutboxRow, Page, Postponed,
    QueueName, RawTask, Result, RowInfo, RowKey, RowState, TaskId, TaskType, Timestamp, Watch,
};

use super::fixture::OutboxFixture;

/// How long the suite holds what it claims.
pub(super) const HOLD: Duration = Duration::from_secs(30);
/// A little more than that.
pub(super) const LATER: Duration = Duration::from_secs(31);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// An outbox on which one case is played. A call that fails ends the case.
#[derive(Debug)]
pub struct OutboxStage {
    fixture: OutboxFixture,
}

impl OutboxStage {
    pub(super) const fn new(fixture: OutboxFixture) -> Self {
        Self { fixture }
    }

    pub(super) fn outbox(&self) -> &dyn Outbox {
        &*self.fixture.outbox
    }

    /// The same outbox, as another process has it.
    pub(super) async fn other_process(&self) -> Arc<dyn Outbox> {
        (self.fixture.reopen)().await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.fixture.clock.now()
    }

    pub(super) fn after(&self, delay: Duration) -> Timestamp {
        self.now().plus(delay)
    }

    pub(super) fn pass(&self, duration: Duration) {
        self.fixture.clock.advance(duration);
    }

    // --- acting

    pub(super) async fn commit(&self, tasks: Vec<NewTask>) -> Vec<Result<Enqueued>> {
        let count = tasks.len();
        let answers = (self.fixture.commit)(tasks).await;
        assert_eq!(answers.len(), count, "an answer for each task");
        answers
    }

    /// Commits plain tasks with these ids.
    pub(super) async fn add<T: AsRef<str>>(&self, ids: impl IntoIterator<Item = T>) {
        for answer in self.commit(ids.into_iter().map(|id| new(id.as_ref())).collect()).await {
            answer.expect("it is stored");
        }
    }

    pub(super) async fn claim(&self, limit: usize) -> Claim {
        self.outbox().claim(limit, HOLD).await.expect("claim")
    }

    /// Claims one row, which must be there.
    pub(super) async fn claim_one(&self) -> OutboxRow {
        self.claim(1).await.rows.pop().expect("a row to claim")
    }

    pub(super) async fn mark(&self, rows: &[RowKey]) {
        self.outbox().mark(rows).await.expect("mark");
    }

    pub(super) async fn postpone(&self, key: RowKey, until: Timestamp) {
        let later = Postponed { key, until, error: "it's \"down\"".into() };
        self.outbox().postpone(&[later]).await.expect("postpone");
    }

    pub(super) async fn bury(&self, key: RowKey, reason: &str) {
        self.outbox().bury(&[(key, reason.into())]).await.expect("bury");
    }

    /// Keeps a row as published now, for a look in a second.
    pub(super) async fn keep(&self, key: RowKey) {
        let kept = Kept { key, seen_at: self.now(), look_at: self.after(SECOND) };
        self.outbox().keep(&[kept]).await.expect("keep");
    }

    pub(super) async fn watch(&self, limit: usize) -> Watch {
        self.outbox().watch(limit, HOLD).await.expect("watch")
    }

    /// Takes one kept row for a look, which must be due.
    pub(super) async fn watch_one(&self) -> KeptRow {
        self.watch(1).await.rows.pop().expect("a row to look at")
    }

    // --- looking

    pub(super) async fn backlog(&self) -> Backlog {
        self.outbox().backlog().await.expect("backlog")
    }

    pub(super) async fn list(&self, state: RowState) -> Vec<RowInfo> {
        self.outbox().list(state, Page::first(1_000)).await.expect("list")
    }

    /// The ids of all rows in a state.
    pub(super) async fn listed(&self, state: RowState) -> Vec<String> {
        self.list(state).await.into_iter().map(|row| row.id).collect()
    }
}

pub(super) fn raw() -> RawTask {
    RawTask { task_type: TaskType::new("test:raw").expect("a valid type"), payload: "{}".into() }
}

pub(super) fn new(id: &str) -> NewTask {
    NewTask::from(raw()).with(Options::new().id(id))
}

pub(super) fn of_task(id: &str) -> (QueueName, TaskId) {
    (QueueName::default(), TaskId::new(id).expect("a valid id"))
}

/// The ids of claimed rows.
pub(super) fn ids(claim: &Claim) -> Vec<&str> {
    claim.rows.iter().map(|row| row.task.message.id.as_str()).collect()
}

pub(super) fn keys(claim: &Claim) -> Vec<RowKey> {
    claim.rows.iter().map(|row| row.key).collect()
}
