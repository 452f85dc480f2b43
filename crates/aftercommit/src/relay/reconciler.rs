//! Looks at the tasks of kept rows: closes the rows of those that have ended, and has those published again that the
//! back-end has lost.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{KeptRow, Observed, QueueName, Result, RowKey, State, TaskId, Watch};
use tokio::time::Instant;

use super::Shared;
use super::builder::publisher;
use super::monitor::Count;
use super::retain::RetainUntilDone;
use super::sight::{Finding, judge, may_have_ended, overdue};
use crate::frame::{DueIn, Next, StoreHealth, Tick};
use crate::telemetry;

/// How many rows are looked at in one round trip.
const BATCH: usize = 500;
/// How long rows are held for a look: after this another relay, or the next round, takes them.
const HOLD: Duration = Duration::from_secs(10);
/// How often tasks that do not end are mentioned.
const REMIND: Duration = Duration::from_secs(3_600);

/// It runs in every relay: rows that were kept before must not be forgotten when the setting is taken back.
pub(super) struct Reconciler {
    shared: Arc<Shared>,
    backend: Arc<StoreHealth>,
    rules: RetainUntilDone,
    due: DueIn,
    reminded: Option<Instant>,
}

impl Tick for Reconciler {
    const DOING: &'static str = "looked after published tasks";

    async fn tick(&mut self) -> Result<Next> {
        let Watch { rows, next_at } = self.shared.outbox.watch(BATCH, HOLD).await?;
        if !rows.is_empty() {
            let Some(states) = self.look(&rows).await else { return Ok(Next::Interval) };
            self.write_down(&rows, &states).await?;
        }
        let now = self.shared.clock.now();
        Ok(match next_at {
            _ if rows.len() >= BATCH => Next::Again,
            None => Next::Interval,
            Some(due) if rows.is_empty() => Next::Within(self.due.after_nothing(due, now)),
            Some(due) => Next::Within(self.due.after_some(due, now)),
        })
    }
}

impl Reconciler {
    pub(super) fn new(shared: Arc<Shared>, backend: Arc<StoreHealth>) -> Self {
        let rules = shared.retain.clone().unwrap_or_default();
        Self { shared, backend, rules, due: DueIn::new(), reminded: None }
    }

    /// The states of their tasks. If the back-end does not tell, the rows are looked at again when their hold ends: one
    /// that cannot be asked has lost nothing.
    async fn look(&self, rows: &[KeptRow]) -> Option<Vec<Option<State>>> {
        let tasks: Vec<_> = rows.iter().map(task).collect();
        let looked = async {
            let look = publisher(self.shared.backend.as_ref())?.look(&tasks);
            tokio::time::timeout(HOLD, look).await.unwrap_or_else(|_| {
                Err(aftercommit_core::Error::unavailable("look at published tasks", "no answer came in time"))
            })
        };
        let states = looked.await;
        self.backend.note("looked at published tasks", &states);
        states.ok()
    }

    async fn write_down(&mut self, rows: &[KeptRow], states: &[Option<State>]) -> Result<()> {
        let now = self.shared.clock.now();
        let (mut ended, mut observed, mut lost, mut vanished) = (vec![], vec![], vec![], vec![]);
        for (row, state) in rows.iter().zip(states) {
            match judge(row, *state, &self.rules, now) {
                Finding::Ended => ended.push(row.key),
                Finding::Watched(sight, look_at) => observed.push(Observed { key: row.key, sight, look_at }),
                Finding::Lost => lost.push(row),
                Finding::Vanishes => vanished.push(row),
            }
        }
        let monitor = &self.shared.monitor;
        if !ended.is_empty() {
            self.shared.outbox.mark(&ended).await?;
            monitor.add(Count::Ended, ended.len());
        }
        if !observed.is_empty() {
            self.shared.outbox.observe(&observed).await?;
        }
        self.publish_again(&lost).await?;
        self.give_up(&vanished).await?;
        self.remind(rows, states);
        Ok(())
    }

    /// The marker goes first: a relay that died may have left one, and it would keep the task from being stored.
    async fn publish_again(&self, lost: &[&KeptRow]) -> Result<()> {
        if lost.is_empty() {
            return Ok(());
        }
        let tasks: Vec<_> = lost.iter().map(|row| task(row)).collect();
        let forgotten = match publisher(self.shared.backend.as_ref()) {
            Ok(publisher) => publisher.forget(&tasks).await,
            Err(error) => Err(error),
        };
        self.backend.note("dropped markers", &forgotten);
        if forgotten.is_err() {
            return Ok(());
        }
        let keys: Vec<RowKey> = lost.iter().map(|row| row.key).collect();
        self.shared.outbox.publish_again(&keys).await?;
        let now = self.shared.clock.now();
        let mut unseen = 0;
        for row in lost {
            if may_have_ended(row, now) {
                unseen += 1;
                telemetry::task_lost_unseen(&row.queue, &row.id);
            } else {
                telemetry::task_lost(&row.queue, &row.id);
            }
        }
        self.shared.monitor.add(Count::Lost, lost.len());
        self.shared.monitor.add(Count::Unseen, unseen);
        telemetry::tasks_lost(lost.len(), unseen);
        Ok(())
    }

    async fn give_up(&self, vanished: &[&KeptRow]) -> Result<()> {
        if vanished.is_empty() {
            return Ok(());
        }
        let reason = |row: &KeptRow| format!("it was published and vanished {} times", row.losses + 1);
        let rows: Vec<_> = vanished.iter().map(|row| (row.key, reason(row))).collect();
        self.shared.outbox.bury(&rows).await?;
        self.shared.monitor.add(Count::Buried, rows.len());
        for row in vanished {
            telemetry::task_vanishes(&row.queue, &row.id, row.losses + 1);
        }
        Ok(())
    }

    /// Says now and then that there are tasks which do not end.
    fn remind(&mut self, rows: &[KeptRow], states: &[Option<State>]) {
        let now = self.shared.clock.now();
        let is_there = |state: &Option<State>| state.is_some_and(|state| !state.is_terminal());
        let overdue = rows
            .iter()
            .zip(states)
            .filter(|(_, state)| is_there(state))
            .map(|(row, _)| (overdue(row, now), row))
            .filter(|(since, _)| *since >= self.rules.overdue_after);
        let (mut count, mut oldest) = (0, None);
        for (since, row) in overdue {
            count += 1;
            oldest = oldest.filter(|(most, _)| *most >= since).or(Some((since, row)));
        }
        self.shared.monitor.add(Count::Overdue, count);
        let said_lately = self.reminded.is_some_and(|at| at.elapsed() < REMIND);
        if let Some((since, row)) = oldest
            && !said_lately
        {
            self.reminded = Some(Instant::now());
            telemetry::tasks_overdue(count, &row.queue, &row.id, since);
        }
    }
}

fn task(row: &KeptRow) -> (QueueName, TaskId) {
    (row.queue.clone(), row.id.clone())
}
