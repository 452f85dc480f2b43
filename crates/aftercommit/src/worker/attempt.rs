//! One attempt of one task, from the dequeue until its outcome is written down.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use aftercommit_core::{Lease, Leased, Timestamp};
use tokio_util::sync::CancellationToken;

/// Not started yet.
const UNSTARTED: i64 = i64::MIN;

/// A leased task in this worker's hands.
#[derive(Debug)]
pub(crate) struct Attempt {
    leased: Arc<Leased>,
    started_at: AtomicI64,
    lease_expires_at: AtomicI64,
    perhaps_settled: AtomicBool,
    stopped: CancellationToken,
    reason: OnceLock<StopReason>,
}

/// Why an attempt is to end before its handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// Somebody asked for it.
    Cancelled,
    /// The lease is lost: the task is somebody else's, so nothing may be written.
    LeaseLost,
    /// The worker goes away.
    Shutdown,
    /// The timeout or the deadline has passed.
    TimedOut,
}

impl Attempt {
    pub(crate) fn new(leased: Leased) -> Self {
        let lease_expires_at = AtomicI64::new(leased.lease.expires_at.as_millis());
        Self {
            leased: Arc::new(leased),
            started_at: AtomicI64::new(UNSTARTED),
            lease_expires_at,
            perhaps_settled: AtomicBool::new(false),
            stopped: CancellationToken::new(),
            reason: OnceLock::new(),
        }
    }

    pub(crate) const fn leased(&self) -> &Arc<Leased> {
        &self.leased
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.leased.lease
    }

    /// Until when the lease lasts, as far as this worker knows.
    pub(crate) fn lease_expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.lease_expires_at.load(Ordering::Relaxed))
    }

    pub(crate) fn extended_until(&self, expires_at: Timestamp) {
        self.lease_expires_at.store(expires_at.as_millis(), Ordering::Relaxed);
    }

    /// A call to write down its outcome had no answer: the store may have carried it out.
    pub(crate) fn note_perhaps_settled(&self) {
        self.perhaps_settled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_perhaps_settled(&self) -> bool {
        self.perhaps_settled.load(Ordering::Relaxed)
    }

    pub(crate) fn start(&self, now: Timestamp) {
        self.started_at.store(now.as_millis(), Ordering::Relaxed);
    }

    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        match self.started_at.load(Ordering::Relaxed) {
            UNSTARTED => None,
            millis => Some(Timestamp::from_millis(millis)),
        }
    }

    /// When the attempt has to end; counted from its start.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.leased.message.expires(self.started_at().unwrap_or_default())
    }

    /// Ends the attempt early. The first reason stands.
    pub(crate) fn stop(&self, reason: StopReason) {
        let _ = self.reason.set(reason);
        self.stopped.cancel();
    }

    pub(crate) const fn stopped(&self) -> &CancellationToken {
        &self.stopped
    }

    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.reason.get().copied()
    }
}
