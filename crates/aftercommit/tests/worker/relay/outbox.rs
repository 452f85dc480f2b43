//! An outbox in memory, that fails as told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercommit::{
    Backlog, Error, Kept, NewTask, Observed, Options, Outbox, Page, RawTask, Result, RowInfo, RowOperation,
    RowState, Rows, TaskType, Watch,
};
use aftercommit_core::{Claim, Enqueue, Postponed, RowKey, Wakes};
use aftercommit_testing::{MemoryOutbox, TokioClock};
use async_trait::async_trait;

/// The calls of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OutboxCall {
    Claim,
    Mark,
    Keep,
    Watch,
    Observe,
    PublishAgain,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Refused,
    /// It never answers.
    Hangs,
    Panics,
    /// It is done, but only after so long.
    Late(Duration),
}

#[derive(Debug)]
pub(crate) struct FakeOutbox {
    inner: MemoryOutbox,
    wrong: Mutex<BTreeMap<OutboxCall, Vec<Wrong>>>,
    calls: Mutex<BTreeMap<OutboxCall, usize>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) task: Enqueue,
    pub(crate) state: RowState,
    pub(crate) attempts: u32,
    pub(crate) losses: u32,
    pub(crate) error: Option<String>,
    pub(crate) buried: bool,
}

impl FakeOutbox {
    pub(crate) fn new(clock: Arc<TokioClock>) -> Arc<Self> {
        Arc::new(Self { inner: MemoryOutbox::new(clock), wrong: Mutex::default(), calls: Mutex::default() })
    }

    /// As a committed transaction: the rows are there from now on. Ids are given, so that tests know them.
    pub(crate) fn commit(&self, ids: impl IntoIterator<Item = (String, String)>) {
        self.commit_with(ids, &Options::new());
    }

    pub(crate) fn commit_with(&self, ids: impl IntoIterator<Item = (String, String)>, options: &Options) {
        let task = |(id, payload): (String, String)| {
            let task = RawTask { task_type: TaskType::new("note:take").unwrap(), payload: payload.into() };
            NewTask::from(task).with(options.clone()).with(Options::new().id(id))
        };
        for answer in self.inner.commit(ids.into_iter().map(task).collect()) {
            answer.unwrap();
        }
    }

    pub(crate) fn goes_wrong(&self, call: OutboxCall, how: Wrong, times: usize) {
        self.wrong.lock().unwrap().entry(call).or_default().extend(std::iter::repeat_n(how, times));
    }

    pub(crate) fn calls(&self, call: OutboxCall) -> usize {
        self.calls.lock().unwrap().get(&call).copied().unwrap_or(0)
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let row = |(info, task): (RowInfo, Enqueue)| Row {
            task,
            buried: info.state == RowState::Buried,
            state: info.state,
            attempts: info.attempts,
            losses: info.losses,
            error: info.error,
        };
        self.inner.rows().into_iter().map(row).collect()
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&self) {
        self.wrong.lock().unwrap().clear();
    }

    /// Waits, in virtual time, until the rows are as wanted.
    pub(crate) async fn reaches(&self, what: &str, wanted: impl Fn(&[Row]) -> bool) {
        self.reaches_in_steps(Duration::from_millis(5), what, wanted).await;
    }

    /// The same for what takes hours.
    pub(crate) async fn reaches_in_steps(&self, step: Duration, what: &str, wanted: impl Fn(&[Row]) -> bool) {
        for _ in 0..400_000 {
            if wanted(&self.rows()) {
                return;
            }
            tokio::time::sleep(step).await;
        }
        panic!("never {what}: {} rows", self.rows().len());
    }

    pub(crate) async fn is_empty(&self) {
        self.reaches("empty", <[Row]>::is_empty).await;
    }

    async fn call(&self, call: OutboxCall) -> Result<()> {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
        let wrong = {
            let mut wrong = self.wrong.lock().unwrap();
            let wrong = wrong.entry(call).or_default();
            if wrong.is_empty() { None } else { Some(wrong.remove(0)) }
        };
        match wrong {
            None => Ok(()),
            Some(Wrong::Refused) => Err(Error::unavailable("use the outbox", "database is locked")),
            Some(Wrong::Hangs) => std::future::pending().await,
            Some(Wrong::Panics) => panic!("as told"),
            Some(Wrong::Late(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Outbox for FakeOutbox {
    async fn claim(&self, limit: usize, duration: Duration) -> Result<Claim> {
        self.call(OutboxCall::Claim).await?;
        self.inner.claim(limit, duration).await
    }

    async fn mark(&self, rows: &[RowKey]) -> Result<()> {
        self.call(OutboxCall::Mark).await?;
        self.inner.mark(rows).await
    }

    async fn keep(&self, rows: &[Kept]) -> Result<()> {
        self.call(OutboxCall::Keep).await?;
        self.inner.keep(rows).await
    }

    async fn watch(&self, limit: usize, duration: Duration) -> Result<Watch> {
        self.call(OutboxCall::Watch).await?;
        self.inner.watch(limit, duration).await
    }

    async fn observe(&self, rows: &[Observed]) -> Result<()> {
        self.call(OutboxCall::Observe).await?;
        self.inner.observe(rows).await
    }

    async fn publish_again(&self, rows: &[RowKey]) -> Result<()> {
        self.call(OutboxCall::PublishAgain).await?;
        self.inner.publish_again(rows).await
    }

    async fn postpone(&self, rows: &[Postponed]) -> Result<()> {
        self.inner.postpone(rows).await
    }

    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()> {
        self.inner.bury(rows).await
    }

    async fn list(&self, state: RowState, page: Page) -> Result<Vec<RowInfo>> {
        self.inner.list(state, page).await
    }

    async fn operate(&self, rows: &Rows, operation: RowOperation, limit: usize) -> Result<usize> {
        self.inner.operate(rows, operation, limit).await
    }

    fn wakes(&self) -> Wakes {
        self.inner.wakes()
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.inner.backlog().await
    }
}
