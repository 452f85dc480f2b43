//! What operators see and do.

use aftercommit_core::{
    Action, BoxError, DayCount, Inspect, Page, QueueInfo, QueueName, Result, State, StateCounts, TaskId,
    TaskInfo, Timestamp,
};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::error::{failed, unreadable};
use crate::row::{ended_info, live_info};
use crate::{SqliteQueue, row, sql};

#[async_trait]
impl Inspect for SqliteQueue {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        const DOING: &str = "list queues";
        let names: Vec<String> = sqlx::query_scalar(sql::QUEUES)
            .fetch_all(&mut *self.reader(DOING).await?)
            .await
            .map_err(failed(DOING))?;
        names.into_iter().map(|name| QueueName::new(name).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>> {
        const DOING: &str = "read a queue";
        let look = sqlx::query(sql::QUEUE).bind(queue.as_str());
        let row = look.fetch_one(&mut *self.reader(DOING).await?).await.map_err(failed(DOING))?;
        queue_info(queue, &row).map_err(failed(DOING))
    }

    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        const DOING: &str = "read a queue's history";
        let today = self.now().day();
        let first = today.saturating_sub(i64::try_from(days).unwrap_or(i64::MAX)).saturating_add(1);
        let counts = sqlx::query_as::<_, (i64, i64, i64)>(sql::HISTORY)
            .bind(queue.as_str())
            .bind(first.max(i64::MIN + 1))
            .bind(today)
            .fetch_all(&mut *self.reader(DOING).await?)
            .await
            .map_err(failed(DOING))?;
        let count = |day| {
            let (_, processed, failed) =
                counts.iter().find(|(of, ..)| *of == day).copied().unwrap_or_default();
            DayCount { day, processed: processed.unsigned_abs(), failed: failed.unsigned_abs() }
        };
        Ok((first..=today).rev().map(count).collect())
    }

    async fn list(&self, queue: &QueueName, state: State, page: Page) -> Result<Vec<TaskInfo>> {
        const DOING: &str = "list tasks";
        let (statement, read): (_, fn(&SqliteRow) -> Result<TaskInfo, BoxError>) = match state {
            State::Pending => (sql::LIST_PENDING, live_info),
            State::Active => (sql::LIST_ACTIVE, live_info),
            State::Scheduled => (sql::LIST_SCHEDULED, live_info),
            State::Retry => (sql::LIST_RETRY, live_info),
            State::Archived => (sql::LIST_ARCHIVED, ended_info),
            State::Completed => (sql::LIST_COMPLETED, ended_info),
            State::Aggregating => return Ok(Vec::new()),
        };
        let rows = sqlx::query(statement)
            .bind(queue.as_str())
            .bind(i64::try_from(page.limit).unwrap_or(i64::MAX))
            .bind(i64::try_from(page.offset).unwrap_or(i64::MAX))
            .fetch_all(&mut *self.reader(DOING).await?)
            .await
            .map_err(failed(DOING))?;
        rows.iter().map(|row| read(row).map_err(|error| unreadable(DOING, error))).collect()
    }

    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        const DOING: &str = "read a task";
        let mut tx = self.pools.readers.begin().await.map_err(failed(DOING))?;
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

    async fn run(&self, queue: &QueueName, id: &TaskId) -> Result<Action> {
        const DOING: &str = "run a task";
        let mut tx = self.write(DOING).await?;
        let now = self.now().as_millis();
        let mut on_task = OnTask { conn: &mut tx, queue, id };
        let action = on_task.run(now).await.map_err(failed(DOING))?;
        tx.commit().await.map_err(failed(DOING))?;
        if action == Action::Applied {
            self.news.pending();
        }
        Ok(action)
    }

    async fn delete(&self, queue: &QueueName, id: &TaskId) -> Result<Action> {
        const DOING: &str = "delete a task";
        let mut tx = self.write(DOING).await?;
        let today = self.now().day();
        let mut on_task = OnTask { conn: &mut tx, queue, id };
        let action = on_task.delete(today).await.map_err(failed(DOING))?;
        tx.commit().await.map_err(failed(DOING))?;
        Ok(action)
    }

    async fn pause(&self, queue: &QueueName) -> Result<()> {
        const DOING: &str = "pause a queue";
        let pause = sqlx::query(sql::PAUSE).bind(queue.as_str()).bind(self.now().as_millis());
        pause.execute(&mut *self.writer(DOING).await?).await.map(drop).map_err(failed(DOING))
    }

    async fn resume(&self, queue: &QueueName) -> Result<()> {
        const DOING: &str = "resume a queue";
        let resume = sqlx::query(sql::RESUME).bind(queue.as_str());
        resume.execute(&mut *self.writer(DOING).await?).await.map_err(failed(DOING))?;
        self.news.pending();
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
    let columns =
        [State::Pending, State::Active, State::Scheduled, State::Retry, State::Archived, State::Completed];
    for (column, state) in (1..).zip(columns) {
        counts.set(state, number(column)?);
    }
    Ok(Some(QueueInfo {
        queue: queue.clone(),
        counts,
        oldest_pending_since: moment(7)?,
        paused_since: moment(8)?,
        processed: number(9)?,
        failed: number(10)?,
    }))
}

/// An operator's hand on one task, in a transaction.
struct OnTask<'a> {
    conn: &'a mut SqliteConnection,
    queue: &'a QueueName,
    id: &'a TaskId,
}

impl OnTask<'_> {
    async fn run(&mut self, now: i64) -> sqlx::Result<Action> {
        if self.affects(sql::RUN_WAITING, now).await? {
            sqlx::query(sql::ADVANCE).bind(1_i64).execute(&mut *self.conn).await?;
            return Ok(Action::Applied);
        }
        if self.affects(sql::RUN_ENDED, now).await? && self.affects(sql::DELETE_ENDED, now).await? {
            return Ok(Action::Applied);
        }
        self.refused().await
    }

    async fn delete(&mut self, today: i64) -> sqlx::Result<Action> {
        if self.affects(sql::DELETE_LIVE, today).await? || self.affects(sql::DELETE_ENDED, today).await? {
            let know = sqlx::query(sql::KNOW_QUEUE).bind(self.queue.as_str()).bind(today);
            know.execute(&mut *self.conn).await?;
            return Ok(Action::Applied);
        }
        self.refused().await
    }

    /// True if the statement found the task in a state that it is for.
    async fn affects(&mut self, statement: &'static str, third: i64) -> sqlx::Result<bool> {
        let step = sqlx::query(statement).bind(self.queue.as_str()).bind(self.id.as_str()).bind(third);
        Ok(step.execute(&mut *self.conn).await?.rows_affected() > 0)
    }

    async fn refused(&mut self) -> sqlx::Result<Action> {
        let state = sqlx::query_scalar::<_, i64>(sql::STATE).bind(self.queue.as_str()).bind(self.id.as_str());
        match state.fetch_optional(&mut *self.conn).await? {
            None => Ok(Action::NotFound),
            Some(code) => row::state(code).map(Action::Refused).map_err(sqlx::Error::Decode),
        }
    }
}
