//! The database of the scenes: one of a Postgres, looked at with `psql`.

use crate::home::Home;
use aftercommit::postgres::{PostgresOptions, PostgresOutbox};
use aftercommit::{Backlog, Outbox};
use aftercommit_servers::PostgresServer;
use std::sync::Arc;

/// What tables and titles call it.
pub(crate) const NAME: &str = "Postgres";

/// A database of its own, on a server that the scenes share.
pub(crate) struct Database {
    server: Arc<PostgresServer>,
    name: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        let server = PostgresServer::shared().unwrap();
        let name = server.database().unwrap();
        Self { server, name }
    }

    /// What the bank has to be told about it.
    pub(crate) fn source(&self) -> String {
        self.server.url(&self.name)
    }

    /// What a query of one column finds, as others see it: what has not been committed is not there.
    pub(crate) async fn look(&self, _: &Home, query: &'static str) -> String {
        println!("$ psql --tuples-only --command \"{query}\"");
        self.server.psql(&self.name, query).unwrap()
    }

    /// What waits to be published, and what is kept although it is.
    pub(crate) async fn backlog(&self, _: &Home) -> Backlog {
        let outbox = PostgresOutbox::new(&PostgresOptions::parse(&self.source()).unwrap());
        let backlog = outbox.backlog().await.unwrap();
        outbox.close().await;
        backlog
    }
}
