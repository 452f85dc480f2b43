//! A queue on a Postgres that counts the statements of its calls.

use aftercommit_core::{Broker, Clock, NewTask, Options, SystemClock};
use aftercommit_postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::PostgresServer;
use sqlx::PgPool;

/// A queue in a database on a server of its own.
pub(crate) struct Counted {
    pub(crate) queue: PostgresQueue,
    /// The host's connections.
    pub(crate) pool: PgPool,
    _server: PostgresServer,
}

/// Those of the queue begin with a comment. A notification is sent by a task of its own.
const CALLS: &str = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
                      WHERE query LIKE '--%' AND query NOT LIKE '%pg_notify%'";

impl Counted {
    pub(crate) async fn new() -> Self {
        let server = PostgresServer::builder().set("shared_preload_libraries", "pg_stat_statements");
        let server = server.start().expect("a server");
        let url = server.database_url().expect("a database");
        let queue = PostgresQueue::new(&PostgresOptions::parse(&url).expect("the server's address"));
        queue.migrate().await.expect("the tables are made");
        let pool = PgPool::connect_lazy(&url).expect("the server's address");
        sqlx::query("CREATE EXTENSION pg_stat_statements").execute(&pool).await.expect("it is installed");
        Self { queue, pool, _server: server }
    }

    async fn calls(&self) -> i64 {
        sqlx::query_scalar(CALLS).fetch_one(&self.pool).await.expect("a number")
    }

    /// How many statements a call needs, and its answer.
    pub(crate) async fn count<T, E: std::fmt::Debug>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> (i64, T) {
        let before = self.calls().await;
        let answer = call.await.expect("it works");
        (self.calls().await - before, answer)
    }

    /// Stores tasks.
    pub(crate) async fn store(&self, new: impl Iterator<Item = NewTask>) {
        let now = SystemClock.now();
        let new: Vec<_> = new.map(|task| task.resolve(&Options::new(), now).expect("it is valid")).collect();
        for answer in self.queue.enqueue(&new).await.expect("it works") {
            answer.expect("it is stored");
        }
    }
}
