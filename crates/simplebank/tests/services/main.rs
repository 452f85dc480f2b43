//! The use cases on real databases, here SQLite (`services_on_postgres` is the same on Postgres): what they do, what they refuse, and what is left when many
//! ask at once or something fails in the middle.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod create_user;
mod database;
mod files;
mod idempotency;
mod kit;
mod store;
mod transports;
mod verification_mail;
mod verify_email;
