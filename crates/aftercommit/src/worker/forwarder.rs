//! Moves scheduled and retry tasks to pending when their time has come, neither before nor a poll later:
//! it sleeps until the earliest due time, and a new earlier one wakes it.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Backend, Clock, QueueName, Result};

use crate::frame::{DueIn, Next, Tick};

/// How many tasks one call moves at most.
const BATCH: usize = 500;
/// A look even if no hint came.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

pub(super) struct Forwarder {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) queues: Arc<[QueueName]>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) due: DueIn,
}

impl Tick for Forwarder {
    const DOING: &'static str = "forwarded due tasks";

    async fn tick(&mut self) -> Result<Next> {
        let forwarded = self.backend.forward(&self.queues, BATCH).await?;
        if forwarded.moved >= BATCH {
            return Ok(Next::Again);
        }
        let now = self.clock.now();
        Ok(match forwarded.next_due {
            None => Next::Interval,
            Some(due) if forwarded.moved > 0 => Next::Within(self.due.after_some(due, now)),
            Some(due) => Next::Within(self.due.after_nothing(due, now)),
        })
    }
}
