//! The hot path: tasks in, tasks out, leases longer, outcomes written down.

use std::collections::HashSet;
use std::time::Duration;

use aftercommit_core::{
    Broker, Enqueue, Lease, LeaseGrant, LeaseLost, Leased, QueueName, Quota, Refusal, Result, Settlement,
    State, Timestamp, Wake, Wakes,
};
use async_trait::async_trait;

use crate::PostgresQueue;
use crate::dequeue::dequeue;
use crate::enqueue::enqueue;
use crate::settle::{extend, settle};

#[async_trait]
impl Broker for PostgresQueue {
    async fn enqueue(&self, batch: &[Enqueue]) -> Result<Vec<Result<(), Refusal>>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut conn = self.store.conn("enqueue tasks").await?;
        let answers = enqueue(&mut conn, batch, self.store.moment()).await?;
        drop(conn);
        let stored = batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        let states: HashSet<State> = stored.map(|(task, _)| task.state()).collect();
        states.into_iter().for_each(|state| self.store.news.announce_stored(state));
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
