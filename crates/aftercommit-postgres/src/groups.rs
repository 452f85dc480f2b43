//! Tasks that wait in groups, and the batches that aggregators hold.
//!
//! A batch is a row with a deadline, and its number stands in the rows of its tasks. Whoever ends a batch deletes that row
//! in the same statement, so only one of an aggregator and those who put overdue batches back can.

use aftercommit_core::{
    AggregateRefusal, BatchKey, Enqueue, Error, Gathered, GroupInfo, GroupName, GroupRules, Groups,
    QueueName, Result,
};
use async_trait::async_trait;

use crate::batch::{names, saturated};
use crate::enqueue::enqueue;
use crate::error::{failed, unreadable};
use crate::gather::{GATHERING, Gather};
use crate::news::Topic;
use crate::{PostgresQueue, sql};

#[async_trait]
impl Groups for PostgresQueue {
    async fn groups(&self, queue: &QueueName) -> Result<Vec<GroupInfo>> {
        const DOING: &str = "list groups";
        let list = sqlx::query_as::<_, (String, i64)>(sql::GROUPS).bind([queue.as_str()]);
        let rows = list.fetch_all(&mut *self.store.conn(DOING).await?).await.map_err(failed(DOING))?;
        let info = |(name, size): (String, i64)| {
            let group = GroupName::new(name).map_err(|error| unreadable(DOING, error))?;
            Ok(GroupInfo { group, size: size.unsigned_abs() })
        };
        rows.into_iter().map(info).collect()
    }

    async fn gather(&self, queues: &[QueueName], rules: &GroupRules, limit: usize) -> Result<Gathered> {
        let gather = Gather { queues: names(queues), rules, moment: self.store.moment() };
        // Nearly every look finds nothing ripe, and must not make others wait.
        let next = gather.next(&mut *self.store.conn(GATHERING).await?).await?;
        if limit == 0 || !next.is_ripe {
            return Ok(Gathered { batches: Vec::new(), next_at: next.at });
        }
        let mut tx = self.store.transaction(GATHERING).await?;
        gather.take_turns(&mut tx).await?;
        let mut batches = Vec::new();
        // What is left of a group may be ripe as well.
        let next_at = loop {
            let next = gather.next(&mut tx).await?;
            if batches.len() == limit || !next.is_ripe {
                break next.at;
            }
            let held = gather.hold(&mut tx, limit - batches.len()).await?;
            if held.is_empty() {
                // An operator has all of it at this moment.
                break next.at;
            }
            batches.extend(held);
        };
        tx.commit().await.map_err(failed(GATHERING))?;
        Ok(Gathered { batches, next_at })
    }

    async fn aggregate(&self, batch: &BatchKey, task: &Enqueue) -> Result<Result<(), AggregateRefusal>> {
        const DOING: &str = "aggregate tasks";
        if task.message.queue != batch.queue {
            return Err(Error::invalid("queue", "a task made of a batch goes to the queue of the batch"));
        }
        let Some(key) = number(batch) else { return Ok(Err(AggregateRefusal::BatchLost)) };
        let mut tx = self.store.transaction(DOING).await?;
        let end = sqlx::query_scalar::<_, bool>(sql::AGGREGATE)
            .bind(key)
            .bind(batch.queue.as_str())
            .bind(batch.group.as_str())
            .bind(self.store.moment());
        if !end.fetch_one(&mut *tx).await.map_err(failed(DOING))? {
            return Ok(Err(AggregateRefusal::BatchLost));
        }
        let answers = enqueue(&mut tx, std::slice::from_ref(task), self.store.moment()).await?;
        if let Some(Err(refusal)) = answers.first() {
            tx.rollback().await.map_err(failed(DOING))?;
            return Ok(Err(AggregateRefusal::Task(*refusal)));
        }
        tx.commit().await.map_err(failed(DOING))?;
        self.store.news.announce_stored(task.state());
        Ok(Ok(()))
    }

    async fn release(&self, batch: &BatchKey) -> Result<()> {
        const DOING: &str = "release a batch";
        let Some(key) = number(batch) else { return Ok(()) };
        let release =
            sqlx::query(sql::RELEASE).bind(key).bind(batch.queue.as_str()).bind(batch.group.as_str());
        release.execute(&mut *self.store.conn(DOING).await?).await.map_err(failed(DOING))?;
        self.store.news.announce(Topic::Groups);
        Ok(())
    }

    async fn reclaim(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        const DOING: &str = "reclaim batches";
        let reclaim = sqlx::query_scalar::<_, i64>(sql::RECLAIM)
            .bind(names(queues))
            .bind(self.store.moment())
            .bind(saturated(limit));
        let reclaimed =
            reclaim.fetch_one(&mut *self.store.conn(DOING).await?).await.map_err(failed(DOING))?;
        if reclaimed > 0 {
            self.store.news.announce(Topic::Groups);
        }
        Ok(usize::try_from(reclaimed).unwrap_or(usize::MAX))
    }
}

/// The number of a batch; an id that is no number is not of this store.
fn number(batch: &BatchKey) -> Option<i64> {
    batch.id.parse().ok()
}
