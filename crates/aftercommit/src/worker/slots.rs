//! The worker's capacity: how many tasks run, how many wait in its hands, and how many more it wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Counts slots and fetched tasks. The fetcher reads it, the runner changes it.
#[derive(Debug)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    concurrency: usize,
    unstarted: AtomicUsize,
    started: AtomicU64,
    changed: Notify,
}

/// One occupied slot; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    slots: Arc<Slots>,
}

impl Slots {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(concurrency)),
            concurrency,
            unstarted: AtomicUsize::new(0),
            started: AtomicU64::new(0),
            changed: Notify::new(),
        }
    }

    pub(super) const fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Waits for a free slot and occupies it.
    pub(super) async fn occupy(self: &Arc<Self>) -> Slot {
        // The semaphore is never closed; if it were, running without a permit beats stopping.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        Slot { permit, slots: Arc::clone(self) }
    }

    /// So many tasks were fetched and wait for a slot.
    pub(super) fn fetched(&self, count: usize) {
        self.unstarted.fetch_add(count, Ordering::Relaxed);
    }

    /// A fetched task was started.
    pub(super) fn taken(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.given_back();
    }

    /// A fetched task does not wait in this worker's hands any more.
    pub(super) fn given_back(&self) {
        self.unstarted.fetch_sub(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// How many tasks were started since the worker began.
    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// How many tasks wait in this worker's hands.
    pub(super) fn unstarted(&self) -> usize {
        self.unstarted.load(Ordering::Relaxed)
    }

    /// How many tasks run.
    pub(super) fn running(&self) -> usize {
        self.concurrency - self.free.available_permits().min(self.concurrency)
    }

    /// Waits until a task was started or a slot became free since the last look.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.permit = None;
        self.slots.changed.notify_one();
    }
}
