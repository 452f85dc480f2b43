//! An outbox that keeps everything in memory: the executable specification of that contract.

mod row;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aftercommit_core::{
    Backlog, Claim, Clock, Enqueue, Enqueued, Kept, NewTask, Observed, Options, Outbox, OutboxRow, Page,
    Postponed, Refusal, Result, RowInfo, RowKey, RowOperation, RowState, Rows, Sight, Timestamp, Wakes,
    Watch,
};
use async_trait::async_trait;
use tokio::sync::watch;

use row::{Place, Row};

/// How many bytes of payloads a claim takes at most, if it has more than one row.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// An outbox without a store, for tests.
#[derive(Debug)]
pub struct MemoryOutbox {
    clock: Arc<dyn Clock>,
    rows: Mutex<BTreeMap<i64, Row>>,
    /// The number of the last row.
    last: Mutex<i64>,
    news: watch::Sender<u64>,
}

impl MemoryOutbox {
    /// An empty outbox that takes its time from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, rows: Mutex::default(), last: Mutex::default(), news: watch::Sender::new(0) }
    }

    /// As a committed transaction that enqueued these tasks; answers for each.
    pub fn commit(&self, tasks: Vec<NewTask>) -> Vec<Result<Enqueued>> {
        let now = self.clock.now();
        let answers = tasks
            .into_iter()
            .map(|task| {
                let task = task.resolve(&Options::new(), now)?;
                let enqueued = Enqueued::from(&task);
                self.store(task, now)?;
                Ok(enqueued)
            })
            .collect();
        self.wake();
        answers
    }

    /// Every row, with its task, in the order in which they were enqueued.
    pub fn rows(&self) -> Vec<(RowInfo, Enqueue)> {
        self.all().iter().map(|(seq, row)| (row.info(*seq), row.task.clone())).collect()
    }

    fn store(&self, task: Enqueue, now: Timestamp) -> Result<()> {
        let mut rows = self.all();
        let key = (&task.message.queue, &task.message.id);
        if rows.values().any(|row| (&row.task.message.queue, &row.task.message.id) == key) {
            return Err(Refusal::IdConflict.into_error(&task.message));
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        rows.insert(*last, Row::new(task, now));
        Ok(())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<i64, Row>> {
        // Every change is made in one step.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.news.send_modify(|news| *news += 1);
    }
}

/// The row of a key, if it is still in the hands of whoever was given that key.
fn held(rows: &mut BTreeMap<i64, Row>, key: RowKey) -> Option<&mut Row> {
    rows.get_mut(&key.seq).filter(|row| row.epoch == key.epoch)
}

#[async_trait]
impl Outbox for MemoryOutbox {
    async fn claim(&self, limit: usize, duration: Duration) -> Result<Claim> {
        let (now, mut rows) = (self.clock.now(), self.all());
        let next_at = rows.values().filter_map(Row::free_at).filter(|at| *at > now).min();
        let (mut claimed, mut bytes, mut is_cut) = (Vec::new(), 0, false);
        let free = rows.iter_mut().filter(|(_, row)| row.free_at().is_some_and(|at| at <= now));
        for (seq, row) in free.take(limit) {
            bytes += row.task.message.payload.len();
            if bytes > MAX_BYTES && !claimed.is_empty() {
                is_cut = true;
                break;
            }
            row.moves_to(Place::Waiting { free_at: now.plus(duration) });
            claimed.push(OutboxRow {
                key: RowKey { seq: *seq, epoch: row.epoch },
                attempts: row.attempts,
                losses: row.losses,
                enqueued_at: row.enqueued_at,
                task: row.task.clone(),
            });
        }
        Ok(Claim { rows: claimed, next_at: if is_cut { Some(now) } else { next_at } })
    }

    async fn mark(&self, rows: &[RowKey]) -> Result<()> {
        let mut all = self.all();
        for key in rows {
            all.remove(&key.seq);
        }
        Ok(())
    }

    async fn keep(&self, rows: &[Kept]) -> Result<()> {
        let (now, mut all) = (self.clock.now(), self.all());
        for kept in rows {
            let Some(row) = all.get_mut(&kept.key.seq) else { continue };
            // What was kept before is kept as it is.
            if let Place::Waiting { .. } = row.place {
                let Kept { seen_at, look_at, .. } = *kept;
                row.moves_to(Place::Kept { published_at: now, seen_at, missing_since: None, look_at });
            }
        }
        Ok(())
    }

    async fn watch(&self, limit: usize, duration: Duration) -> Result<Watch> {
        let (now, mut all) = (self.clock.now(), self.all());
        let next_at = all.values().filter_map(Row::look_at).filter(|at| *at > now).min();
        let mut due: Vec<(Timestamp, i64)> = all
            .iter()
            .filter_map(|(seq, row)| Some((row.look_at().filter(|at| *at <= now)?, *seq)))
            .collect();
        due.sort_unstable();
        let rows = due.iter().take(limit).filter_map(|(_, seq)| {
            let row = all.get_mut(seq)?;
            row.look_again(now.plus(duration), None);
            row.kept(*seq)
        });
        Ok(Watch { rows: rows.collect(), next_at })
    }

    async fn observe(&self, rows: &[Observed]) -> Result<()> {
        let mut all = self.all();
        for Observed { key, sight, look_at } in rows {
            if let Some(row) = held(&mut all, *key) {
                row.look_again(*look_at, Some(*sight));
            }
        }
        Ok(())
    }

    async fn publish_again(&self, rows: &[RowKey]) -> Result<()> {
        let mut all = self.all();
        for key in rows {
            if let Some(row) = held(&mut all, *key).filter(|row| row.look_at().is_some()) {
                row.losses += 1;
                row.moves_to(Place::Waiting { free_at: Timestamp::from_millis(0) });
            }
        }
        drop(all);
        self.wake();
        Ok(())
    }

    async fn postpone(&self, rows: &[Postponed]) -> Result<()> {
        let mut all = self.all();
        for postponed in rows {
            if let Some(row) = held(&mut all, postponed.key).filter(|row| row.free_at().is_some()) {
                row.attempts += 1;
                row.error = Some(postponed.error.clone());
                row.moves_to(Place::Waiting { free_at: postponed.until });
            }
        }
        Ok(())
    }

    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()> {
        let mut all = self.all();
        for (key, reason) in rows {
            if let Some(row) = held(&mut all, *key) {
                row.error = Some(reason.clone());
                row.moves_to(Place::Buried);
            }
        }
        Ok(())
    }

    async fn list(&self, state: RowState, page: Page) -> Result<Vec<RowInfo>> {
        let all = self.all();
        let rows = all.iter().map(|(seq, row)| row.info(*seq)).filter(|row| row.state == state);
        Ok(rows.skip(page.offset).take(page.limit).collect())
    }

    async fn operate(&self, rows: &Rows, operation: RowOperation, limit: usize) -> Result<usize> {
        let mut all = self.all();
        let chosen = |seq: i64, row: &Row| match rows {
            Rows::Buried => row.state() == RowState::Buried,
            Rows::One(one) => *one == seq,
            Rows::OfTask(queue, id) => row.task.message.queue == *queue && row.task.message.id == *id,
        };
        let applies = |row: &Row| operation == RowOperation::Delete || row.state() == RowState::Buried;
        let chosen: Vec<i64> = all
            .iter()
            .filter(|(seq, row)| chosen(**seq, row) && applies(row))
            .map(|(seq, _)| *seq)
            .take(limit)
            .collect();
        for seq in &chosen {
            match (operation, all.get_mut(seq)) {
                (RowOperation::Revive, Some(row)) => row.revive(),
                _ => drop(all.remove(seq)),
            }
        }
        drop(all);
        self.wake();
        Ok(chosen.len())
    }

    fn wakes(&self) -> Wakes {
        let news = self.news.subscribe();
        Box::pin(futures_util::stream::unfold(news, |mut news| async move {
            news.changed().await.ok().map(|()| ((), news))
        }))
    }

    async fn backlog(&self) -> Result<Backlog> {
        let all = self.all();
        let of = |state: RowState| all.values().filter(move |row| row.state() == state);
        Ok(Backlog {
            waiting: of(RowState::Waiting).count() as u64,
            oldest_at: of(RowState::Waiting).map(|row| row.enqueued_at).min(),
            buried: of(RowState::Buried).count() as u64,
            kept: of(RowState::Kept).count() as u64,
        })
    }
}

impl Row {
    /// Writes down a look at a kept row; without a sight it is only held.
    fn look_again(&mut self, next: Timestamp, sight: Option<Sight>) {
        let Place::Kept { published_at, mut seen_at, mut missing_since, .. } = self.place else { return };
        match sight {
            Some(Sight::Seen(at)) => (seen_at, missing_since) = (at, None),
            Some(Sight::Missing(since)) => missing_since = Some(since),
            None => {}
        }
        self.moves_to(Place::Kept { published_at, seen_at, missing_since, look_at: next });
    }
}
