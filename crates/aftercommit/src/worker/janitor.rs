//! Deletes completed tasks whose retention is over.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Backend, QueueName, Result};

use super::periodic::{Next, Tick};

/// How many tasks one call deletes at most, so that no call holds the store for long.
const BATCH: usize = 100;
/// How often to look.
pub(super) const INTERVAL: Duration = Duration::from_secs(8);

pub(super) struct Janitor {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) queues: Arc<[QueueName]>,
}

impl Tick for Janitor {
    const DOING: &'static str = "deleted expired tasks";

    async fn tick(&mut self) -> Result<Next> {
        let deleted = self.backend.delete_expired(&self.queues, BATCH).await?;
        Ok(if deleted >= BATCH { Next::Again } else { Next::Interval })
    }
}
