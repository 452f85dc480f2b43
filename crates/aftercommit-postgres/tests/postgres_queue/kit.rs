//! A queue in a database of its own.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{RawTask, TaskType};
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::PostgresServer;
use sqlx::PgPool;

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the server is asked for what it cannot tell unasked.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A database with the tables of the queue.
pub(crate) struct Kit {
    /// The handle.
    pub(crate) queue: PostgresQueue,
    /// The host's connections.
    pub(crate) pool: PgPool,
    /// Where the database is.
    pub(crate) url: String,
    /// What it is called.
    pub(crate) database: String,
    /// The server that it is on, which others use too.
    pub(crate) server: Arc<PostgresServer>,
}

impl Kit {
    /// An empty database.
    pub(crate) async fn empty() -> Self {
        let server = PostgresServer::shared().expect("a server");
        let database = server.database().expect("a database");
        let url = server.url(&database);
        let queue = PostgresQueue::new(&PostgresOptions::parse(&url).expect("the server's address"));
        let pool = PgPool::connect_lazy(&url).expect("the server's address");
        Self { queue, pool, url, database, server }
    }

    /// One with the tables.
    pub(crate) async fn new() -> Self {
        let kit = Self::empty().await;
        kit.queue.migrate().await.expect("the tables are made");
        kit
    }

    /// Another handle, as another process has one.
    pub(crate) fn handle(&self) -> PostgresQueue {
        PostgresQueue::new(&PostgresOptions::parse(&self.url).expect("the server's address"))
    }

    /// What `psql` prints for a statement, or says of its failure.
    pub(crate) fn psql(&self, sql: &str) -> Result<String, String> {
        self.server.psql_at(&self.url, sql).map_err(|error| error.to_string())
    }

    /// Whether a statement about this id finds something.
    pub(crate) async fn exists(&self, sql: &'static str, id: &str) -> bool {
        sqlx::query(sql).bind(id).fetch_optional(&self.pool).await.expect("it works").is_some()
    }

    /// The processes of the server that listen for news of this database.
    pub(crate) async fn listeners(&self) -> Vec<i32> {
        let listen = "SELECT pid FROM pg_stat_activity
                       WHERE datname = current_database() AND query LIKE 'LISTEN %' ORDER BY pid";
        sqlx::query_scalar(listen).fetch_all(&self.pool).await.expect("the listeners")
    }

    /// Waits until something is so that nobody tells.
    pub(crate) async fn until(&self, mut it_is_so: impl AsyncFnMut(&Self) -> bool) {
        let wait = async {
            while !it_is_so(self).await {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("it is so soon");
    }

    /// The number that a statement answers with.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect("a number")
    }
}

/// A task without a payload type.
pub(crate) fn task() -> RawTask {
    RawTask { task_type: TaskType::new("test:raw").expect("a type"), payload: "{}".into() }
}
