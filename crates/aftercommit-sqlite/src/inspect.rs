//! What operators see and do.

use aftercommit_core::{
    Action, BoxError, DayCount, Inspect, Operation, Page, QueueInfo, QueueName, Removal, Result, Selection,
    State, StateCounts, TaskId, TaskInfo, Timestamp,
};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{failed, unreadable};
use crate::row::{ended_info, live_info};
use crate::upkeep::saturated;
use crate::{SqliteQueue, operate, sql};

#[async_trait]
impl Inspect for SqliteQueue {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        const DOING: &str = "list queues";
        let names: Vec<String> = sqlx::query_scalar(sql::QUEUES)
            .fetch_all(&mut *self.store.reader(DOING).await?)
            .await
            .map_err(failed(DOING))?;
        names.into_iter().map(|name| QueueName::new(name).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>> {
        const DOING: &str = "read a queue";
        let mut conn = self.store.reader(DOING).await?;
        let look = sqlx::query(sql::QUEUE).bind(queue.as_str());
        let row = look.fetch_one(&mut *conn).await.map_err(failed(DOING))?;
        queue_info(queue, &row).map_err(failed(DOING))
    }

    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        const DOING: &str = "read a queue's history";
        let today = self.store.now().day();
        let first = today.saturating_sub(i64::try_from(days).unwrap_or(i64::MAX)).saturating_add(1);
        let counts = sqlx::query_as::<_, (i64, i64, i64)>(sql::HISTORY)
            .bind(queue.as_str())
            .bind(first.max(i64::MIN + 1))
            .bind(today)
            .fetch_all(&mut *self.store.reader(DOING).await?)
            .await
            .map_err(failed(DOING))?;
        let count = |day| {
            let (_, processed, failed) =
                counts.iter().find(|(of, ..)| *of == day).copied().unwrap_or_default();
            DayCount { day, processed: processed.unsigned_abs(), failed: failed.unsigned_abs() }
        };
        Ok((first..=today).rev().map(count).collect())
    }

    async fn list(&self, queue: &QueueName, selection: &Selection, page: Page) -> Result<Vec<TaskInfo>> {
        const DOING: &str = "list tasks";
        let (statement, read): (_, fn(&SqliteRow) -> Result<TaskInfo, BoxError>) = match selection {
            Selection::Group(_) => (sql::LIST_GROUP, live_info),
            Selection::State(State::Pending) => (sql::LIST_PENDING, live_info),
            Selection::State(State::Active) => (sql::LIST_ACTIVE, live_info),
            Selection::State(State::Scheduled) => (sql::LIST_SCHEDULED, live_info),
            Selection::State(State::Retry) => (sql::LIST_RETRY, live_info),
            Selection::State(State::Aggregating) => (sql::LIST_AGGREGATING, live_info),
            Selection::State(State::Archived) => (sql::LIST_ARCHIVED, ended_info),
            Selection::State(State::Completed) => (sql::LIST_COMPLETED, ended_info),
        };
        let mut list = sqlx::query(statement)
            .bind(queue.as_str())
            .bind(saturated(page.limit))
            .bind(saturated(page.offset));
        if let Selection::Group(group) = selection {
            list = list.bind(group.as_str());
        }
        let rows = list.fetch_all(&mut *self.store.reader(DOING).await?).await.map_err(failed(DOING))?;
        rows.iter().map(|row| read(row).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        const DOING: &str = "read a task";
        let mut tx = self.store.pools.readers.begin().await.map_err(failed(DOING))?;
        // In one transaction, so that a task which ends meanwhile is seen in one of the two.
        let mut find = async |statement| {
            let find = sqlx::query(statement).bind(queue.as_str()).bind(id.as_str());
            find.fetch_optional(&mut *tx).await.map_err(failed(DOING))
        };
        let info = match find(sql::GET_LIVE).await? {
            Some(row) => Some(live_info(&row)),
            None => find(sql::GET_ENDED).await?.map(|row| ended_info(&row)),
        };
        info.transpose().map_err(|error| unreadable(DOING, error))
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
        let mut tx = self.store.write(DOING).await?;
        let look = sqlx::query_as::<_, (bool, bool)>(sql::HAS_TASKS).bind(queue.as_str());
        match look.fetch_one(&mut *tx).await.map_err(failed(DOING))? {
            (true, _) => return Ok(Removal::NotEmpty),
            (false, false) => return Ok(Removal::NotFound),
            (false, true) => {}
        }
        for statement in [sql::FORGET_QUEUE, sql::RESUME] {
            let step = sqlx::query(statement).bind(queue.as_str());
            step.execute(&mut *tx).await.map_err(failed(DOING))?;
        }
        tx.commit().await.map_err(failed(DOING))?;
        Ok(Removal::Removed)
    }

    async fn pause(&self, queue: &QueueName) -> Result<()> {
        const DOING: &str = "pause a queue";
        let pause = sqlx::query(sql::PAUSE).bind(queue.as_str()).bind(self.store.now().as_millis());
        pause.execute(&mut *self.store.writer(DOING).await?).await.map(drop).map_err(failed(DOING))
    }

    async fn resume(&self, queue: &QueueName) -> Result<()> {
        const DOING: &str = "resume a queue";
        let resume = sqlx::query(sql::RESUME).bind(queue.as_str());
        resume.execute(&mut *self.store.writer(DOING).await?).await.map_err(failed(DOING))?;
        self.store.news.pending();
        Ok(())
    }
}

fn queue_info(queue: &QueueName, row: &SqliteRow) -> sqlx::Result<Option<QueueInfo>> {
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
