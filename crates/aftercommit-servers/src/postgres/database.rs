//! A database of one test on a server that many share.

use std::sync::Arc;

use super::PostgresServer;

/// An empty database of its own. Dropped, it is gone with all that is in it: hundreds of tests on one server would fill the
/// disk.
#[derive(Debug)]
pub struct PostgresDatabase {
    server: Arc<PostgresServer>,
    name: String,
}

impl PostgresDatabase {
    /// Makes one.
    pub fn make(server: Arc<PostgresServer>) -> anyhow::Result<Self> {
        let name = server.database()?;
        Ok(Self { server, name })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server that it is on.
    pub fn server(&self) -> &PostgresServer {
        &self.server
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        // Where it fails, the server's own end comes soon enough.
        let _ = self.server.psql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
