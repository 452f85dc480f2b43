//! The hot path: tasks in, tasks out, leases longer, outcomes written down.

use std::time::Duration;

use aftercommit_core::{
    Broker, Enqueue, Lease, LeaseGrant, LeaseLost, Leased, QueueName, Quota, Refusal, Result, Settlement,
    Timestamp, Wake, Wakes,
};
use async_trait::async_trait;

use crate::SqliteQueue;
use crate::dequeue::dequeue;
use crate::enqueue::enqueue;
use crate::error::failed;
use crate::settle::{extend, settle};

#[async_trait]
impl Broker for SqliteQueue {
    async fn enqueue(&self, batch: &[Enqueue]) -> Result<Vec<Result<(), Refusal>>> {
        const DOING: &str = "enqueue tasks";
        let answers = match batch {
            [] => return Ok(Vec::new()),
            // One statement is a transaction by itself. With a lock there may be a second one, to learn
            // what the task was refused for.
            [task] if task.unique_for.is_none() => {
                enqueue(&mut *self.store.writer(DOING).await?, batch, self.store.now()).await?
            }
            _ => {
                let mut tx = self.store.write(DOING).await?;
                let answers = enqueue(&mut tx, batch, self.store.now()).await?;
                tx.commit().await.map_err(failed(DOING))?;
                answers
            }
        };
        for (task, _) in batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
            self.store.news.stored(task.state());
        }
        Ok(answers)
    }

    async fn dequeue(&self, quotas: &[Quota], grant: &LeaseGrant) -> Result<Vec<Leased>> {
        dequeue(self, quotas, grant).await
    }

    async fn extend(
        &self,
        leases: &[Lease],
        duration: Duration,
    ) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
        extend(self, leases, duration).await
    }

    async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>> {
        settle(self, batch).await
    }

    /// Hints are about all queues: a transaction's commit does not tell which ones it was about.
    fn wakes(&self, wake: Wake, _queues: &[QueueName]) -> Wakes {
        self.store.news.wakes(wake)
    }
}
