//! Moves scheduled and retry tasks to pending when their time has come, neither before nor a poll later:
//! it sleeps until the earliest due time, and a new earlier one wakes it.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Backend, Clock, QueueName, Result};

use super::periodic::{Next, Tick};

/// How many tasks one call moves at most.
const BATCH: usize = 500;
/// A task that became due during the call is moved by the next one.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);
/// A look even if no hint came.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

pub(super) struct Forwarder {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) queues: Arc<[QueueName]>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Tick for Forwarder {
    const DOING: &'static str = "forwarded due tasks";

    async fn tick(&mut self) -> Result<Next> {
        let forwarded = self.backend.forward(&self.queues, BATCH).await?;
        if forwarded.moved >= BATCH {
            return Ok(Next::Again);
        }
        Ok(match forwarded.next_due {
            None => Next::Interval,
            Some(due) => Next::Within(due.since(self.clock.now()).max(SHORTEST_SLEEP)),
        })
    }
}
