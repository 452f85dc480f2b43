//! The hot path, as the contract has it.

use std::time::Duration;

use aftercommit_core::{
    Broker, Enqueue, Lease, LeaseGrant, LeaseLost, Leased, QueueName, Quota, Refusal, Result, Settlement,
    Timestamp, Wake, Wakes,
};
use async_trait::async_trait;

use crate::RedisBackend;
use crate::item::Origin;

#[async_trait]
impl Broker for RedisBackend {
    async fn enqueue(&self, batch: &[Enqueue]) -> Result<Vec<Result<(), Refusal>>> {
        let stored = self.store(batch, Origin::Client).await?;
        Ok(stored.into_iter().map(|answer| answer.map(drop)).collect())
    }

    async fn dequeue(&self, quotas: &[Quota], grant: &LeaseGrant) -> Result<Vec<Leased>> {
        if quotas.iter().all(|quota| quota.count == 0) {
            return Ok(Vec::new());
        }
        self.take(quotas, grant).await
    }

    async fn extend(
        &self,
        leases: &[Lease],
        duration: Duration,
    ) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
        self.extend_batch(leases, duration).await
    }

    async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>> {
        self.settle_batch(batch).await
    }

    fn wakes(&self, wake: Wake, queues: &[QueueName]) -> Wakes {
        let keys = queues.iter().map(|queue| self.keys(queue)).collect();
        self.listener.wakes(wake, keys)
    }
}
