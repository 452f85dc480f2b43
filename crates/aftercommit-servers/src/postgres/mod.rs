//! A private Postgres.

mod builder;
mod programs;
mod server;

pub use builder::PostgresServerBuilder;
pub(crate) use programs::Owner;
pub use server::{PostgresServer, Shutdown};
