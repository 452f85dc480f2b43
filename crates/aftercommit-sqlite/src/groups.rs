//! Tasks that wait in groups, and the batches that aggregators hold.
//!
//! A batch is a row with a deadline, and its number stands in the rows of its tasks. Whoever ends a batch
//! deletes that row first, so only one of an aggregator and those who put overdue batches back can.

use aftercommit_core::stored::millis;
use aftercommit_core::{
    AggregateRefusal, Batch, BatchKey, Enqueue, Error, Gathered, GroupInfo, GroupName, GroupRules, Groups,
    Message, QueueName, Result, Timestamp,
};
use async_trait::async_trait;
use sqlx::SqliteConnection;

use crate::batch::names;
use crate::enqueue::enqueue;
use crate::error::{failed, unreadable};
use crate::row::message;
use crate::unreadable::Unreadable;
use crate::upkeep::saturated;
use crate::{SqliteQueue, sql};

const GATHERING: &str = "gather tasks of groups";

#[async_trait]
impl Groups for SqliteQueue {
    async fn groups(&self, queue: &QueueName) -> Result<Vec<GroupInfo>> {
        const DOING: &str = "list groups";
        let list = sqlx::query_as::<_, (String, i64)>(sql::GROUPS).bind(names([queue.as_str()]));
        let rows = list.fetch_all(&mut *self.store.reader(DOING).await?).await.map_err(failed(DOING))?;
        let info = |(name, size): (String, i64)| {
            let group = GroupName::new(name).map_err(|error| unreadable(DOING, error))?;
            Ok(GroupInfo { group, size: size.unsigned_abs() })
        };
        rows.into_iter().map(info).collect()
    }

    async fn gather(&self, queues: &[QueueName], rules: &GroupRules, limit: usize) -> Result<Gathered> {
        let (names, now) = (names(queues.iter().map(QueueName::as_str)), self.store.now());
        // Nearly every look finds nothing ripe, and must not keep those waiting who write.
        let next = ripening(&mut *self.store.reader(GATHERING).await?, &names, rules, 1).await?;
        let next_at = next.first().map(|group| group.ripe_at.max(now));
        if limit == 0 || next_at.is_none_or(|at| at > now) {
            return Ok(Gathered { batches: Vec::new(), next_at });
        }
        let mut tx = self.store.write(GATHERING).await?;
        // The batches are held from when the wait for the writer is over.
        let now = self.store.now();
        let mut batches = Vec::new();
        // What is left of a group may be ripe as well.
        let next_at = loop {
            let ripening = ripening(&mut tx, &names, rules, (limit - batches.len()).max(1)).await?;
            let next_at = ripening.first().map(|group| group.ripe_at.max(now));
            if batches.len() == limit || next_at.is_none_or(|at| at > now) {
                break next_at;
            }
            for group in ripening.iter().filter(|group| group.ripe_at <= now) {
                batches.extend(hold(&mut tx, group, rules, now).await?);
            }
        };
        tx.commit().await.map_err(failed(GATHERING))?;
        Ok(Gathered { batches, next_at })
    }

    async fn aggregate(&self, batch: &BatchKey, task: &Enqueue) -> Result<Result<(), AggregateRefusal>> {
        const DOING: &str = "aggregate tasks";
        if task.message.queue != batch.queue {
            return Err(Error::invalid("queue", "a task made of a batch goes to the queue of the batch"));
        }
        let mut tx = self.store.write(DOING).await?;
        let Some(key) = end(&mut tx, batch).await.map_err(failed(DOING))? else {
            return Ok(Err(AggregateRefusal::BatchLost));
        };
        let delete = sqlx::query(sql::DELETE_BATCH).bind(key).bind(batch.queue.as_str());
        delete.execute(&mut *tx).await.map_err(failed(DOING))?;
        if let Some(Err(refusal)) =
            enqueue(&mut tx, std::slice::from_ref(task), self.store.now()).await?.first()
        {
            tx.rollback().await.map_err(failed(DOING))?;
            return Ok(Err(AggregateRefusal::Task(*refusal)));
        }
        tx.commit().await.map_err(failed(DOING))?;
        self.store.news.stored(task.state());
        Ok(Ok(()))
    }

    async fn release(&self, batch: &BatchKey) -> Result<()> {
        const DOING: &str = "release a batch";
        let mut tx = self.store.write(DOING).await?;
        put_back(&mut tx, batch).await.map_err(failed(DOING))?;
        tx.commit().await.map_err(failed(DOING))?;
        self.store.news.groups();
        Ok(())
    }

    async fn reclaim(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        const DOING: &str = "reclaim batches";
        let (names, now) = (names(queues.iter().map(QueueName::as_str)), self.store.now());
        let found = overdue(&mut *self.store.reader(DOING).await?, &names, now, limit)
            .await
            .map_err(failed(DOING))?;
        if found.is_empty() {
            return Ok(0);
        }
        let mut tx = self.store.write(DOING).await?;
        let mut reclaimed = 0;
        for (key, queue, group) in overdue(&mut tx, &names, now, limit).await.map_err(failed(DOING))? {
            let ended = end_key(&mut tx, key, &queue, &group).await.map_err(failed(DOING))?;
            release_key(&mut tx, key, &queue).await.map_err(failed(DOING))?;
            reclaimed += usize::from(ended);
        }
        tx.commit().await.map_err(failed(DOING))?;
        self.store.news.groups();
        Ok(reclaimed)
    }
}

