//! Whether a store can be reached. All loops over it report here, so that an outage is said once when it
//! begins and once when it ends, and not once per loop and poll.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aftercommit_core::{Error, Result};
use tokio::time::Instant;

use crate::telemetry;

/// The shortest pause after a failed call.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause after a failed call.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Who reaches for which store, as the log says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// As in "worker".
    pub(crate) who: &'static str,
    /// As in "its store".
    pub(crate) what: &'static str,
}

/// What is known about a store.
#[derive(Debug)]
pub(crate) struct StoreHealth {
    reach: Reach,
    outage: Mutex<Option<Outage>>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    /// The kinds of call that fail, by what they do, each with the lasting refusal that was said last. One
    /// kind may fail while others succeed: a full disk can be read from.
    failing: BTreeMap<&'static str, Option<String>>,
}

/// What there is to say after a call.
#[derive(Debug, PartialEq, Eq)]
enum News {
    None,
    /// The outage begins.
    Lost,
    /// The store refuses for good, in words not said before.
    Refuses,
    /// All that had failed succeeds again.
    Back(Duration),
}

impl StoreHealth {
    pub(crate) fn new(reach: Reach) -> Self {
        Self { reach, outage: Mutex::default() }
    }

    /// Takes note of a call's result. `doing` completes the sentence "while it ...".
    pub(crate) fn note<T>(&self, doing: &'static str, result: &Result<T>) {
        match result {
            Ok(_) => self.clear(doing),
            Err(error) => match self.failed(doing, error) {
                News::Lost => telemetry::store_lost(self.reach, doing, error),
                News::Refuses => telemetry::store_refuses(self.reach, doing, error),
                News::None | News::Back(_) => {}
            },
        }
    }

    /// These calls have succeeded, or are not wanted any more.
    pub(crate) fn clear(&self, doing: &'static str) {
        if let News::Back(after) = self.succeeded(doing) {
            telemetry::store_back(self.reach, after);
        }
    }

    fn succeeded(&self, doing: &'static str) -> News {
        let mut outage = self.outage();
        let Some(state) = outage.as_mut() else { return News::None };
        state.failing.remove(doing);
        if !state.failing.is_empty() {
            return News::None;
        }
        let lasted = state.since.elapsed();
        *outage = None;
        News::Back(lasted)
    }

    fn failed(&self, doing: &'static str, error: &Error) -> News {
        let mut outage = self.outage();
        let begins = outage.is_none();
        let state = outage.get_or_insert_with(|| Outage { since: Instant::now(), failing: BTreeMap::new() });
        let said = state.failing.entry(doing).or_default();
        if error.is_transient() {
            return if begins { News::Lost } else { News::None };
        }
        // A lasting refusal is not cured by waiting: say each new one.
        let text = error.to_string();
        if said.as_ref() == Some(&text) {
            return News::None;
        }
        *said = Some(text);
        News::Refuses
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Option<Outage>> {
        // Nothing that can panic runs under this lock.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Growing pauses between failed calls.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
}

impl Pauses {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST_PAUSE }
    }

    pub(crate) const fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }

    /// Waits; longer each time, up to a second, and never quite as long as the other loops.
    pub(crate) async fn pause(&mut self) {
        let jitter = rand::random_range(0.5..=1.0);
        tokio::time::sleep(self.next.mul_f64(jitter)).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_said_once_when_it_begins_and_once_when_all_calls_succeed_again() {
        let health = StoreHealth::new(Reach { who: "worker", what: "its store" });
        let gone = || Error::unavailable("fetch", "gone");
        assert_eq!(health.failed("fetched", &gone()), News::Lost);
        assert_eq!(health.succeeded("looked"), News::None, "another call says nothing about this one");
        assert_eq!(health.failed("fetched", &gone()), News::None);
        assert_eq!(health.failed("settled", &gone()), News::None);
        assert_eq!(health.succeeded("fetched"), News::None);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(health.succeeded("settled"), News::Back(Duration::from_secs(7)));
        assert_eq!(health.succeeded("settled"), News::None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_refusal_is_said_once_though_other_calls_succeed() {
        let health = StoreHealth::new(Reach { who: "worker", what: "its store" });
        let refused = || Error::store("delete", "read-only");
        assert_eq!(health.failed("deleted", &refused()), News::Refuses);
        assert_eq!(health.succeeded("fetched"), News::None);
        assert_eq!(health.failed("deleted", &refused()), News::None);
        assert_eq!(health.failed("settled", &Error::store("settle", "read-only")), News::Refuses);
    }
}
