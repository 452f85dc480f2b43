//! What a test does to Postgres, and asks it, past the code under test.

use aftercommit::{Inspect as _, QueueName};
use aftercommit_servers::Shutdown;
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::kit::{LOOK_AGAIN, Rig, through};

impl Rig {
    /// Waits until Postgres answers so.
    pub(crate) async fn until_postgres_says(&self, sql: &str, answer: &str) {
        while self.sql(sql) != answer {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// A statement, past the code under test.
    pub(crate) fn sql(&self, sql: &str) -> String {
        tokio::task::block_in_place(|| self.server.psql_at(&self.url, sql)).unwrap()
    }

    /// How many attempts have ended, and how many of them had failed, by the books of the queue.
    pub(crate) async fn counted(&self) -> (u64, u64) {
        let queue = self.another_backend().queue(&QueueName::default()).await.unwrap().unwrap();
        (queue.processed, queue.failed)
    }

    /// Ends Postgres in one of its ways.
    pub(crate) fn stop_postgres(&mut self, how: Shutdown) {
        tokio::task::block_in_place(|| self.server.stop(how)).unwrap();
    }

    /// Ends Postgres without warning.
    pub(crate) fn kill_postgres(&mut self) {
        tokio::task::block_in_place(|| self.server.kill()).unwrap();
    }

    pub(crate) fn start_postgres(&mut self) {
        tokio::task::block_in_place(|| self.server.start_again()).unwrap();
    }

    /// The host's own connections.
    pub(crate) fn host_pool(&self) -> PgPool {
        PgPool::connect_lazy(&self.url).unwrap()
    }

    /// The same through the bad network.
    pub(crate) fn host_pool_through_the_proxy(&self) -> PgPool {
        PgPool::connect_lazy(&through(&self.server, &self.url, self.proxy())).unwrap()
    }

    /// Ends all sessions and takes every connection that Postgres gives.
    pub(crate) async fn take_all_connections(&self) -> Vec<PgConnection> {
        let mut taken = Vec::new();
        self.terminate_sessions();
        while let Ok(connection) = PgConnection::connect(&self.url).await {
            taken.push(connection);
        }
        taken
    }

    /// Ends all sessions, as an administrator may.
    pub(crate) fn terminate_sessions(&self) {
        tokio::task::block_in_place(|| self.server.terminate_backends()).unwrap();
    }
}
