//! What operators see and do.
//!
//! What it costs: a queue is counted state by state, each by its own index, so that the cost grows with its tasks: about a
//! second for a million, less once Postgres has vacuumed them. A page is read in the order of an index, and costs what
//! it passes over and what it shows; among the scheduled, those in retry are passed over, and the other way round.

use aftercommit_core::{
    Action, BoxError, DayCount, Inspect, Operation, Page, QueueInfo, QueueName, Removal, Result, Selection,
    State, StateCounts, TaskId, TaskInfo, Timestamp,
};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::batch::saturated;
use crate::error::{failed, unreadable};
use crate::news::Topic;
use crate::text::has_nul;
use crate::{PostgresQueue, operate, row, sql};

#[async_trait]
impl Inspect for PostgresQueue {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        const DOING: &str = "list queues";
        let rows = self.store.conn(DOING).await?.fetch_all(sqlx::query(sql::QUEUES)).await;
        let read = |row: &PgRow| Ok::<_, BoxError>(QueueName::new(row.try_get::<&str, _>(0)?)?);
        let rows = rows.map_err(failed(DOING))?;
        rows.iter().map(|row| read(row).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>> {
        const DOING: &str = "read a queue";
        let look = sqlx::query(sql::QUEUE).bind([queue.as_str()]);
        let row = self.store.conn(DOING).await?.fetch_one(look).await.map_err(failed(DOING))?;
        queue_info(queue, &row).map_err(failed(DOING))
    }

    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        const DOING: &str = "read a queue's history";
        let history =
            sqlx::query(sql::HISTORY).bind(queue.as_str()).bind(saturated(days)).bind(self.store.moment());
        let rows = self.store.conn(DOING).await?.fetch_all(history).await.map_err(failed(DOING))?;
        rows.iter().map(|row| day_count(row).map_err(failed(DOING))).collect()
    }

    async fn list(&self, queue: &QueueName, selection: &Selection, page: Page) -> Result<Vec<TaskInfo>> {
        const DOING: &str = "list tasks";
        let mut list = sqlx::query(listing(selection))
            .bind(queue.as_str())
            .bind(saturated(page.limit))
            .bind(saturated(page.offset));
        if let Selection::Group(group) = selection {
            list = list.bind(group.as_str());
        }
        let rows = self.store.conn(DOING).await?.fetch_all(list).await.map_err(failed(DOING))?;
        rows.iter().map(|row| row::info(row).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        const DOING: &str = "read a task";
        if has_nul(id.as_str()) {
            // No task is stored under such an id.
            return Ok(None);
        }
        let find = sqlx::query(sql::GET).bind(queue.as_str()).bind(id.as_str());
        let row = self.store.conn(DOING).await?.fetch_optional(find).await.map_err(failed(DOING))?;
        row.map(|row| row::info(&row).map_err(|error| unreadable(DOING, error))).transpose()
    }

    async fn operate(&self, queue: &QueueName, id: &TaskId, operation: Operation) -> Result<Action> {
        operate::on_one(self, queue, id, operation).await
    }

    async fn operate_all(
        &self,
        queue: &QueueName,
        selection: &Selection,
        operation: Operation,
        limit: usize,
    ) -> Result<usize> {
        operate::on_all(self, queue, selection, operation, limit).await
    }

    async fn update_payload(&self, queue: &QueueName, id: &TaskId, payload: Bytes) -> Result<Action> {
        operate::update_payload(self, queue, id, payload).await
    }

    async fn remove_queue(&self, queue: &QueueName) -> Result<Removal> {
        const DOING: &str = "remove a queue";
        let mut conn = self.store.conn(DOING).await?;
        let mut remove = async || {
            let remove = sqlx::query(sql::REMOVE_QUEUE).bind(queue.as_str());
            removal(&conn.fetch_one(remove).await?)
        };
        let removed = remove().await.map_err(failed(DOING))?;
        if removed == Removal::Removed {
            // Somebody may have been adding up its counts, and was waited for; the sum goes too.
            remove().await.map_err(failed(DOING))?;
        }
        Ok(removed)
    }

    async fn pause(&self, queue: &QueueName) -> Result<()> {
        const DOING: &str = "pause a queue";
        let pause = sqlx::query(sql::PAUSE).bind(queue.as_str()).bind(self.store.moment());
        self.store.conn(DOING).await?.execute(pause).await.map(drop).map_err(failed(DOING))
    }

    async fn resume(&self, queue: &QueueName) -> Result<()> {
        const DOING: &str = "resume a queue";
        let resume = sqlx::query(sql::RESUME).bind(queue.as_str());
        self.store.conn(DOING).await?.execute(resume).await.map_err(failed(DOING))?;
        self.store.news.announce(Topic::Pending);
        Ok(())
    }
}

/// The statement that lists a selection.
const fn listing(selection: &Selection) -> &'static str {
    match selection {
        Selection::Group(_) => sql::LIST_GROUP,
        Selection::State(State::Pending) => sql::LIST_PENDING,
        Selection::State(State::Active) => sql::LIST_ACTIVE,
        Selection::State(State::Scheduled) => sql::LIST_SCHEDULED,
        Selection::State(State::Retry) => sql::LIST_RETRY,
        Selection::State(State::Aggregating) => sql::LIST_AGGREGATING,
        Selection::State(State::Archived) => sql::LIST_ARCHIVED,
        Selection::State(State::Completed) => sql::LIST_COMPLETED,
    }
}

/// A row of `history.sql`.
fn day_count(row: &PgRow) -> sqlx::Result<DayCount> {
    let number = |column| Ok::<u64, sqlx::Error>(row.try_get::<i64, _>(column)?.unsigned_abs());
    Ok(DayCount { day: row.try_get(0)?, processed: number(1)?, failed: number(2)? })
}

/// A row of `remove_queue.sql`.
fn removal(row: &PgRow) -> sqlx::Result<Removal> {
    let (has_tasks, is_known): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    Ok(match (has_tasks, is_known) {
        (true, _) => Removal::NotEmpty,
        (false, false) => Removal::NotFound,
        (false, true) => Removal::Removed,
    })
}

/// A row of `queue_state.sql`.
fn queue_info(queue: &QueueName, row: &PgRow) -> sqlx::Result<Option<QueueInfo>> {
    if !row.try_get::<bool, _>(0)? {
        return Ok(None);
    }
    let number = |column| Ok::<u64, sqlx::Error>(row.try_get::<i64, _>(column)?.unsigned_abs());
    let moment =
        |column| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_millis));
    let mut counts = StateCounts::default();
    // The columns from the second on.
    for (column, state) in (1..).zip(State::ALL) {
        counts.set(state, number(column)?);
    }
    Ok(Some(QueueInfo {
        queue: queue.clone(),
        counts,
        groups: number(8)?,
        approximate_bytes: None,
        oldest_pending_since: moment(9)?,
        paused_since: moment(10)?,
        processed: number(11)?,
        failed: number(12)?,
    }))
}
