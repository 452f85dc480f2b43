//! Instants as the bank stores them (microseconds since 1970), and the clock they come from.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An instant in whole microseconds since the Unix epoch, UTC. Both databases store exactly this
/// precision, so that a time read back equals the time that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01T00:00:00Z: how "never" is written in `password_changed_at`.
    pub const YEAR_ONE: Self = Self(-62_135_596_800_000_000);

    /// The instant this many microseconds after (or, negative, before) the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This instant moved on by `span`, cut to microseconds; stops at the last representable instant.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC; the bare number of microseconds where the calendar ends (year 9999).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// Where the present comes from. An argument everywhere, so that tests can set it.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that asks the operating system")]
    fn now(&self) -> Timestamp {
        Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        })
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock on.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(micros(span), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn year_one_reads_as_year_one() {
        assert_eq!(Timestamp::YEAR_ONE.to_string(), "0001-01-01T00:00:00Z");
    }

    #[test]
    fn microseconds_survive_formatting() {
        assert_eq!(Timestamp::from_micros(1_700_000_000_123_456).to_string(), "2023-11-14T22:13:20.123456Z");
    }

    #[test]
    fn a_time_beyond_the_calendar_is_still_printed() {
        assert_eq!(Timestamp::from_micros(i64::MAX).to_string(), "9223372036854775807us");
    }

    #[test]
    fn adding_cuts_nanoseconds_and_never_overflows() {
        let start = Timestamp::from_micros(10);
        assert_eq!(start.plus(Duration::from_nanos(1_999)), Timestamp::from_micros(11));
        assert_eq!(start.plus(Duration::MAX), Timestamp::from_micros(i64::MAX));
    }

    #[test]
    fn the_system_clock_is_past_the_year_2025() {
        assert!(SystemClock.now() > Timestamp::from_micros(1_735_689_600_000_000));
    }

    #[test]
    fn a_manual_clock_moves_only_when_moved() {
        let clock = ManualClock::at(Timestamp::from_micros(5));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_millis(1));
        assert_eq!(clock.now(), Timestamp::from_micros(1_005));
    }
}
