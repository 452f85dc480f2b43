//! What the suite gets from a back-end's author.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Backend, BoxFuture};

use crate::ManualClock;

/// How much of the machine's time may pass during a case, so that what a store keeps by its own clock does
/// not end early.
pub const MARGIN: Duration = Duration::from_secs(4);

/// An empty back-end ready for one case.
pub struct Fixture {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) clock: ManualClock,
    pub(super) reopen: Option<Reopen>,
    pub(super) on_pass: Option<OnPass>,
    pub(super) guard: Box<dyn Any + Send>,
}

/// Lets time pass in a store that has a clock of its own.
pub(super) type OnPass = Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// Opens the same store once more.
pub(super) type Reopen = Box<dyn Fn() -> BoxFuture<'static, Arc<dyn Backend>> + Send + Sync>;

impl Fixture {
    /// A back-end that takes its time from `clock` and holds nothing yet.
    pub fn new(backend: Arc<dyn Backend>, clock: ManualClock) -> Self {
        Self { backend, clock, reopen: None, on_pass: None, guard: Box::new(()) }
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

    /// For a store that ends some lives by its own clock and not by the one it is given: unique locks,
    /// presence, markers, the records of schedulers. After the clock was turned, the hook makes the store as
    /// old as if `duration` had passed in it: what had less than that to live is gone, the rest has so much
    /// less. The cases then never look nearer to the end of such a life than [`MARGIN`].
    #[must_use]
    pub fn on_pass(
        mut self,
        hook: impl Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        self.on_pass = Some(Box::new(hook));
        self
    }

    /// Lets time pass, by the clock and in the store.
    pub(super) async fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
        if let Some(hook) = &self.on_pass {
            hook(duration).await;
        }
    }

    /// How shortly before the end of a life that the store may keep by its own clock a case may look.
    pub(super) const fn margin(&self) -> Duration {
        if self.on_pass.is_some() { MARGIN } else { Duration::from_millis(1) }
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("clock", &self.clock).finish_non_exhaustive()
    }
}
