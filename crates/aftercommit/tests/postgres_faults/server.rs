//! What a test does to Postgres, and asks it, past the code under test.

use aftercommit_servers::Shutdown;
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::task::block_in_place;

use crate::kit::Rig;
use crate::store::LOOK_AGAIN;

impl Rig {
    /// Waits until Postgres answers so.
    pub(crate) async fn until_postgres_says(&self, sql: &str, answer: &str) {
        while self.sql(sql) != answer {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// A statement, past the code under test.
    pub(crate) fn sql(&self, sql: &str) -> String {
        block_in_place(|| self.store.server.psql_at(&self.store.url, sql)).unwrap()
    }

    /// Ends Postgres in one of its ways.
    pub(crate) fn stop_by(&mut self, how: Shutdown) {
        block_in_place(|| self.store.server.stop(how)).unwrap();
    }

    /// The host's own connections.
    pub(crate) fn host_pool(&self) -> PgPool {
        PgPool::connect_lazy(&self.store.url).unwrap()
    }

    /// The same through the bad network.
    pub(crate) fn host_pool_through_the_proxy(&self) -> PgPool {
        PgPool::connect_lazy(&self.store.url_through(self.proxy())).unwrap()
    }

    /// Ends all sessions and takes every connection that Postgres gives.
    pub(crate) async fn take_all_connections(&self) -> Vec<PgConnection> {
        let mut taken = Vec::new();
        self.terminate_sessions();
        while let Ok(connection) = PgConnection::connect(&self.store.url).await {
            taken.push(connection);
        }
        taken
    }

    /// Ends all sessions, as an administrator may.
    pub(crate) fn terminate_sessions(&self) {
        block_in_place(|| self.store.server.terminate_backends()).unwrap();
    }
}
