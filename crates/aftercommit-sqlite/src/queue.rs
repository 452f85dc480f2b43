//! The handle: what it is made of, and how it reaches the connections.

use std::path::Path;
use std::sync::Arc;

use aftercommit_core::{Backend, Clock, Groups, Options, Presence, Result};

use crate::presence::Watch;
use crate::store::Store;
use crate::{SqlitePools, SqliteTx};

/// A queue in a SQLite database. Cheap to clone; clones are one queue, and wake each other.
///
/// It is a complete back-end for a worker, and beside that stores tasks in the transactions of its host:
/// see [`enqueue_in`](Self::enqueue_in) and [`begin`](Self::begin).
#[derive(Debug, Clone)]
pub struct SqliteQueue {
    pub(crate) store: Store,
    pub(crate) watch: Arc<Watch>,
}

impl SqliteQueue {
    /// A queue on connections that its host uses too. The tables must be there: see
    /// [`migrate`](Self::migrate).
    pub fn new(pools: SqlitePools) -> Self {
        let store = Store::new(pools);
        let watch = Arc::new(Watch::new(store.now()));
        Self { store, watch }
    }

    /// A queue on connections of its own.
    ///
    /// # Errors
    /// If the file cannot be opened or is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::new(SqlitePools::open(path).await?))
    }

    /// Takes the time from `clock`. To be said before the queue is used.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.watch = Arc::new(Watch::new(clock.now()));
        self.store.clock = clock;
        self
    }

    /// Options for every task enqueued in a transaction that neither the call nor the task's type sets.
    #[must_use]
    pub fn with_defaults(mut self, defaults: Options) -> Self {
        self.store.defaults = Arc::new(defaults);
        self
    }

    /// The connections, for the host's own statements.
    pub const fn pools(&self) -> &SqlitePools {
        &self.store.pools
    }

    /// Begins a transaction for the host's own statements and for [`enqueue_in`](Self::enqueue_in); its
    /// commit wakes the workers of this process. All transactions take turns: wait for nothing else in one.
    ///
    /// # Errors
    /// If the store cannot be reached, or others write for too long.
    pub async fn begin(&self) -> Result<SqliteTx> {
        self.store.begin().await
    }

    /// Wakes the workers of this process, for a host that committed a transaction of its own making.
    /// Only a hint: without it, tasks are noticed within 100 ms.
    pub fn wake(&self) {
        self.store.news.everything();
    }
}

impl Backend for SqliteQueue {
    fn presence(&self) -> Option<&dyn Presence> {
        Some(self)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}
