//! Counts what a relay does, for metrics and tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aftercommit_core::{Backlog, Outbox, Result};

/// Reads the counts of a relay, also while it runs, and how much waits for it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RelayMonitor {
    counters: Arc<Counters>,
    outbox: Arc<dyn Outbox>,
}

#[derive(Debug, Default)]
struct Counters {
    batches: AtomicU64,
    published: AtomicU64,
    republished: AtomicU64,
    duplicates: AtomicU64,
    postponed: AtomicU64,
    buried: AtomicU64,
    kept: AtomicU64,
    ended: AtomicU64,
    lost: AtomicU64,
    unseen: AtomicU64,
    overdue: AtomicU64,
}

/// What a relay has done since it was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RelayCounts {
    /// Calls that the back-end answered.
    pub batches: u64,
    /// Tasks that it stored.
    pub published: u64,
    /// Tasks that a relay had brought before, and died before it could mark them.
    pub republished: u64,
    /// Tasks that were not wanted, because another one holds their unique lock.
    pub duplicates: u64,
    /// Times that a row was put off because its task was refused.
    pub postponed: u64,
    /// Rows set aside for an operator.
    pub buried: u64,
    /// Rows that were kept when their tasks were published.
    pub kept: u64,
    /// Kept rows that went because their tasks had ended.
    pub ended: u64,
    /// Tasks that the back-end had lost, and that were made ready to be published again.
    pub lost: u64,
    /// Those of them that may have ended unseen, because nobody had looked for longer than an end can be seen: they may run
    /// twice.
    pub unseen: u64,
    /// Looks that found a task not ended long after it was due.
    pub overdue: u64,
}

/// One kind of count.
#[derive(Debug, Clone, Copy)]
pub(super) enum Count {
    Batches,
    Published,
    Republished,
    Duplicates,
    Postponed,
    Buried,
    Kept,
    Ended,
    Lost,
    Unseen,
    Overdue,
}

impl RelayMonitor {
    pub(super) fn new(outbox: Arc<dyn Outbox>) -> Self {
        Self { counters: Arc::default(), outbox }
    }

    /// How much waits in the outbox, and since when; asks the outbox each time. For the age of the oldest row, see
    /// [`Backlog::oldest_age`].
    ///
    /// # Errors
    /// If the outbox cannot be reached or refuses.
    pub async fn backlog(&self) -> Result<Backlog> {
        self.outbox.backlog().await
    }

    /// The counts as they are now.
    pub fn counts(&self) -> RelayCounts {
        let get = |count| self.counter(count).load(Ordering::Relaxed);
        RelayCounts {
            batches: get(Count::Batches),
            published: get(Count::Published),
            republished: get(Count::Republished),
            duplicates: get(Count::Duplicates),
            postponed: get(Count::Postponed),
            buried: get(Count::Buried),
            kept: get(Count::Kept),
            ended: get(Count::Ended),
            lost: get(Count::Lost),
            unseen: get(Count::Unseen),
            overdue: get(Count::Overdue),
        }
    }

    pub(super) fn add(&self, count: Count, by: usize) {
        self.counter(count).fetch_add(by as u64, Ordering::Relaxed);
    }

    fn counter(&self, count: Count) -> &AtomicU64 {
        match count {
            Count::Batches => &self.counters.batches,
            Count::Published => &self.counters.published,
            Count::Republished => &self.counters.republished,
            Count::Duplicates => &self.counters.duplicates,
            Count::Postponed => &self.counters.postponed,
            Count::Buried => &self.counters.buried,
            Count::Kept => &self.counters.kept,
            Count::Ended => &self.counters.ended,
            Count::Lost => &self.counters.lost,
            Count::Unseen => &self.counters.unseen,
            Count::Overdue => &self.counters.overdue,
        }
    }
}
