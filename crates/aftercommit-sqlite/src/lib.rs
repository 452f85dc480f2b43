//! aftercommit's back-end on SQLite: the queue is a few tables in the database of its host, on one
//! machine, and a task is enqueued in the host's own transaction.
//!
//! [`SqliteQueue`] is the handle. It is a [`Backend`](aftercommit_core::Backend) for a worker, and its
//! [`enqueue_in`](SqliteQueue::enqueue_in) stores a task in a transaction on any connection to the same
//! database. [`SqlitePools`] are the connections, which the queue and its host share.
//!
//! A host whose tasks run from another back-end, such as Redis, has a [`SqliteOutbox`] instead: tasks are
//! enqueued in its own transactions in the same way, wait in the database, and are published by a relay.
//!
//! Several processes may use one file; the enqueue of one is noticed by the others within 100 ms. A file
//! on a network drive does not work: SQLite's write-ahead log needs shared memory.

mod batch;
mod broker;
mod cancel;
mod complete;
mod dequeue;
mod enqueue;
mod error;
mod groups;
mod inspect;
mod migrate;
mod news;
mod operate;
mod outbox;
mod outcomes;
mod poller;
mod pools;
mod presence;
mod process;
mod queue;
mod row;
mod settle;
mod sink;
mod sql;
mod store;
mod transactional;
mod tx;
mod unreadable;
mod upkeep;
mod waves;

pub use outbox::SqliteOutbox;
pub use pools::SqlitePools;
pub use queue::SqliteQueue;
pub use sink::SqliteSink;
pub use tx::SqliteTx;
