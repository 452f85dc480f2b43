//! What operators see and do.
//!
//! What it costs: a queue is counted state by state, each by its own index, so that the cost grows with its tasks: some
//! tens of milliseconds for a million that wait quietly, more for those whose rows have just changed. A page is read in
//! the order of an index, and costs what it passes over and what it shows.

use aftercommit_core::{
    Action, DayCount, Inspect, Operation, Page, QueueInfo, QueueName, Removal, Result, Selection, State,
    StateCounts, TaskId, TaskInfo, Timestamp,
};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::batch::saturated;
use crate::error::{failed, unreadable};
use crate::news::Topic;
use crate::{PostgresQueue, operate, row, sql};

#[async_trait]
impl Inspect for PostgresQueue {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        const DOING: &str = "list queues";
        let names: Vec<String> = sqlx::query_scalar(sql::QUEUES)
            .fetch_all(&mut *self.store.conn(DOING).await?)
            .await
            .map_err(failed(DOING))?;
        names.into_iter().map(|name| QueueName::new(name).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>> {
        const DOING: &str = "read a queue";
        let look = sqlx::query(sql::QUEUE).bind([queue.as_str()]);
        let row = look.fetch_one(&mut *self.store.conn(DOING).await?).await.map_err(failed(DOING))?;
        queue_info(queue, &row).map_err(failed(DOING))
    }

    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        const DOING: &str = "read a queue's history";
        let rows = sqlx::query_as::<_, (i64, i64, i64)>(sql::HISTORY)
            .bind(queue.as_str())
            .bind(saturated(days))
            .bind(self.store.moment())
            .fetch_all(&mut *self.store.conn(DOING).await?)
            .await
            .map_err(failed(DOING))?;
        let count = |(day, processed, failed): (i64, i64, i64)| DayCount {
            day,
            processed: processed.unsigned_abs(),
            failed: failed.unsigned_abs(),
        };
        Ok(rows.into_iter().map(count).collect())
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
        let rows = list.fetch_all(&mut *self.store.conn(DOING).await?).await.map_err(failed(DOING))?;
        rows.iter().map(|row| row::info(row).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        const DOING: &str = "read a task";
        let find = sqlx::query(sql::GET).bind(queue.as_str()).bind(id.as_str());
        let row = find.fetch_optional(&mut *self.store.conn(DOING).await?).await.map_err(failed(DOING))?;
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
        let remove = sqlx::query_as::<_, (bool, bool)>(sql::REMOVE_QUEUE).bind(queue.as_str());
        let was = remove.fetch_one(&mut *self.store.conn(DOING).await?).await.map_err(failed(DOING))?;
        Ok(match was {
            (true, _) => Removal::NotEmpty,
            (false, false) => Removal::NotFound,
            (false, true) => Removal::Removed,
        })
    }

    async fn pause(&self, queue: &QueueName) -> Result<()> {
        const DOING: &str = "pause a queue";
        let pause = sqlx::query(sql::PAUSE).bind(queue.as_str()).bind(self.store.moment());
        pause.execute(&mut *self.store.conn(DOING).await?).await.map(drop).map_err(failed(DOING))
    }

    async fn resume(&self, queue: &QueueName) -> Result<()> {
        const DOING: &str = "resume a queue";
        let resume = sqlx::query(sql::RESUME).bind(queue.as_str());
        resume.execute(&mut *self.store.conn(DOING).await?).await.map_err(failed(DOING))?;
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
