//! The attempts in this worker's hands: unstarted, running, or finished and not yet written down.
//! Every one of them holds a lease that has to be kept alive.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aftercommit_core::{Cancellation, Leased};

use super::attempt::{Attempt, StopReason};

/// Names an attempt within this worker.
pub(super) type Ticket = u64;

/// An attempt with its ticket.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) ticket: Ticket,
    pub(super) attempt: Arc<Attempt>,
}

/// The table of attempts.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    table: Mutex<Table>,
    next: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    attempts: HashMap<Ticket, Arc<Attempt>>,
    /// Why attempts that come now are stopped before they start: the worker has stopped all others.
    closed: Option<StopReason>,
}

impl InFlight {
    /// Takes in a batch of leased tasks.
    pub(super) fn hold(&self, batch: Vec<Leased>) -> Vec<Held> {
        let mut table = self.table();
        batch
            .into_iter()
            .map(|leased| {
                let held = Held {
                    ticket: self.next.fetch_add(1, Ordering::Relaxed),
                    attempt: Arc::new(Attempt::new(leased)),
                };
                if let Some(reason) = table.closed {
                    held.attempt.stop(reason);
                }
                table.attempts.insert(held.ticket, Arc::clone(&held.attempt));
                held
            })
            .collect()
    }

    /// Lets go of attempts whose outcome is written down, or is nobody's business any more.
    pub(super) fn release(&self, tickets: impl IntoIterator<Item = Ticket>) {
        let mut table = self.table();
        for ticket in tickets {
            table.attempts.remove(&ticket);
        }
    }

    /// Every attempt, in no order.
    pub(super) fn all(&self) -> Vec<Held> {
        let table = self.table();
        let held = |(ticket, attempt): (&Ticket, &Arc<Attempt>)| Held {
            ticket: *ticket,
            attempt: Arc::clone(attempt),
        };
        table.attempts.iter().map(held).collect()
    }

    /// Stops the attempts a cancellation means.
    pub(super) fn cancel(&self, wanted: &Cancellation) {
        for attempt in self.table().attempts.values() {
            let lease = attempt.lease();
            if lease.id == wanted.id && wanted.queue.as_ref().is_none_or(|queue| *queue == lease.queue) {
                attempt.stop(StopReason::Cancelled);
            }
        }
    }

    /// Stops every attempt, those to come too.
    pub(super) fn stop_all(&self, reason: StopReason) {
        let mut table = self.table();
        table.closed = Some(reason);
        for attempt in table.attempts.values() {
            attempt.stop(reason);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing that can panic runs under this lock, so a poisoned table is still whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
