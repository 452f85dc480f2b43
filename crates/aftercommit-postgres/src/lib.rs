//! aftercommit's back-end on Postgres: the queue is a schema of its own, `aftercommit`, in the database of its host, and
//! a task is enqueued in the host's own transaction.
//!
//! [`PostgresQueue`] is the handle. It is a [`Backend`](aftercommit_core::Backend) for a worker, and its
//! [`enqueue_in`](PostgresQueue::enqueue_in) stores a task in a transaction on any connection to the same database.
//! What the engine itself does runs on a few connections of its own ([`PostgresOptions`]), so that a busy host and a busy
//! queue do not wait for each other's.
//!
//! [`PostgresOutbox`] is for hosts whose tasks run from another back-end: a relay publishes what is committed in it.
//!
//! Written for Postgres 12 or newer, and tested on 15.

mod batch;
mod bell;
mod broker;
mod cancel;
mod claims;
mod complete;
mod conn;
mod dequeue;
mod due;
mod enqueue;
mod error;
mod fields;
mod gather;
mod groups;
mod inspect;
mod leases;
mod links;
mod listener;
mod looks;
mod migrate;
mod news;
mod operate;
mod options;
mod outbox;
mod outcomes;
mod poller;
mod presence;
mod queue;
mod rest;
mod row;
mod session;
mod settle;
mod sink;
mod sql;
mod store;
mod text;
mod topic;
mod transactional;
mod tx;
mod unreadable;
mod upkeep;
mod watch;

pub use options::PostgresOptions;
pub use outbox::PostgresOutbox;
pub use queue::PostgresQueue;
pub use sink::PostgresSink;
pub use tx::PostgresTx;

/// The parts, for this crate's own tests against a real server. They may change at any time.
#[doc(hidden)]
pub mod internals {
    use aftercommit_core::QueueName;
    use sqlx::postgres::PgConnectOptions;

    pub use crate::looks::BEGINNING;
    pub use crate::sql::ALL as STATEMENTS;

    /// How the engine connects, its settings of the planner included.
    pub fn connect_options(options: &crate::PostgresOptions) -> PgConnectOptions {
        options.for_calls()
    }

    /// From which place on the next claim looks that need not look from the beginning.
    pub fn floor(queue: &crate::PostgresQueue, name: &QueueName) -> i64 {
        queue.looks.floor(name)
    }
}
