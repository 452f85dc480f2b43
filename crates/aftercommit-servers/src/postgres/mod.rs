//! A private Postgres.

mod bouncer;
mod builder;
mod database;
mod programs;
mod server;

pub use bouncer::PgBouncer;
pub use builder::PostgresServerBuilder;
pub use database::PostgresDatabase;
pub(crate) use programs::Owner;
pub use server::{PostgresServer, Shutdown};
