//! An outbox in memory, that fails as told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aftercommit::{Backlog, Clock, Error, NewTask, Options, Outbox, RawTask, Result, TaskType, Timestamp};
use aftercommit_core::{Claim, Enqueue, OutboxRow, Postponed, RowKey, Wakes};
use aftercommit_testing::TokioClock;
use async_trait::async_trait;
use tokio::sync::watch;

/// The calls of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OutboxCall {
    Claim,
    Mark,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Refused,
    /// It never answers.
    Hangs,
    Panics,
}

#[derive(Debug)]
pub(crate) struct FakeOutbox {
    clock: Arc<TokioClock>,
    state: Mutex<State>,
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<i64, Row>,
    next: i64,
    wrong: BTreeMap<OutboxCall, Vec<Wrong>>,
    calls: BTreeMap<OutboxCall, usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) task: Enqueue,
    pub(crate) attempts: u32,
    pub(crate) error: Option<String>,
    pub(crate) buried: bool,
    enqueued_at: Timestamp,
    epoch: u64,
    due: Timestamp,
}

impl FakeOutbox {
    pub(crate) fn new(clock: Arc<TokioClock>) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default(), news: watch::Sender::new(0) })
    }

    /// As a committed transaction: the rows are there from now on. Ids are given, so that tests know them.
    pub(crate) fn commit(&self, ids: impl IntoIterator<Item = (String, String)>) {
        self.commit_with(ids, &Options::new());
    }

    pub(crate) fn commit_with(&self, ids: impl IntoIterator<Item = (String, String)>, options: &Options) {
        let now = self.clock.now();
        let mut state = self.state();
        for (id, payload) in ids {
            let task = RawTask { task_type: TaskType::new("note:take").unwrap(), payload: payload.into() };
            let task = NewTask::from(task).with(Options::new().id(id));
            let task = task.resolve(options, now).unwrap();
            let row =
                Row { task, attempts: 0, error: None, buried: false, enqueued_at: now, epoch: 0, due: now };
            state.next += 1;
            let seq = state.next;
            state.rows.insert(seq, row);
        }
        drop(state);
        self.news.send_modify(|news| *news += 1);
    }

    pub(crate) fn goes_wrong(&self, call: OutboxCall, how: Wrong, times: usize) {
        self.state().wrong.entry(call).or_default().extend(std::iter::repeat_n(how, times));
    }

    pub(crate) fn calls(&self, call: OutboxCall) -> usize {
        self.state().calls.get(&call).copied().unwrap_or(0)
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        self.state().rows.values().cloned().collect()
    }

    /// Waits, in virtual time, until the rows are as wanted.
    pub(crate) async fn reaches(&self, what: &str, wanted: impl Fn(&[Row]) -> bool) {
        for _ in 0..400_000 {
            if wanted(&self.rows()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never {what}: {} rows", self.rows().len());
    }

    pub(crate) async fn is_empty(&self) {
        self.reaches("empty", <[Row]>::is_empty).await;
    }

    async fn call(&self, call: OutboxCall) -> Result<()> {
        let wrong = {
            let mut state = self.state();
            *state.calls.entry(call).or_default() += 1;
            let wrong = state.wrong.entry(call).or_default();
            if wrong.is_empty() { None } else { Some(wrong.remove(0)) }
        };
        match wrong {
            None => Ok(()),
            Some(Wrong::Refused) => Err(Error::unavailable("use the outbox", "database is locked")),
            Some(Wrong::Hangs) => std::future::pending().await,
            Some(Wrong::Panics) => panic!("as told"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[async_trait]
impl Outbox for FakeOutbox {
    async fn claim(&self, limit: usize, duration: Duration) -> Result<Claim> {
        self.call(OutboxCall::Claim).await?;
        let now = self.clock.now();
        let mut state = self.state();
        let mut rows = Vec::new();
        for (seq, row) in state.rows.iter_mut().filter(|(_, row)| !row.buried && row.due <= now).take(limit) {
            row.epoch += 1;
            row.due = now.plus(duration);
            let key = RowKey { seq: *seq, epoch: row.epoch };
            let (attempts, enqueued_at, task) = (row.attempts, row.enqueued_at, row.task.clone());
            rows.push(OutboxRow { key, attempts, enqueued_at, task });
        }
        let next_at = state.rows.values().filter(|row| !row.buried).map(|row| row.due).min();
        Ok(Claim { rows, next_at })
    }

    async fn mark(&self, rows: &[RowKey]) -> Result<()> {
        self.call(OutboxCall::Mark).await?;
        let mut state = self.state();
        for key in rows {
            state.rows.remove(&key.seq);
        }
        Ok(())
    }

    async fn postpone(&self, rows: &[Postponed]) -> Result<()> {
        let mut state = self.state();
        for postponed in rows {
            if let Some(row) =
                state.rows.get_mut(&postponed.key.seq).filter(|row| row.epoch == postponed.key.epoch)
            {
                row.attempts += 1;
                row.due = postponed.until;
                row.error = Some(postponed.error.clone());
            }
        }
        Ok(())
    }

    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()> {
        let mut state = self.state();
        for (key, reason) in rows {
            if let Some(row) = state.rows.get_mut(&key.seq).filter(|row| row.epoch == key.epoch) {
                row.buried = true;
                row.error = Some(reason.clone());
            }
        }
        Ok(())
    }

    fn wakes(&self) -> Wakes {
        let news = self.news.subscribe();
        Box::pin(futures_util::stream::unfold(news, |mut news| async move {
            news.changed().await.ok().map(|()| ((), news))
        }))
    }

    async fn backlog(&self) -> Result<Backlog> {
        let state = self.state();
        let waiting = state.rows.values().filter(|row| !row.buried);
        Ok(Backlog {
            waiting: waiting.clone().count() as u64,
            oldest_at: waiting.map(|row| row.enqueued_at).min(),
            buried: state.rows.values().filter(|row| row.buried).count() as u64,
        })
    }
}
