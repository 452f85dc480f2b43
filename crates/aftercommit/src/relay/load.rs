//! The rows in a relay's hands, in their order, and what has come of them.

use std::ops::Range;
use std::time::Duration;

use aftercommit_core::{Enqueue, Error, OutboxRow, RowKey, Timestamp};
use tokio::time::Instant;

use super::retain::{RetainUntilDone, WATCHED_RETENTION, keeps};

/// How often a task that goes alone may meet with a passing fault before others get their turn.
const PATIENCE: u32 = 3;
/// The last part of a claim, in which no publishing begins any more: at its end another relay may publish.
const MARGIN: u32 = 10;

/// What is to be said to the outbox about a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) key: RowKey,
    /// How often its task was refused before.
    pub(super) attempts: u32,
    /// How often its task was lost after it had been published.
    pub(super) losses: u32,
    /// When its task was enqueued.
    pub(super) enqueued_at: Timestamp,
    /// Whether a call that nobody waits for any more may still bring its task to the back-end.
    pub(super) calls: Calls,
}

/// What is known of the attempts to publish a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// Each was answered.
    Answered,
    /// One may be under way: an answer was lost, or somebody else has had the row before.
    MayBeUnderWay,
}

/// A row whose task failed though it went alone.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) row: Row,
    pub(super) task: Enqueue,
    pub(super) error: Error,
}

/// A claimed batch.
pub(super) struct Load {
    rows: Vec<Row>,
    tasks: Vec<Enqueue>,
    /// Those before have had their turn.
    at: usize,
    /// How often the task that goes alone has met with a passing fault.
    faults: u32,
    /// How many tasks, from the first one on, were in a call that has.
    faulted: usize,
    pub(super) suspects: Vec<Suspect>,
    /// When no publishing may begin any more.
    until: Instant,
    /// When the claim ends.
    pub(super) ends: Instant,
}

impl Load {
    /// Rows that were claimed at `claimed` or later, for `hold`. Tasks that are watched leave a record of their end.
    pub(super) fn new(
        rows: Vec<OutboxRow>,
        claimed: Instant,
        hold: Duration,
        retain: Option<&RetainUntilDone>,
    ) -> Self {
        let row = |row: &OutboxRow| Row {
            key: row.key,
            attempts: row.attempts,
            losses: row.losses,
            enqueued_at: row.enqueued_at,
            calls: if row.key.epoch == RowKey::FIRST_CLAIM { Calls::Answered } else { Calls::MayBeUnderWay },
        };
        let task = |row: OutboxRow| {
            let mut task = row.task;
            if keeps(retain, &task) {
                task.message.retention = task.message.retention.max(WATCHED_RETENTION);
            }
            task
        };
        Self {
            rows: rows.iter().map(row).collect(),
            tasks: rows.into_iter().map(task).collect(),
            at: 0,
            faults: 0,
            faulted: 0,
            suspects: Vec::new(),
            until: claimed + hold - hold / MARGIN,
            ends: claimed + hold,
        }
    }

    /// How many wait for their turn, while there is time.
    pub(super) fn waiting(&self) -> usize {
        if Instant::now() < self.until { self.tasks.len() - self.at } else { 0 }
    }

    /// The next tasks.
    pub(super) fn next(&self, size: usize) -> &[Enqueue] {
        &self.tasks[self.turn(size)]
    }

    /// They were published, or refused one by one.
    pub(super) fn answered(&mut self, size: usize) -> impl Iterator<Item = (Row, &Enqueue)> {
        let turn = self.turn(size);
        self.at = turn.end;
        self.faults = 0;
        self.rows[turn.clone()].iter().copied().zip(&self.tasks[turn])
    }

    /// They met with a passing fault. One that does so again and again alone makes room for the others.
    pub(super) fn faulted(&mut self, size: usize, error: Error) {
        self.faulted = self.faulted.max(self.turn(size).end);
        for row in &mut self.rows[..self.faulted] {
            row.calls = Calls::MayBeUnderWay;
        }
        if size > 1 {
            return;
        }
        self.faults += 1;
        if self.faults >= PATIENCE && self.at + 1 < self.tasks.len() {
            self.suspect(error);
        }
    }

    /// The next task was refused though it went alone.
    pub(super) fn suspect(&mut self, error: Error) {
        if let (Some(row), Some(task)) = (self.rows.get(self.at), self.tasks.get(self.at)) {
            self.suspects.push(Suspect { row: *row, task: task.clone(), error });
        }
        self.at += 1;
        self.faults = 0;
    }

    /// Whether a call has met with a passing fault.
    pub(super) const fn has_faulted(&self) -> bool {
        self.faulted > 0
    }

    fn turn(&self, size: usize) -> Range<usize> {
        self.at..(self.at + size).min(self.tasks.len())
    }
}
