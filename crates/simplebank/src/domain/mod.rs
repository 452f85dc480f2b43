//! What the bank talks about, without any input or output: values that are parsed once at the edge
//! and hold their rules from then on.

pub mod email;
pub mod idempotency;
pub mod name;
pub mod password;
mod text;
pub mod time;
pub mod user;
pub mod verification;
pub mod violation;
