//! The phases in the life of a worker or a relay, and the handle that moves it on.

use std::sync::Arc;

use tokio::sync::watch;

/// What a worker or a relay is doing. Phases only advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Takes tasks.
    Running,
    /// Takes no more tasks, finishes what it has, keeps up the store.
    Quiet,
    /// Finishes what it can, gives back the rest, and ends.
    Draining,
}

/// Stops a worker or a relay from outside. Dropping it changes nothing: they run on.
#[derive(Debug, Clone)]
pub struct StopHandle {
    phase: Arc<watch::Sender<Phase>>,
}

impl StopHandle {
    pub(crate) fn new() -> Self {
        Self { phase: Arc::new(watch::Sender::new(Phase::Running)) }
    }

    /// Take no more tasks and finish what is there; the worker, or relay, stays alive.
    pub fn quiet(&self) {
        self.advance(Phase::Quiet);
    }

    /// Take no more tasks and end: a worker lets running ones finish within its shutdown timeout and gives the
    /// rest back to their queues, a relay finishes what is in its hands. [`Worker::run`](crate::Worker::run) or
    /// [`Relay::run`](crate::Relay::run) returns then.
    pub fn shutdown(&self) {
        self.advance(Phase::Draining);
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let later = to > *phase;
            *phase = to.max(*phase);
            later
        });
    }

    pub(crate) fn phases(&self) -> Phases {
        Phases { phase: self.phase.subscribe(), _keep: self.clone() }
    }
}

/// A loop's view of the phases.
#[derive(Debug, Clone)]
pub(crate) struct Phases {
    phase: watch::Receiver<Phase>,
    /// Keeps the sender alive, so that waiting for a phase cannot fail.
    _keep: StopHandle,
}

impl Phases {
    pub(crate) fn now(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits until this phase, or a later one, is reached.
    pub(crate) async fn reached(&mut self, wanted: Phase) {
        let _ = self.phase.wait_for(|phase| *phase >= wanted).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_advance_and_a_dropped_handle_stops_nothing() {
        let handle = StopHandle::new();
        let mut phases = handle.phases();
        drop(handle.clone());
        assert_eq!(phases.now(), Phase::Running);
        handle.shutdown();
        handle.quiet();
        drop(handle);
        phases.reached(Phase::Quiet).await;
        assert_eq!(phases.now(), Phase::Draining);
    }
}
