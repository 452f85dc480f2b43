//! Tasks that wait in groups, and the batches that aggregators hold.
//!
//! A batch is a row with a deadline, and its number stands in the rows of its tasks. Whoever ends a batch deletes that row
//! in the same statement, so only one of an aggregator and those who put overdue batches back can.

use aftercommit_core::{
    AggregateRefusal, BatchKey, BoxError, Enqueue, Error, Gathered, GroupInfo, GroupName, GroupRules, Groups,
    QueueName, Result,
};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

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
        let list = sqlx::query(sql::GROUPS).bind([queue.as_str()]);
        let rows = self.store.conn(DOING).await?.fetch_all(list).await.map_err(failed(DOING))?;
        let info = |row: &PgRow| -> Result<_, BoxError> {
            let group = GroupName::new(row.try_get::<&str, _>(0)?)?;
            Ok(GroupInfo { group, size: row.try_get::<i64, _>(1)?.unsigned_abs() })
        };
        rows.iter().map(|row| info(row).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn gather(&self, queues: &[QueueName], rules: &GroupRules, limit: usize) -> Result<Gathered> {
        let gather = Gather { queues: names(queues), rules, moment: self.store.moment() };
        // Nearly every look finds nothing ripe, and must not make others wait.
        let next = gather.next(&mut self.store.conn(GATHERING).await?).await?;
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
        let end = sqlx::query(sql::AGGREGATE)
            .bind(key)
            .bind(batch.queue.as_str())
            .bind(batch.group.as_str())
            .bind(self.store.moment());
        let row = tx.fetch_one(end).await.map_err(failed(DOING))?;
        if !row.try_get::<bool, _>(0).map_err(failed(DOING))? {
            tx.roll_back().await.map_err(failed(DOING))?;
            return Ok(Err(AggregateRefusal::BatchLost));
        }
        let answers = enqueue(&mut tx.on(), std::slice::from_ref(task), self.store.moment()).await?;
        if let Some(Err(refusal)) = answers.first() {
            tx.roll_back().await.map_err(failed(DOING))?;
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
        self.store.conn(DOING).await?.execute(release).await.map_err(failed(DOING))?;
        self.store.news.announce(Topic::Groups);
        Ok(())
    }

    async fn reclaim(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        const DOING: &str = "reclaim batches";
        let reclaim =
            sqlx::query(sql::RECLAIM).bind(names(queues)).bind(self.store.moment()).bind(saturated(limit));
        let row = self.store.conn(DOING).await?.fetch_one(reclaim).await.map_err(failed(DOING))?;
        let reclaimed: i64 = row.try_get(0).map_err(failed(DOING))?;
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
