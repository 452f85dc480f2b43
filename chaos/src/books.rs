//! The books: all that the auditor reads of the stores. Each kind of database is a variant here, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aftercommit::postgres::{PostgresOptions, PostgresOutbox, PostgresQueue};
use aftercommit::redis::RedisBackend;
use aftercommit::sqlite::{SqliteOutbox, SqlitePools, SqliteQueue};
use aftercommit::{Backend, Outbox, QueueName, TaskState};
use sqlx::{Connection as _, PgConnection};

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
    /// Tasks that are not over, and rows that wait in the outbox or are kept there until their task is over.
    pub(crate) unfinished: u64,
    /// Tasks that ended badly, and rows that were set aside.
    pub(crate) set_aside: u64,
    /// Settlements of attempts that succeeded, as the queue has counted them.
    pub(crate) succeeded: u64,
}

/// The database of a fleet, past any bad network.
#[derive(Debug)]
pub(crate) enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// The URL of a database on a server.
    Postgres(String),
}

/// What is counted of tasks.
#[derive(Debug, Clone, Copy, Default)]
struct Tasks {
    unfinished: u64,
    set_aside: u64,
    succeeded: u64,
}

impl Database {
    /// How much is not done yet.
    pub(crate) async fn unfinished(&self, redis: Option<&RedisBackend>) -> anyhow::Result<u64> {
        Ok(self.tasks(redis).await?.unfinished)
    }

    /// All of the books.
    pub(crate) async fn books(&self, redis: Option<&RedisBackend>) -> anyhow::Result<Books> {
        let (users, rows) = self.people().await?;
        let Tasks { unfinished, set_aside, succeeded } = self.tasks(redis).await?;
        Ok(Books { users: users.into_iter().collect(), codes: codes(rows), unfinished, set_aside, succeeded })
    }

    async fn people(&self) -> anyhow::Result<(Vec<User>, Vec<Code>)> {
        match self {
            Self::Sqlite(path) => {
                let file = SqlitePools::open(path).await?;
                let users = sqlx::query_as(USERS).fetch_all(&file.readers).await?;
                let rows = sqlx::query_as(CODES).fetch_all(&file.readers).await?;
                file.close().await;
                Ok((users, rows))
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                let users = sqlx::query_as(USERS).fetch_all(&mut connection).await?;
                Ok((users, sqlx::query_as(CODES).fetch_all(&mut connection).await?))
            }
        }
    }

    async fn tasks(&self, redis: Option<&RedisBackend>) -> anyhow::Result<Tasks> {
        match self {
            Self::Sqlite(path) => {
                let file = SqliteQueue::open(path).await?;
                let outbox = SqliteOutbox::new(file.pools().clone());
                let tasks = count(&outbox, redis.map_or(&file as &dyn Backend, |redis| redis)).await;
                file.pools().close().await;
                tasks
            }
            Self::Postgres(url) => {
                let options = PostgresOptions::parse(url)?;
                let (queue, outbox) = (PostgresQueue::new(&options), PostgresOutbox::new(&options));
                let tasks = count(&outbox, redis.map_or(&queue as &dyn Backend, |redis| redis)).await;
                queue.close().await;
                outbox.close().await;
                tasks
            }
        }
    }
}

/// Name and address.
type User = (String, String);
/// Name and hash of the code.
type Code = (String, Option<Vec<u8>>);

const USERS: &str = "SELECT username, email FROM users";
const CODES: &str = "SELECT username, code_hash FROM verify_emails";

async fn count(outbox: &dyn Outbox, queue: &dyn Backend) -> anyhow::Result<Tasks> {
    // In this order: a task is in the queue before it has left the outbox.
    let backlog = outbox.backlog().await?;
    let queue = queue.queue(&QueueName::new(QUEUE)?).await?;
    let mut tasks =
        Tasks { unfinished: backlog.waiting + backlog.kept, set_aside: backlog.buried, succeeded: 0 };
    if let Some(queue) = queue {
        tasks.unfinished += UNFINISHED.iter().map(|state| queue.counts.get(*state)).sum::<u64>();
        tasks.set_aside += queue.counts.get(TaskState::Archived);
        tasks.succeeded = queue.processed.saturating_sub(queue.failed);
    }
    Ok(tasks)
}

fn codes(rows: Vec<Code>) -> BTreeMap<String, BTreeSet<String>> {
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (username, hash) in rows {
        codes.entry(username).or_default().insert(hash.map(hex::encode).unwrap_or_default());
    }
    codes
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
        let path = home.path().join("bank.db");
        let database = Database::Sqlite(path.clone());
        let queue = SqliteQueue::open(&path).await.unwrap();
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
