//! The handle: what it is made of, and how it reaches the connections.

use std::sync::Arc;

use aftercommit_core::{Backend, Clock, Groups, Options, Presence, Result};
use sqlx::PgPool;

use crate::cancel::OwnCancels;
use crate::claims::Claims;
use crate::due::DueLooks;
use crate::looks::Looks;
use crate::store::Store;
use crate::watch::Watch;
use crate::{PostgresOptions, PostgresTx};

/// A queue in a Postgres database. Cheap to clone; clones are one queue, and wake each other.
///
/// It is a complete back-end for a worker, and beside that stores tasks in the transactions of its host: see
/// [`enqueue_in`](Self::enqueue_in) and [`begin`](Self::begin).
#[derive(Debug, Clone)]
pub struct PostgresQueue {
    pub(crate) store: Store,
    pub(crate) claims: Arc<Claims>,
    pub(crate) looks: Arc<Looks>,
    pub(crate) due_looks: Arc<DueLooks>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) cancels: Arc<OwnCancels>,
}

impl PostgresQueue {
    /// A queue on connections of its own, which are made when they are needed. The tables must be there: see
    /// [`migrate`](Self::migrate).
    pub fn new(options: &PostgresOptions) -> Self {
        let store = Store::new(options);
        let watch = Arc::new(Watch::new(store.local_now()));
        Self {
            store,
            claims: Arc::default(),
            looks: Arc::default(),
            due_looks: Arc::default(),
            watch,
            cancels: Arc::default(),
        }
    }

    /// Takes the time from `clock` instead of the database. To be said before the queue is used.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.watch = Arc::new(Watch::new(clock.now()));
        self.store.set_clock(clock);
        self
    }

    /// Believes that `clock` is the one of this machine; the database's goes on to decide. To be said before the queue is
    /// used.
    #[must_use]
    pub fn with_clock_of_this_machine(mut self, clock: Arc<dyn Clock>) -> Self {
        self.watch = Arc::new(Watch::new(clock.now()));
        self.store.set_clock_of_this_machine(clock);
        self
    }

    /// Options for every task enqueued in a transaction that neither the call nor the task's type sets.
    #[must_use]
    pub fn with_defaults(mut self, defaults: Options) -> Self {
        self.store.defaults = Arc::new(defaults);
        self
    }

    /// Begins a transaction on one of the host's connections, for its own statements and for
    /// [`enqueue_in`](Self::enqueue_in); its commit wakes the workers of this process at once, and those of others by a
    /// notification that is sent afterwards on a connection of the queue's.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn begin(&self, pool: &PgPool) -> Result<PostgresTx> {
        self.store.begin(pool).await
    }

    /// Wakes the workers, for a host that committed a transaction of its own making. Only a hint: without it, tasks are
    /// noticed within 300 ms.
    pub fn wake(&self) {
        self.store.news.announce_everything();
    }

    /// Creates the tables of the queue and of the outbox in the schema `aftercommit`, or brings them up to date. Safe to
    /// call at each start, from several processes at once: they take turns. Which migrations were applied stands in
    /// `aftercommit._aftercommit_migrations`.
    ///
    /// # Errors
    /// If the tables are of a newer version than this library knows, or the database refuses.
    pub async fn migrate(&self) -> Result<()> {
        self.store.migrate().await
    }

    /// Closes the queue's connections, once what is under way has ended and other processes have been told of what was stored;
    /// later calls fail. A program that stores a task and ends at once leaves its workers to find the task when they look.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

impl Backend for PostgresQueue {
    fn presence(&self) -> Option<&dyn Presence> {
        Some(self)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}
