//! Warns of groups that nobody aggregates here: their tasks wait for ever, unless another worker does.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{QueueName, Result};

use super::Shared;
use crate::frame::{Next, Tick};
use crate::telemetry;

/// A look even if no hint came.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// The loop of a worker without an aggregator.
pub(super) struct Unaggregated {
    pub(super) shared: Arc<Shared>,
    pub(super) queues: Arc<[QueueName]>,
    /// The queues of which it was said.
    pub(super) said: HashSet<QueueName>,
}

impl Tick for Unaggregated {
    const DOING: &'static str = "looked for groups";

    async fn tick(&mut self) -> Result<Next> {
        let Some(groups) = self.shared.backend.groups() else { return Ok(Next::Interval) };
        for queue in self.queues.iter() {
            if self.said.contains(queue) {
                continue;
            }
            if let Some(found) = groups.groups(queue).await?.first() {
                telemetry::no_aggregator(queue, &found.group);
                self.said.insert(queue.clone());
            }
        }
        Ok(Next::Interval)
    }
}
