//! What the suite gets from an outbox's author.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use aftercommit_core::{BoxFuture, Enqueued, NewTask, Outbox, Result};

use crate::ManualClock;

/// An empty outbox ready for one case.
pub struct OutboxFixture {
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) clock: ManualClock,
    pub(super) commit: Commit,
    pub(super) reopen: Reopen,
    guard: Box<dyn Any + Send>,
}

/// Enqueues tasks in one transaction and commits it.
pub(super) type Commit = Box<dyn Fn(Vec<NewTask>) -> BoxFuture<'static, Vec<Result<Enqueued>>> + Send + Sync>;

/// Opens the same outbox once more.
pub(super) type Reopen = Box<dyn Fn() -> BoxFuture<'static, Arc<dyn Outbox>> + Send + Sync>;

impl OutboxFixture {
    /// An outbox that takes its time from `clock` and holds nothing yet. Say how its host commits, and how another process
    /// opens it.
    pub fn new(outbox: Arc<dyn Outbox>, clock: ManualClock) -> Self {
        Self {
            outbox,
            clock,
            commit: Box::new(|_| panic!("the fixture does not say how tasks are committed")),
            reopen: Box::new(|| panic!("the fixture does not say how the outbox is opened again")),
            guard: Box::new(()),
        }
    }

    /// Says how the host enqueues tasks in one transaction of the first handle and commits it.
    #[must_use]
    pub fn commit(
        mut self,
        commit: impl Fn(Vec<NewTask>) -> BoxFuture<'static, Vec<Result<Enqueued>>> + Send + Sync + 'static,
    ) -> Self {
        self.commit = Box::new(commit);
        self
    }

    /// Says how another process would open the same outbox, with the same clock.
    #[must_use]
    pub fn reopen(
        mut self,
        open: impl Fn() -> BoxFuture<'static, Arc<dyn Outbox>> + Send + Sync + 'static,
    ) -> Self {
        self.reopen = Box::new(open);
        self
    }

    /// Keeps something alive until the case is over: a directory, a server.
    #[must_use]
    pub fn keep(mut self, guard: impl Any + Send) -> Self {
        self.guard = Box::new((self.guard, guard));
        self
    }
}

impl fmt::Debug for OutboxFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxFixture").field("clock", &self.clock).finish_non_exhaustive()
    }
}
