//! The bank's database and its task queue, looked at from outside while its processes run or after they are gone.

use crate::home::Home;
use crate::process::PATIENCE;
use aftercommit::postgres::{PostgresOptions, PostgresOutbox, PostgresQueue};
use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::sqlite::{SqliteOutbox, SqlitePools, SqliteQueue};
use aftercommit::{Backend, Message, Outbox, Page, QueueInfo, QueueName, TaskInfo, TaskState};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// More tasks than any test has.
const ALL: usize = 1000;
/// A queue has nobody to wake for being empty, so it is asked again after this long.
const AGAIN: Duration = Duration::from_millis(10);
/// The states of a task that somebody still has to do something about.
const UNFINISHED: [TaskState; 4] =
    [TaskState::Pending, TaskState::Active, TaskState::Scheduled, TaskState::Retry];

/// An open database. To be closed, so that no process of the bank finds it in use.
pub(crate) struct Database {
    tables: Tables,
    /// What leaves for Redis, where there is one.
    outbox: Arc<dyn Outbox>,
    /// Where the workers of this home take tasks from.
    queue: Arc<dyn Backend>,
    critical: QueueName,
}

/// The tables, past the bank.
pub(crate) enum Tables {
    Sqlite(SqlitePools),
    Postgres { pool: PgPool, queue: PostgresQueue, outbox: PostgresOutbox },
}

impl Database {
    pub(crate) async fn open(home: &Home) -> Self {
        let (tables, own, outbox) = match setting(home, "DB_SOURCE") {
            Some(source) => on_postgres(source),
            None => on_sqlite(home).await,
        };
        let queue: Arc<dyn Backend> = match setting(home, "REDIS_ADDRESS") {
            None => own,
            Some(address) => Arc::new(RedisBackend::new(RedisOptions::parse(address).unwrap())),
        };
        Self { tables, outbox, queue, critical: QueueName::new("critical").unwrap() }
    }

    pub(crate) async fn close(self) {
        match self.tables {
            Tables::Sqlite(pools) => pools.close().await,
            Tables::Postgres { pool, queue, outbox } => {
                tokio::join!(pool.close(), queue.close(), outbox.close());
            }
        }
    }

    /// The one number that a query finds.
    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        let found = match &self.tables {
            Tables::Sqlite(pools) => sqlx::query_scalar(query).fetch_one(&pools.readers).await,
            Tables::Postgres { pool, .. } => sqlx::query_scalar(query).fetch_one(pool).await,
        };
        found.unwrap()
    }

    pub(crate) const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The tasks in a state.
    pub(crate) async fn tasks(&self, state: TaskState) -> Vec<TaskInfo> {
        self.queue.list(&self.critical, &state.into(), Page::first(ALL)).await.unwrap()
    }

    /// The tasks that are not over.
    pub(crate) async fn unfinished(&self) -> Vec<Message> {
        let mut tasks = Vec::new();
        for state in UNFINISHED {
            tasks.extend(self.tasks(state).await.into_iter().map(|task| task.message));
        }
        tasks
    }

    /// What the queue says about itself; `None` if there was never a task.
    pub(crate) async fn queue(&self) -> Option<QueueInfo> {
        self.queue.queue(&self.critical).await.unwrap()
    }

    /// How many tasks wait to be published.
    pub(crate) async fn unpublished(&self) -> u64 {
        let backlog = self.outbox.backlog().await.unwrap();
        backlog.waiting + backlog.buried
    }

    /// Waits until every task is over, and says how long that took.
    pub(crate) async fn until_idle(&self) -> Duration {
        let started = Instant::now();
        let idle = async {
            // In this order: a task is in the queue before it has left the outbox.
            while self.unpublished().await > 0 || self.unfinished_count().await > 0 {
                sleep(AGAIN).await;
            }
        };
        if timeout(PATIENCE, idle).await.is_err() {
            panic!("after {PATIENCE:?} there is still work: {:?}", self.unfinished().await);
        }
        started.elapsed()
    }

    async fn unfinished_count(&self) -> u64 {
        // A queue that is away for a moment says nothing about its tasks.
        let Ok(queue) = self.queue.queue(&self.critical).await else { return 1 };
        let Some(queue) = queue else { return 0 };
        UNFINISHED.into_iter().map(|state| queue.counts.get(state)).sum()
    }
}

async fn on_sqlite(home: &Home) -> (Tables, Arc<dyn Backend>, Arc<dyn Outbox>) {
    let queue = SqliteQueue::open(home.path().join("simplebank.db")).await.unwrap();
    let pools = queue.pools().clone();
    let outbox = SqliteOutbox::new(pools.clone());
    (Tables::Sqlite(pools), Arc::new(queue), Arc::new(outbox))
}

fn on_postgres(source: &str) -> (Tables, Arc<dyn Backend>, Arc<dyn Outbox>) {
    let options = PostgresOptions::parse(source).unwrap();
    let (queue, outbox) = (PostgresQueue::new(&options), PostgresOutbox::new(&options));
    let pool = PgPool::connect_lazy(source).unwrap();
    let tables = Tables::Postgres { pool, queue: queue.clone(), outbox: outbox.clone() };
    (tables, Arc::new(queue), Arc::new(outbox))
}

/// What the processes of this home are told. The last word counts, and an empty one is none.
fn setting<'a>(home: &'a Home, name: &str) -> Option<&'a str> {
    let found = home.settings.iter().rev().find(|(key, _)| *key == name);
    found.map(|(_, value)| &**value).filter(|value| !value.is_empty())
}
