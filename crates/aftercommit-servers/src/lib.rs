//! Real servers, started privately for tests and benchmarks: each on loopback, in a directory of its own, gone when its
//! handle is dropped and when the process that started it dies.
//!
//! A dev-dependency, never part of a product. What cannot be started says which Debian package is missing.
//!
//! - [`RedisServer`]: `redis-server` with sockets, TLS, users, append-only file; it can be stopped, killed, paused and
//!   started again.
//! - [`PostgresServer`]: `postgres` with a database for each who asks, TLS and passwords; it can be stopped in Postgres' three
//!   ways, killed and started again.
//! - [`PgBouncer`]: a pooler in transaction mode in front of one.
//! - [`ChaosProxy`]: a slow, stalled, cut or absent network between a client and a server.

mod certificates;
mod chaos;
mod port;
mod postgres;
mod process;
mod redis;

pub use chaos::ChaosProxy;
pub use postgres::{PgBouncer, PostgresDatabase, PostgresServer, PostgresServerBuilder, Shutdown};
pub use redis::{AppendFsync, RedisServer, RedisServerBuilder};
