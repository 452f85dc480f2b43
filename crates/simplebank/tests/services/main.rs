//! The use cases on real database files: what they do, what they refuse, and what is left when many
//! ask at once or something fails in the middle.

mod create_user;
mod idempotency;
mod kit;
mod transports;
mod verification_mail;
mod verify_email;
