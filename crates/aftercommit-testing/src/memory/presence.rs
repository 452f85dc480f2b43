//! Which workers are alive, and the way of a cancellation to them.

use std::time::Duration;

use aftercommit_core::{
    Cancellation, Cancellations, Presence, QueueName, Result, TaskId, Timestamp, WorkerId, WorkerInfo,
};
use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use super::MemoryBackend;
use super::store::Member;

/// How many cancellations a slow listener may be behind before it misses the oldest.
const CANCELLATIONS_KEPT: usize = 1_024;

/// Carries cancellations to everybody who listens.
#[derive(Debug)]
pub(super) struct CancelBus(broadcast::Sender<Cancellation>);

impl Default for CancelBus {
    fn default() -> Self {
        Self(broadcast::Sender::new(CANCELLATIONS_KEPT))
    }
}

#[async_trait]
impl Presence for MemoryBackend {
    async fn beat(&self, worker: &WorkerInfo, ttl: Duration) -> Result<()> {
        let member = Member { info: worker.clone(), believed_until: self.both_now().own.plus(ttl) };
        self.store().workers.insert(worker.id.clone(), member);
        Ok(())
    }

    async fn leave(&self, worker: &WorkerId) -> Result<()> {
        // The name stays known as that of a dead worker, so that what it still held is found.
        if let Some(member) = self.store().workers.get_mut(worker) {
            member.believed_until = Timestamp::from_millis(i64::MIN);
        }
        Ok(())
    }

    async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        let (now, store) = (self.both_now().own, self.store());
        let alive = store.workers.values().filter(|member| member.believed_until > now);
        Ok(alive.map(|member| member.info.clone()).collect())
    }

    async fn cancel(&self, queue: &QueueName, id: &TaskId) -> Result<()> {
        // Nobody listening is no failure: a cancellation says nothing about whether the task runs.
        let _nobody_listens =
            self.cancels.0.send(Cancellation { id: id.clone(), queue: Some(queue.clone()) });
        Ok(())
    }

    fn cancellations(&self) -> Cancellations {
        let received = BroadcastStream::new(self.cancels.0.subscribe());
        Box::pin(received.filter_map(|cancellation| std::future::ready(cancellation.ok())))
    }
}
