//! Redis, as the fault tests that are the same for every store want it.

use std::time::Duration;

use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit_servers::{ChaosProxy, RedisServer, RedisServerBuilder};

pub(crate) type Backend = RedisBackend;
pub(crate) type ServerBuilder = RedisServerBuilder;

/// What the library calls it in its lines.
pub(crate) const NAME: &str = "redis";
/// How often it is asked for what it cannot tell unasked.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long an answer is waited for over a network that is slow.
pub(crate) const SLOW_ANSWER: Duration = Duration::from_secs(3);

/// A Redis that nobody else uses.
pub(crate) struct Store {
    pub(crate) server: RedisServer,
}

impl Store {
    pub(crate) fn builder() -> ServerBuilder {
        // Kept on disk now and then, as a worker asks for.
        RedisServer::builder().set("save", "3600 1")
    }

    pub(crate) fn start(builder: ServerBuilder) -> Self {
        Self { server: builder.start().unwrap() }
    }

    pub(crate) fn backend(&self) -> Backend {
        RedisBackend::new(RedisOptions::parse(&self.server.url()).unwrap())
    }

    pub(crate) fn backend_through(&self, proxy: &ChaosProxy, limit: Duration) -> Backend {
        let options = RedisOptions::parse(&proxy.addr().to_string()).unwrap();
        RedisBackend::new(options.read_timeout(limit).dial_timeout(limit))
    }

    /// Makes an empty store ready to be used: Redis is.
    pub(crate) async fn prepare(_: &Backend) {}

    /// Ends it as a service manager would.
    pub(crate) fn stop(&mut self) {
        self.server.stop().unwrap();
    }
}
