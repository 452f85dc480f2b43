//! Time as a value. Nothing in the library asks the machine for the time except through a [`Clock`].

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in whole milliseconds since the Unix epoch: the precision the queue promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A moment from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The first whole millisecond at or after `time`. Rounding up keeps a due time from being early.
    pub fn at_or_after(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(millis_up(since)),
            Err(before) => Self(-clamp(before.duration().as_millis())),
        }
    }

    /// The last whole millisecond at or before `time`.
    pub fn at_or_before(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(clamp(since.as_millis())),
            Err(before) => Self(-millis_up(before.duration())),
        }
    }

    /// The same moment for the standard library.
    pub fn to_system_time(self) -> SystemTime {
        let distance = Duration::from_millis(self.0.unsigned_abs());
        if self.0 >= 0 { UNIX_EPOCH + distance } else { UNIX_EPOCH - distance }
    }

    /// This moment plus `duration` (rounded up to a millisecond), stopping at the end of time.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis_up(duration)))
    }

    /// This moment minus `duration` (rounded up to a millisecond), stopping at the start of time.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis_up(duration)))
    }

    /// How long from `earlier` until this moment; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The UTC day this moment falls on, as days since the Unix epoch.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }
}

fn millis_up(duration: Duration) -> i64 {
    clamp(duration.as_nanos().div_ceil(1_000_000))
}

fn clamp(millis: u128) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// Where the time comes from. Tests pass one they can turn.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the library reads the machine's time")]
    fn now(&self) -> Timestamp {
        Timestamp::at_or_before(SystemTime::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_time_is_never_rounded_to_an_earlier_one() {
        let exact = UNIX_EPOCH + Duration::from_micros(1_500);
        assert_eq!(Timestamp::at_or_after(exact).as_millis(), 2);
        assert_eq!(Timestamp::at_or_before(exact).as_millis(), 1);
        let before = UNIX_EPOCH - Duration::from_micros(1_500);
        assert_eq!(Timestamp::at_or_after(before).as_millis(), -1);
        assert_eq!(Timestamp::at_or_before(before).as_millis(), -2);
        assert_eq!(Timestamp::from_millis(0).plus(Duration::from_micros(1)).as_millis(), 1);
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        assert_eq!(Timestamp::from_millis(5).plus(Duration::MAX).as_millis(), i64::MAX);
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(-1).day(), -1);
    }
}
