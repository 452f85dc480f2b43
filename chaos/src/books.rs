//! The books: all that the auditor reads of the stores. Each kind of database is a variant here, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aftercommit::redis::RedisBackend;
use aftercommit::sqlite::{SqliteOutbox, SqliteQueue};
use aftercommit::{Backend, Outbox as _, QueueInfo, QueueName, TaskState};

use crate::kind::FleetKind;

/// The states of a task that somebody still has to do something about.
const UNFINISHED: [TaskState; 4] =
    [TaskState::Pending, TaskState::Active, TaskState::Scheduled, TaskState::Retry];
/// The queue of the bank's tasks.
const QUEUE: &str = "critical";

/// What the stores say at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// Addresses of the users, by name: who is here was committed.
    pub(crate) users: BTreeMap<String, String>,
    /// Hashes of the codes that each user could be verified with.
    pub(crate) codes: BTreeMap<String, BTreeSet<String>>,
    /// Tasks that are not over, and rows that wait in the outbox.
    pub(crate) unfinished: u64,
    /// Tasks that ended badly, and rows that were set aside.
    pub(crate) set_aside: u64,
    /// Settlements of attempts that succeeded, as the queue has counted them.
    pub(crate) succeeded: u64,
}

/// The database of a fleet.
#[derive(Debug)]
pub(crate) enum Database {
    /// A file.
    Sqlite(PathBuf),
}

impl Database {
    /// The database of a new fleet that lives in this directory.
    pub(crate) fn of(kind: FleetKind, home: &Path) -> Self {
        match kind {
            FleetKind::Sqlite | FleetKind::SqliteRedis => Self::Sqlite(home.join("simplebank.db")),
        }
    }

    /// The bank's `DB_SOURCE`.
    pub(crate) fn source(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
        }
    }

    /// How much is not done yet.
    pub(crate) async fn unfinished(&self, redis: Option<&RedisBackend>) -> anyhow::Result<u64> {
        match self {
            Self::Sqlite(path) => {
                let file = SqliteQueue::open(path).await?;
                let (unfinished, _, _) = tasks(&file, redis).await?;
                file.pools().close().await;
                Ok(unfinished)
            }
        }
    }

    /// All of the books.
    pub(crate) async fn books(&self, redis: Option<&RedisBackend>) -> anyhow::Result<Books> {
        match self {
            Self::Sqlite(path) => {
                let file = SqliteQueue::open(path).await?;
                let books = sqlite(&file, redis).await;
                file.pools().close().await;
                books
            }
        }
    }
}

async fn sqlite(file: &SqliteQueue, redis: Option<&RedisBackend>) -> anyhow::Result<Books> {
    let readers = &file.pools().readers;
    let users: Vec<(String, String)> =
        sqlx::query_as("SELECT username, email FROM users").fetch_all(readers).await?;
    let rows: Vec<(String, Option<Vec<u8>>)> =
        sqlx::query_as("SELECT username, code_hash FROM verify_emails").fetch_all(readers).await?;
    let (unfinished, set_aside, succeeded) = tasks(file, redis).await?;
    Ok(Books { users: users.into_iter().collect(), codes: codes(rows), unfinished, set_aside, succeeded })
}

fn codes(rows: Vec<(String, Option<Vec<u8>>)>) -> BTreeMap<String, BTreeSet<String>> {
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (username, hash) in rows {
        codes.entry(username).or_default().insert(hash.map(hex::encode).unwrap_or_default());
    }
    codes
}

/// Tasks that are not over, tasks that ended badly, and settlements that were accepted.
async fn tasks(file: &SqliteQueue, redis: Option<&RedisBackend>) -> anyhow::Result<(u64, u64, u64)> {
    let outbox = SqliteOutbox::new(file.pools().clone()).backlog().await?;
    // In this order: a task is in the queue before it has left the outbox.
    let queue = queue_info(redis.map_or(file as &dyn Backend, |redis| redis)).await?;
    let (mut unfinished, mut set_aside, mut succeeded) = (outbox.waiting, outbox.buried, 0);
    if let Some(queue) = queue {
        unfinished += UNFINISHED.iter().map(|state| queue.counts.get(*state)).sum::<u64>();
        set_aside += queue.counts.get(TaskState::Archived);
        succeeded = queue.processed.saturating_sub(queue.failed);
    }
    Ok((unfinished, set_aside, succeeded))
}

async fn queue_info(backend: &dyn Backend) -> anyhow::Result<Option<QueueInfo>> {
    Ok(backend.queue(&QueueName::new(QUEUE)?).await?)
}

#[cfg(test)]
mod tests {
    use aftercommit::{RawTask, TaskType};

    use super::*;

    /// The tables of the bank, as far as the auditor reads them.
    const BANK: &str = "CREATE TABLE users (username TEXT, email TEXT);
                        CREATE TABLE verify_emails (username TEXT, code_hash BLOB);
                        INSERT INTO users VALUES ('anna', 'a@x.example');
                        INSERT INTO verify_emails VALUES ('anna', x'0aff'), ('anna', NULL);";

    fn task() -> RawTask {
        RawTask { task_type: TaskType::new("mail:send").unwrap(), payload: "{}".into() }
    }

    #[tokio::test]
    async fn what_is_in_the_tables_is_in_the_books() {
        let home = tempfile::tempdir().unwrap();
        let database = Database::of(FleetKind::Sqlite, home.path());
        let Database::Sqlite(path) = &database;
        let queue = SqliteQueue::open(path).await.unwrap();
        queue.migrate().await.unwrap();
        sqlx::raw_sql(BANK).execute(&queue.pools().writer).await.unwrap();
        assert_eq!(database.unfinished(None).await.unwrap(), 0);
        let outbox = SqliteOutbox::new(queue.pools().clone());
        let mut tx = queue.begin().await.unwrap();
        queue.enqueue_raw_in(&mut tx, task()).queue(QUEUE).await.unwrap();
        outbox.enqueue_raw_in(&mut tx, task()).queue(QUEUE).await.unwrap();
        tx.commit().await.unwrap();
        queue.pools().close().await;

        assert_eq!(database.unfinished(None).await.unwrap(), 2);
        let books = database.books(None).await.unwrap();
        assert_eq!(books.users, [("anna".to_owned(), "a@x.example".to_owned())].into());
        let codes: BTreeSet<String> = ["0aff".to_owned(), String::new()].into();
        assert_eq!(books.codes, [("anna".to_owned(), codes)].into());
        assert_eq!((books.unfinished, books.set_aside, books.succeeded), (2, 0, 0));
    }
}
