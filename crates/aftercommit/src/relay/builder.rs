//! How a relay is put together. Everything that cannot work is said here, before it starts.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Backend, Clock, Error, Outbox, Publisher, Result, SystemClock};

use super::monitor::RelayMonitor;
use super::retain::RetainUntilDone;
use super::{Relay, Shared};
use crate::frame::StopHandle;

/// Puts a [`Relay`] together.
#[must_use = "call `build` to get the relay"]
#[derive(Debug)]
pub struct RelayBuilder {
    shared: Shared,
}

impl RelayBuilder {
    const DEFAULT_BATCH: usize = 500;
    const MAX_BATCH: usize = 10_000;
    const DEFAULT_HOLD: Duration = Duration::from_secs(10);
    const MIN_HOLD: Duration = Duration::from_secs(1);
    const DEFAULT_MAX_ATTEMPTS: u32 = 10;

    pub(super) fn new(outbox: Arc<dyn Outbox>, backend: Arc<dyn Backend>) -> Self {
        let shared = Shared {
            monitor: RelayMonitor::new(Arc::clone(&outbox)),
            outbox,
            backend,
            clock: Arc::new(SystemClock),
            batch: Self::DEFAULT_BATCH,
            hold: Self::DEFAULT_HOLD,
            max_attempts: Self::DEFAULT_MAX_ATTEMPTS,
            retain: None,
        };
        Self { shared }
    }

    /// The most rows claimed and published at once, at most 10,000; 500 unless set.
    pub const fn batch(mut self, rows: usize) -> Self {
        self.shared.batch = rows;
        self
    }

    /// How long a claim holds, at least a second; 10 s unless set. What a relay that died had in its hands
    /// waits this long.
    pub const fn hold(mut self, hold: Duration) -> Self {
        self.shared.hold = hold;
        self
    }

    /// How often a task that the back-end refuses is tried, while it takes others, before it is set aside; 10
    /// unless set.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.shared.max_attempts = attempts;
        self
    }

    /// Keeps the row of each task after it is published, until the task has ended, and publishes it again if the back-end
    /// has lost it: for a Redis that may be flushed, fail over, evict, or start without its data.
    ///
    /// The retention of the tasks is raised to at least [`WATCHED_RETENTION`](crate::WATCHED_RETENTION), so that a worker
    /// of any kind leaves a record of their completion; such a record takes memory there for that long. The relay looks at
    /// the tasks in batches, a round trip each. A task that an operator deletes at the back-end looks lost: delete its row
    /// in the outbox first ([`Rows::OfTask`](aftercommit_core::Rows)). So does one that its handler revokes. A task of a
    /// group is not watched: its row goes when it is in its group.
    pub fn retain_until_done(mut self, rules: RetainUntilDone) -> Self {
        self.shared.retain = Some(rules);
        self
    }

    /// Where the time comes from; has to be the outbox's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.shared.clock = clock;
        self
    }

    /// The relay, ready to run.
    ///
    /// # Errors
    /// [`Error::Assembly`] listing everything that cannot work: a back-end that takes nothing from relays, no
    /// rows in a batch or too many, a hold that is too short, no attempt.
    pub fn build(self) -> Result<Relay> {
        let shared = self.shared;
        let mut faults = Vec::new();
        if shared.backend.publisher().is_none() {
            faults.push(NO_PUBLISHER.to_owned());
        }
        if !(1..=Self::MAX_BATCH).contains(&shared.batch) {
            faults.push(format!("a relay's batch has 1 to {} rows", Self::MAX_BATCH));
        }
        if shared.hold < Self::MIN_HOLD {
            faults.push(format!("a relay's hold is shorter than {:?}", Self::MIN_HOLD));
        }
        if shared.max_attempts == 0 {
            faults.push("a relay makes no attempt".to_owned());
        }
        faults.extend(shared.retain.as_ref().and_then(RetainUntilDone::faults));
        if !faults.is_empty() {
            return Err(Error::Assembly(faults.join("; ")));
        }
        Ok(Relay { shared: Arc::new(shared), stop: StopHandle::new() })
    }
}

const NO_PUBLISHER: &str = "the relay's back-end takes no tasks from relays";

/// The publisher of a back-end that has one.
pub(super) fn publisher(backend: &dyn Backend) -> Result<&dyn Publisher> {
    backend.publisher().ok_or_else(|| Error::Assembly(NO_PUBLISHER.to_owned()))
}
