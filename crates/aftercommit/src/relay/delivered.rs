//! What the answers of one call come to.

use aftercommit_core::{Enqueue, Published, QueueName, Refusal, Result, RowKey, TaskId};

use super::load::Row;
use super::monitor::{Count, RelayMonitor};
use crate::telemetry;

/// The answers of one call, sorted by what is to be done about them.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Rows that are of no further use.
    pub(super) rows: Vec<RowKey>,
    /// Tasks that left a marker.
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
    ) -> Self {
        let mut delivered = Self::default();
        for ((row, task), answer) in rows.zip(answers) {
            delivered.add(row, task, answer);
        }
        telemetry::published(delivered.now);
        if delivered.before > 0 {
            telemetry::republished(delivered.before);
        }
        delivered
    }

    fn add(&mut self, row: Row, task: &Enqueue, answer: Result<Published, Refusal>) {
        let message = &task.message;
        match answer {
            Ok(published) => {
                match published {
                    Published::Now => self.now += 1,
                    Published::Before => self.before += 1,
                }
                self.marked.push((message.queue.clone(), message.id.clone()));
                self.rows.push(row.key);
            }
            // The lock has done what it is for.
            Err(Refusal::Duplicate) => {
                self.duplicates += 1;
                telemetry::not_published(message);
                self.rows.push(row.key);
            }
            Err(refusal @ Refusal::IdConflict) => {
                let reason = refusal.into_error(message).to_string();
                telemetry::row_buried(message, &reason);
                self.taken.push((row.key, reason));
            }
        }
    }

    pub(super) fn count(&self, monitor: &RelayMonitor) {
        monitor.add(Count::Batches, 1);
        monitor.add(Count::Published, self.now);
        monitor.add(Count::Republished, self.before);
        monitor.add(Count::Duplicates, self.duplicates);
    }
}
