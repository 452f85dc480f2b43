//! A private Postgres.

mod bouncer;
mod builder;
mod programs;
mod server;

pub use bouncer::PgBouncer;
pub use builder::PostgresServerBuilder;
pub(crate) use programs::Owner;
pub use server::{PostgresServer, Shutdown};
