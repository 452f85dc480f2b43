//! What the suite gets from a back-end's author.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use aftercommit_core::{Backend, BoxFuture};

use crate::ManualClock;

/// An empty back-end ready for one case.
pub struct Fixture {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) clock: ManualClock,
    pub(super) reopen: Option<Reopen>,
    pub(super) guard: Box<dyn Any + Send>,
}

pub(super) type Reopen = Box<dyn Fn() -> BoxFuture<'static, Arc<dyn Backend>> + Send + Sync>;

impl Fixture {
    /// A back-end that takes its time from `clock` and holds nothing yet.
    pub fn new(backend: Arc<dyn Backend>, clock: ManualClock) -> Self {
        Self { backend, clock, reopen: None, guard: Box::new(()) }
    }

    /// Keeps something alive until the case is over: a directory, a server.
    #[must_use]
    pub fn keep(mut self, guard: impl Any + Send) -> Self {
        self.guard = Box::new((self.guard, guard));
        self
    }

    /// Says how another process would open the same store, with the same clock. The closure must not
    /// hold the first handle: the suite also closes it and opens the store again.
    #[must_use]
    pub fn reopen(
        mut self,
        open: impl Fn() -> BoxFuture<'static, Arc<dyn Backend>> + Send + Sync + 'static,
    ) -> Self {
        self.reopen = Some(Box::new(open));
        self
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("clock", &self.clock).finish_non_exhaustive()
    }
}
