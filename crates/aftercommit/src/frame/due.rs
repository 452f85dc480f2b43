//! How long to sleep until something is due. The store's clock decides what is due, and ours how long to
//! sleep; where the two differ, the difference must not become a busy loop.

use std::time::Duration;

use aftercommit_core::Timestamp;

/// What became due during a call is had by the next one.
const SHORTEST: Duration = Duration::from_millis(1);
/// How rarely a store is asked that says "not yet" though it is time by our clock.
const LONGEST_OVERDUE: Duration = Duration::from_millis(100);

/// Turns due times into sleeps.
#[derive(Debug)]
pub(crate) struct DueIn {
    overdue: Duration,
}

impl DueIn {
    pub(crate) const fn new() -> Self {
        Self { overdue: SHORTEST }
    }

    /// How long to sleep until `due`, after a call that got nothing. Twice as long each time the moment has
    /// passed by our clock and not by the store's.
    pub(crate) fn after_nothing(&mut self, due: Timestamp, now: Timestamp) -> Duration {
        let left = due.since(now);
        if !left.is_zero() {
            self.overdue = SHORTEST;
            return left;
        }
        let sleep = self.overdue;
        self.overdue = (self.overdue * 2).min(LONGEST_OVERDUE);
        sleep
    }

    /// The same after a call that got something.
    pub(crate) fn after_some(&mut self, due: Timestamp, now: Timestamp) -> Duration {
        self.overdue = SHORTEST;
        due.since(now).max(SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: Timestamp = Timestamp::from_millis(1_000);

    #[test]
    fn a_due_time_to_come_is_waited_for_exactly() {
        let mut due = DueIn::new();
        assert_eq!(due.after_nothing(DUE, Timestamp::from_millis(400)), Duration::from_millis(600));
        assert_eq!(due.after_some(DUE, Timestamp::from_millis(1_400)), SHORTEST);
    }

    #[test]
    fn a_store_whose_clock_lags_is_asked_more_and_more_rarely_until_it_gives_something() {
        let mut due = DueIn::new();
        let late = Timestamp::from_millis(1_500);
        let sleeps = [(); 9].map(|()| due.after_nothing(DUE, late).as_millis());
        assert_eq!(sleeps, [1, 2, 4, 8, 16, 32, 64, 100, 100]);
        assert_eq!(due.after_some(DUE, late), SHORTEST);
        assert_eq!(due.after_nothing(DUE, late), SHORTEST);
    }
}
