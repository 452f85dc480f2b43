//! A queue in a database of its own.

use std::sync::Arc;

use aftercommit_core::{RawTask, TaskType};
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::PostgresServer;
use sqlx::PgPool;

/// A database with the tables of the queue.
pub(crate) struct Kit {
    /// The handle.
    pub(crate) queue: PostgresQueue,
    /// The host's connections.
    pub(crate) pool: PgPool,
    /// Where the database is.
    pub(crate) url: String,
    server: Arc<PostgresServer>,
}

impl Kit {
    /// An empty database.
    pub(crate) async fn empty() -> Self {
        let server = PostgresServer::shared().expect("a server");
        let url = server.database_url().expect("a database");
        let queue = PostgresQueue::new(&PostgresOptions::parse(&url).expect("the server's address"));
        let pool = PgPool::connect_lazy(&url).expect("the server's address");
        Self { queue, pool, url, server: server }
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

    /// The number that a statement answers with.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.expect("a number")
    }
}

/// A task without a payload type.
pub(crate) fn task() -> RawTask {
    RawTask { task_type: TaskType::new("test:raw").expect("a type"), payload: "{}".into() }
}
