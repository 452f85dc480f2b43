//! Deletes completed tasks whose retention is over, and archived ones beyond the limits of the archive.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{ArchiveLimits, Backend, QueueName, Result};

use crate::frame::{Next, Tick};

/// How many tasks one call deletes at most, so that no call holds the store for long.
const BATCH: usize = 100;
/// How often to look.
pub(super) const INTERVAL: Duration = Duration::from_secs(8);

pub(super) struct Janitor {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) queues: Arc<[QueueName]>,
    pub(super) archive: ArchiveLimits,
}

impl Tick for Janitor {
    const DOING: &'static str = "deleted old tasks";

    async fn tick(&mut self) -> Result<Next> {
        let expired = self.backend.delete_expired(&self.queues, BATCH).await;
        // Whatever keeps the one from being done does not keep the other.
        let trimmed = self.backend.trim_archive(&self.queues, &self.archive, BATCH).await;
        let (expired, trimmed) = (expired?, trimmed?);
        Ok(if expired >= BATCH || trimmed >= BATCH { Next::Again } else { Next::Interval })
    }
}
