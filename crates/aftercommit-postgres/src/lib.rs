//! aftercommit's back-end on Postgres: the queue is a schema of its own, `aftercommit`, in the database of its host, and
//! a task is enqueued in the host's own transaction.
//!
//! [`PostgresQueue`] is the handle. It is a [`Backend`](aftercommit_core::Backend) for a worker, and its
//! [`enqueue_in`](PostgresQueue::enqueue_in) stores a task in a transaction on any connection to the same database.
//! What the engine itself does runs on a few connections of its own ([`PostgresOptions`]), so that a busy host and a busy
//! queue do not wait for each other's.
//!
//! Postgres 12 or newer.

mod enqueue;
mod error;
mod migrate;
mod news;
mod options;
mod queue;
mod row;
mod sink;
mod sql;
mod store;
mod transactional;
mod tx;

pub use options::PostgresOptions;
pub use queue::PostgresQueue;
pub use sink::PostgresSink;
pub use tx::PostgresTx;
