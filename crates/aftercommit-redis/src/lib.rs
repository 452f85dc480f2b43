//! aftercommit's back-end on Redis, in the wire format of Go's asynq: both may serve one Redis.

mod backend;
mod broker;
mod by_queue;
mod check;
mod cluster;
mod command;
mod connect;
mod connection;
mod dequeue;
mod enqueue;
mod error;
mod exact;
mod go_time;
mod groups;
mod inspect;
mod item;
mod keys;
mod link;
mod listener;
mod message;
mod options;
mod patch;
mod presence;
mod proto;
mod read;
mod reconnect;
mod redis_clock;
mod reply;
mod salvage;
mod scheduler_entry;
mod schedules;
mod script;
mod seconds;
mod sentinel;
mod server;
mod settle;
mod stream;
mod time;
mod token;
mod undertaker;
mod unreadable;
mod upkeep;
mod uri;
mod view;
mod wire;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod oracle;

pub use backend::RedisBackend;
pub use options::{RedisOptions, RedisTls};

/// The parts, for this crate's own tests and benchmarks against a real server. They may change at any time.
#[doc(hidden)]
pub mod internals {
    pub use crate::check::Concern;
    pub use crate::command::Command;
    pub use crate::link::{Link, Traffic};
    pub use crate::reply::Reply;
    pub use crate::script::{Invocation, Script};

    /// What a back-end has sent so far, its listener's connection not counted.
    pub fn traffic(backend: &crate::RedisBackend) -> Traffic {
        backend.link.traffic()
    }
}
