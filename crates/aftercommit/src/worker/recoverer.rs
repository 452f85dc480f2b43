//! Takes tasks back from workers that are gone, and lets `decide_orphan` say what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Backend, QueueName, Result, Settlement, decide_orphan};

use super::Shared;
use super::periodic::{Next, Tick};
use crate::telemetry;

/// How many tasks one tick recovers at most.
const BATCH: usize = 100;
/// How often to look. With the presence TTL of nine seconds, a dead worker's tasks run again within fifteen.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

pub(super) struct Recoverer {
    pub(super) shared: Arc<Shared>,
    pub(super) queues: Arc<[QueueName]>,
}

impl Tick for Recoverer {
    const DOING: &'static str = "looked for tasks of lost workers";

    async fn tick(&mut self) -> Result<Next> {
        let backend: &dyn Backend = self.shared.backend.as_ref();
        let orphans = backend.orphans(&self.queues, BATCH).await?;
        if orphans.is_empty() {
            return Ok(Next::Interval);
        }
        let config = &self.shared.config;
        let now = config.clock.now();
        let settlements: Vec<Settlement> = orphans
            .iter()
            .map(|orphan| Settlement {
                leased: Arc::new(orphan.leased.clone()),
                outcome: decide_orphan(
                    &orphan.leased.message,
                    orphan.cause,
                    config.max_recoveries,
                    config.retry_policy.as_ref(),
                    now,
                    self.shared.entropy.next(),
                ),
            })
            .collect();
        // Refused means that another recoverer, or the late worker itself, was faster: nothing to do.
        let settled = backend.settle(&settlements).await?;
        for ((orphan, settlement), result) in orphans.iter().zip(&settlements).zip(settled) {
            if result.is_ok() {
                telemetry::recovered(orphan, &settlement.outcome);
            }
        }
        Ok(if orphans.len() >= BATCH { Next::Again } else { Next::Interval })
    }
}
