//! Counts what a relay does, for metrics and tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads the counts of a relay, also while it runs. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RelayMonitor(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    batches: AtomicU64,
    published: AtomicU64,
    republished: AtomicU64,
    duplicates: AtomicU64,
    postponed: AtomicU64,
    buried: AtomicU64,
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
}

impl RelayMonitor {
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
        }
    }

    pub(super) fn add(&self, count: Count, by: usize) {
        self.counter(count).fetch_add(by as u64, Ordering::Relaxed);
    }

    fn counter(&self, count: Count) -> &AtomicU64 {
        match count {
            Count::Batches => &self.0.batches,
            Count::Published => &self.0.published,
            Count::Republished => &self.0.republished,
            Count::Duplicates => &self.0.duplicates,
            Count::Postponed => &self.0.postponed,
            Count::Buried => &self.0.buried,
        }
    }
}
