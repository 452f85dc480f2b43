//! The bank's database and its task queue, looked at from outside while its processes run or after they are gone.

use crate::home::Home;
use crate::process::PATIENCE;
use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::sqlite::{SqliteOutbox, SqlitePools, SqliteQueue};
use aftercommit::{Backend, Message, Outbox, Page, QueueInfo, QueueName, TaskInfo, TaskState};
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
    /// The handle on the file.
    file: SqliteQueue,
    /// Where the workers of this home take tasks from.
    queue: Arc<dyn Backend>,
    critical: QueueName,
}

impl Database {
    pub(crate) async fn open(home: &Home) -> Self {
        let file = SqliteQueue::open(home.path().join("simplebank.db")).await.unwrap();
        let redis = home.settings.iter().find(|(name, _)| *name == "REDIS_ADDRESS");
        let queue: Arc<dyn Backend> = match redis {
            None => Arc::new(file.clone()),
            Some((_, address)) => Arc::new(RedisBackend::new(RedisOptions::parse(address).unwrap())),
        };
        Self { file, queue, critical: QueueName::new("critical").unwrap() }
    }

    pub(crate) async fn close(self) {
        self.pools().close().await;
    }

    pub(crate) const fn pools(&self) -> &SqlitePools {
        self.file.pools()
    }

    /// The one number that a query finds.
    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pools().readers).await.unwrap()
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
        let backlog = SqliteOutbox::new(self.pools().clone()).backlog().await.unwrap();
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
        // A Redis that is away for a moment says nothing about its tasks.
        let Ok(queue) = self.queue.queue(&self.critical).await else { return 1 };
        let Some(queue) = queue else { return 0 };
        UNFINISHED.into_iter().map(|state| queue.counts.get(state)).sum()
    }
}
