//! What the answers of one call come to.

use aftercommit_core::{Enqueue, Kept, Published, QueueName, Refusal, Result, RowKey, TaskId, Timestamp};

use super::load::{Calls, Row};
use super::monitor::{Count, RelayMonitor};
use super::retain::{RetainUntilDone, keeps};
use crate::telemetry;

/// The answers of one call, sorted by what is to be done about them.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Rows that are of no further use.
    pub(super) rows: Vec<RowKey>,
    /// Rows that are kept until their tasks have ended.
    pub(super) kept: Vec<Kept>,
    /// Tasks whose marker has done its duty once their rows are marked. A call that may still arrive would store a task
    /// again that has run meanwhile; then the marker stays, and passes away by itself.
    pub(super) marked: Vec<(QueueName, TaskId)>,
    /// Rows whose task's id is taken, with the reason to keep.
    pub(super) taken: Vec<(RowKey, String)>,
    now: usize,
    before: usize,
    duplicates: usize,
}

impl Delivered {
    /// Sorts answers, and says what an operator should know.
    pub(super) fn new<'a>(
        rows: impl Iterator<Item = (Row, &'a Enqueue)>,
        answers: Vec<Result<Published, Refusal>>,
        retain: Option<&RetainUntilDone>,
        now: Timestamp,
    ) -> Self {
        let mut delivered = Self::default();
        for ((row, task), answer) in rows.zip(answers) {
            let watch = retain.filter(|_| keeps(retain, task));
            delivered.add(row, task, answer, watch.map(|rules| (now, now.plus(rules.first_look))));
        }
        telemetry::published(delivered.now);
        if delivered.before > 0 {
            telemetry::republished(delivered.before);
        }
        delivered
    }

    /// `watch`: now, and when to look at a task that is watched.
    fn add(
        &mut self,
        row: Row,
        task: &Enqueue,
        answer: Result<Published, Refusal>,
        watch: Option<(Timestamp, Timestamp)>,
    ) {
        let message = &task.message;
        let published = match answer {
            Ok(published) => published,
            // It had been lost, and has come back, as after a failover.
            Err(Refusal::IdConflict) if row.losses > 0 && watch.is_some() => Published::Before,
            // The lock has done what it is for.
            Err(Refusal::Duplicate) => {
                self.duplicates += 1;
                telemetry::not_published(message);
                self.rows.push(row.key);
                return;
            }
            Err(refusal @ Refusal::IdConflict) => {
                let reason = refusal.into_error(message).to_string();
                telemetry::row_buried(message, &reason);
                self.taken.push((row.key, reason));
                return;
            }
        };
        if row.calls == Calls::Answered {
            self.marked.push((message.queue.clone(), message.id.clone()));
        }
        let seen_at = |now| match published {
            Published::Now => now,
            // Nobody knows when that was.
            Published::Before => row.enqueued_at,
        };
        match watch {
            Some((now, look_at)) => self.kept.push(Kept { key: row.key, seen_at: seen_at(now), look_at }),
            None => self.rows.push(row.key),
        }
        match published {
            Published::Now => self.now += 1,
            Published::Before => self.before += 1,
        }
    }

    pub(super) fn count(&self, monitor: &RelayMonitor) {
        monitor.add(Count::Batches, 1);
        monitor.add(Count::Published, self.now);
        monitor.add(Count::Republished, self.before);
        monitor.add(Count::Duplicates, self.duplicates);
    }
}
