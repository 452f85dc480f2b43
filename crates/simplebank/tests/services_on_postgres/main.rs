//! The use cases on a real Postgres: the tests of `services`, and what can only happen here.

mod database;

#[path = "../services/create_user.rs"]
mod create_user;
#[path = "../services/idempotency.rs"]
mod idempotency;
#[path = "../services/kit.rs"]
mod kit;
#[path = "../services/transports.rs"]
mod transports;
#[path = "../services/verification_mail.rs"]
mod verification_mail;
#[path = "../services/verify_email.rs"]
mod verify_email;
