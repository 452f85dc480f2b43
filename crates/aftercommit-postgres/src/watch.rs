//! Which workers are dead, and when it is time to tidy up.
//!
//! A worker that does not beat any more is believed dead with care: after an outage of the database everybody's last beat
//! is long ago, and one that hung for a while answers the recoverer before it has taken the beats of the others.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aftercommit_core::Timestamp;
use aftercommit_core::stored::millis;

/// What a handle remembers in order to judge workers.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Since when this process has reached the database without interruption, in milliseconds.
    since: AtomicI64,
    /// When rows of no further use were last deleted, in milliseconds.
    tidied: AtomicI64,
    /// Workers that were missing in the last look.
    missing: Mutex<HashSet<i64>>,
}

impl Watch {
    pub(crate) fn new(now: Timestamp) -> Self {
        let now = now.as_millis();
        Self { since: AtomicI64::new(now), tidied: AtomicI64::new(now), missing: Mutex::default() }
    }

    /// For how many milliseconds the database has been reached without interruption.
    pub(crate) fn lasts(&self, now: Timestamp) -> i64 {
        now.as_millis().saturating_sub(self.since.load(Ordering::Relaxed))
    }

    /// Starts again, after an outage.
    pub(crate) fn restart(&self, now: Timestamp) {
        self.since.store(now.as_millis(), Ordering::Relaxed);
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes note of the workers that are missing in a look, and says which of them were missing in the last one too.
    pub(crate) fn missing_again(&self, missing: HashSet<i64>) -> HashSet<i64> {
        let mut last = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let again = missing.intersection(&last).copied().collect();
        *last = missing;
        again
    }

    /// True once in each `interval`, for whoever asks first.
    pub(crate) fn may_tidy(&self, now: Timestamp, interval: Duration) -> bool {
        let last = self.tidied.load(Ordering::Relaxed);
        let is_due = now.as_millis().saturating_sub(last) >= millis(interval);
        is_due
            && self
                .tidied
                .compare_exchange(last, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_is_dead_when_it_is_missing_twice_in_a_row() {
        let watch = Watch::new(Timestamp::from_millis(0));
        assert_eq!(watch.missing_again([1, 2].into()), [].into());
        assert_eq!(watch.missing_again([2].into()), [2].into());
        assert_eq!(watch.missing_again([1, 2].into()), [2].into(), "the first one has beaten in between");
        watch.restart(Timestamp::from_millis(5));
        assert_eq!(watch.missing_again([1, 2].into()), [].into(), "after an outage all look dead");
        assert_eq!(watch.lasts(Timestamp::from_millis(7)), 2);
    }

    #[test]
    fn one_of_several_tidies_in_each_interval() {
        let watch = Watch::new(Timestamp::from_millis(0));
        let may = |at| watch.may_tidy(Timestamp::from_millis(at), Duration::from_millis(10));
        assert_eq!([may(9), may(10), may(10), may(19), may(20)], [false, true, false, false, true]);
    }
}
