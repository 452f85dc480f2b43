//! Postgres, as the fault tests that are the same for every store want it.

use std::time::Duration;

use aftercommit::postgres::{PostgresOptions, PostgresQueue};
use aftercommit_servers::{ChaosProxy, PostgresServer, PostgresServerBuilder, Shutdown};

pub(crate) type Backend = PostgresQueue;
pub(crate) type ServerBuilder = PostgresServerBuilder;

/// What the library calls it in its lines.
pub(crate) const NAME: &str = "postgres";
/// How often it is asked for what it cannot tell unasked.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long an answer is waited for over a network that is slow.
pub(crate) const SLOW_ANSWER: Duration = Duration::from_secs(5);

/// A Postgres that nobody else uses, and a database on it.
pub(crate) struct Store {
    pub(crate) server: PostgresServer,
    pub(crate) url: String,
}

impl Store {
    pub(crate) fn builder() -> ServerBuilder {
        // What is committed survives a crash of Postgres, though not one of the machine.
        PostgresServer::builder().set("synchronous_commit", "on")
    }

    pub(crate) fn start(builder: ServerBuilder) -> Self {
        let server = builder.start().unwrap();
        let url = server.database_url().unwrap();
        Self { server, url }
    }

    pub(crate) fn backend(&self) -> Backend {
        PostgresQueue::new(&PostgresOptions::parse(&self.url).unwrap())
    }

    pub(crate) fn backend_through(&self, proxy: &ChaosProxy, limit: Duration) -> Backend {
        let options = PostgresOptions::parse(&self.url_through(proxy)).unwrap();
        PostgresQueue::new(&options.call_timeout(limit).connect_timeout(limit))
    }

    pub(crate) fn url_through(&self, proxy: &ChaosProxy) -> String {
        self.url.replace(&self.server.addr().to_string(), &proxy.addr().to_string())
    }

    /// Makes an empty store ready to be used.
    pub(crate) async fn prepare(backend: &Backend) {
        backend.migrate().await.unwrap();
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(&mut self) {
        self.server.stop(Shutdown::Fast).unwrap();
    }
}
