//! The use cases on a real Postgres: the tests of `services`, and what can only happen here.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod adoption;
mod catalog;
mod conflicts;
mod database;
mod docs;
mod outages;
mod plans;
mod pooler;

#[path = "../services/create_user.rs"]
mod create_user;
#[path = "../services/idempotency.rs"]
mod idempotency;
#[path = "../services/kit.rs"]
mod kit;
#[path = "../services/store/mod.rs"]
mod store;
#[path = "../services/transports.rs"]
mod transports;
#[path = "../services/verification_mail.rs"]
mod verification_mail;
#[path = "../services/verify_email.rs"]
mod verify_email;
