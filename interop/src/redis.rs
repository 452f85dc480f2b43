//! Where the Redis is that both sides share.

use std::net::SocketAddr;

/// A database of a Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redis {
    addr: SocketAddr,
    db: u32,
}

impl Redis {
    /// The database with this number at this address.
    pub fn at(addr: SocketAddr, db: u32) -> Self {
        Self { addr, db }
    }

    /// `redis://127.0.0.1:PORT/DB`.
    pub fn url(&self) -> String {
        format!("redis://{}/{}", self.addr, self.db)
    }

    /// What every Go program is told about it.
    pub fn args(&self) -> Vec<String> {
        ["--redis", &self.addr.to_string(), "--db", &self.db.to_string()].map(str::to_owned).to_vec()
    }

    /// The same behind a command's name.
    pub fn args_for(&self, command: &str) -> Vec<String> {
        std::iter::once(command.to_owned()).chain(self.args()).collect()
    }
}