/// A group and the moment at which it is ripe.
struct Ripening {
    queue: QueueName,
    group: GroupName,
    ripe_at: Timestamp,
}

/// The groups that are ripe first.
async fn ripening(
    conn: &mut SqliteConnection,
    names: &str,
    rules: &GroupRules,
    limit: usize,
) -> Result<Vec<Ripening>> {
    /// Longer ones would not fit into a number once a moment is added.
    const LONGEST: i64 = 1 << 60;
    let rows = sqlx::query_as::<_, (String, String, i64)>(sql::RIPENING)
        .bind(names)
        .bind(millis(rules.grace_period).min(LONGEST))
        .bind(rules.max_delay.map(|delay| millis(delay).min(LONGEST)))
        .bind(rules.max_size.map(|_| saturated(rules.batch_size())))
        .bind(saturated(limit))
        .fetch_all(conn)
        .await
        .map_err(failed(GATHERING))?;
    let read = |(queue, group, ripe_at): (String, String, i64)| {
        let (queue, group) = (QueueName::new(queue)?, GroupName::new(group)?);
        Ok(Ripening { queue, group, ripe_at: Timestamp::from_millis(ripe_at) })
    };
    rows.into_iter().map(|row| read(row).map_err(|error: Error| unreadable(GATHERING, error))).collect()
}

/// Makes a batch of the oldest tasks of a group; none, if not one of them can be read.
async fn hold(
    conn: &mut SqliteConnection,
    from: &Ripening,
    rules: &GroupRules,
    now: Timestamp,
) -> Result<Option<Batch>> {
    let deadline = now.plus(rules.hold);
    let (queue, group) = (from.queue.as_str(), from.group.as_str());
    let begin = sqlx::query(sql::HOLD_BATCH).bind(queue).bind(group).bind(deadline.as_millis());
    let key = begin.execute(&mut *conn).await.map_err(failed(GATHERING))?.last_insert_rowid();
    let fill = sqlx::query(sql::FILL_BATCH).bind(queue).bind(group).bind(key);
    let fill = fill.bind(saturated(rules.batch_size()));
    fill.execute(&mut *conn).await.map_err(failed(GATHERING))?;
    let list = sqlx::query(sql::LIST_BATCH).bind(queue).bind(key);
    let rows = list.fetch_all(&mut *conn).await.map_err(failed(GATHERING))?;
    let mut unreadable = Unreadable::default();
    let tasks = rows.iter().filter_map(|row| message(row).map_err(|error| unreadable.add(row, &error)).ok());
    let tasks: Vec<Message> = tasks.collect();
    unreadable.archive_in(conn, now).await?;
    if tasks.is_empty() {
        end_key(conn, key, queue, group).await.map_err(failed(GATHERING))?;
        return Ok(None);
    }
    let key = BatchKey { queue: from.queue.clone(), group: from.group.clone(), id: key.to_string() };
    Ok(Some(Batch { key, tasks, deadline }))
}

/// Ends a batch, for whoever does so first; then its number.
async fn end(conn: &mut SqliteConnection, batch: &BatchKey) -> sqlx::Result<Option<i64>> {
    // An id that is no number is not of this store.
    let Ok(key) = batch.id.parse::<i64>() else { return Ok(None) };
    let ended = end_key(conn, key, batch.queue.as_str(), batch.group.as_str()).await?;
    Ok(ended.then_some(key))
}

async fn end_key(conn: &mut SqliteConnection, key: i64, queue: &str, group: &str) -> sqlx::Result<bool> {
    let end = sqlx::query(sql::END_BATCH).bind(key).bind(queue).bind(group);
    Ok(end.execute(conn).await?.rows_affected() > 0)
}

async fn put_back(conn: &mut SqliteConnection, batch: &BatchKey) -> sqlx::Result<()> {
    match end(conn, batch).await? {
        Some(key) => release_key(conn, key, batch.queue.as_str()).await,
        None => Ok(()),
    }
}

async fn release_key(conn: &mut SqliteConnection, key: i64, queue: &str) -> sqlx::Result<()> {
    sqlx::query(sql::RELEASE_BATCH).bind(key).bind(queue).execute(conn).await.map(drop)
}

/// Batches whose deadline has passed: key, queue and group.
async fn overdue(
    conn: &mut SqliteConnection,
    names: &str,
    now: Timestamp,
    limit: usize,
) -> sqlx::Result<Vec<(i64, String, String)>> {
    let overdue = sqlx::query_as(sql::OVERDUE_BATCHES).bind(names).bind(now.as_millis());
    overdue.bind(saturated(limit)).fetch_all(conn).await
}
