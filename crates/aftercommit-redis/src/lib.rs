//! aftercommit's back-end on Redis, in the wire format of Go's asynq: both may serve one Redis.

mod check;
mod cluster;
mod command;
mod connect;
mod connection;
mod error;
mod keys;
mod link;
mod message;
mod options;
mod reconnect;
mod reply;
mod script;
mod sentinel;
mod stream;
mod uri;

pub use options::{RedisOptions, RedisTls};

/// The parts, for this crate's own tests and benchmarks against a real server. They may change at any time.
#[doc(hidden)]
pub mod internals {
    pub use crate::check::Concern;
    pub use crate::command::Command;
    pub use crate::link::{Link, Traffic};
    pub use crate::reply::Reply;
    pub use crate::script::{Invocation, Script};
}
