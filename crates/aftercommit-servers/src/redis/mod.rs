//! A private `redis-server`.

mod builder;
mod server;

pub use builder::{AppendFsync, RedisServerBuilder};
pub use server::RedisServer;
