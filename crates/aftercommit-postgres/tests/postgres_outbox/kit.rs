//! An outbox in a database of its own, by the clock of the database.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Claim, NewTask, Options, Outbox, RawTask, RowKey, Task, TaskType};
use aftercommit_postgres::{PostgresOptions, PostgresOutbox};
use aftercommit_servers::PostgresServer;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

/// How long the tests hold what they claim.
pub(crate) const HOLD: Duration = Duration::from_secs(30);

pub(crate) struct Kit {
    pub(crate) outbox: PostgresOutbox,
    /// The host's connections.
    pub(crate) pool: PgPool,
    url: String,
    _server: Arc<PostgresServer>,
}

impl Kit {
    pub(crate) async fn new() -> Self {
        Self::on(PostgresServer::shared().expect("a server")).await
    }

    /// On a server that nobody else uses, for what is counted by the server as a whole.
    pub(crate) async fn alone() -> Self {
        Self::on(Arc::new(PostgresServer::start().expect("a server"))).await
    }

    async fn on(server: Arc<PostgresServer>) -> Self {
        let url = server.database_url().expect("a database");
        let outbox = handle(&url);
        outbox.migrate().await.expect("the tables are made");
        let pool = PgPool::connect_lazy(&url).expect("the server's address");
        Self { outbox, pool, url, _server: server }
    }

    /// Another handle, as another process has one.
    pub(crate) fn other_process(&self) -> PostgresOutbox {
        handle(&self.url)
    }

    /// Commits so many tasks.
    pub(crate) async fn add(&self, count: usize) {
        let mut tx = self.outbox.begin(&self.pool).await.expect("begin");
        let tasks = (0..count).map(|_| raw().into()).collect();
        for answer in self.outbox.enqueue_batch_in(&mut tx, tasks).await.expect("enqueue") {
            answer.expect("it is stored");
        }
        tx.commit().await.expect("commit");
    }

    /// Where the database is.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) async fn claim(&self, limit: usize) -> Claim {
        self.outbox.claim(limit, HOLD).await.expect("claim")
    }

    pub(crate) async fn waiting(&self) -> u64 {
        self.outbox.backlog().await.expect("backlog").waiting
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.expect("it works");
    }
}

fn handle(url: &str) -> PostgresOutbox {
    PostgresOutbox::new(&PostgresOptions::parse(url).expect("the server's address").max_connections(4))
}

pub(crate) fn raw() -> RawTask {
    RawTask { task_type: TaskType::new("test:raw").expect("a valid type"), payload: "{}".into() }
}

pub(crate) fn new(id: &str) -> NewTask {
    NewTask::from(raw()).with(Options::new().id(id))
}

pub(crate) fn ids(claim: &Claim) -> Vec<&str> {
    claim.rows.iter().map(|row| row.task.message.id.as_str()).collect()
}

pub(crate) fn keys(claim: &Claim) -> Vec<RowKey> {
    claim.rows.iter().map(|row| row.key).collect()
}

/// A typed task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SendMail {
    pub(crate) to: String,
}

impl Task for SendMail {
    const TYPE: &'static str = "mail:send";

    fn options() -> Options {
        Options::new().max_retry(7)
    }
}

pub(crate) fn mail() -> SendMail {
    SendMail { to: "alice".into() }
}
